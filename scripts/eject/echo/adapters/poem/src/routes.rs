// eject: insert handlers
    #[oai(path = "/echo", method = "post")]
    async fn echo(&self, Ctx(ctx): Ctx, Input(input): Input<EchoInput>) -> Reply<EchoOutput> {
        Ok(Output(self.0.flows.echo(&ctx, input).await?))
    }

    #[oai(path = "/echo/stream", method = "post")]
    async fn echo_stream(&self, Ctx(ctx): Ctx, Input(input): Input<EchoInput>) -> StreamReply {
        Events::start(&ctx, self.0.flows.echo_stream(&ctx, input)).await
    }

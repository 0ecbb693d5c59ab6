// eject: insert handlers
    #[oai(path = "/echo", method = "post")]
    async fn echo(&self, ctx: Ctx, input: Input<EchoInput>) -> Reply<EchoOutput> {
        Ok(Output(self.0.flows.echo(&ctx.0, input.0).await?))
    }

    #[oai(path = "/echo/stream", method = "post")]
    async fn echo_stream(&self, ctx: Ctx, input: Input<EchoInput>) -> StreamReply {
        Events::start(&ctx.0, self.0.flows.echo_stream(&ctx.0, input.0)).await
    }

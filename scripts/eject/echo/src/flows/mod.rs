// eject: insert mod
mod echo;
// eject: insert methods
    async fn echo(&self, ctx: &RequestContext, input: EchoInput) -> Result<EchoOutput, FlowError> {
        self.0.call(flow::ECHO, ctx, input, echo::run).await
    }

    fn echo_stream(&self, ctx: &RequestContext, input: EchoInput) -> FlowStream<EchoOutput> {
        self.0.stream(flow::ECHO, ctx, input, echo::stream)
    }

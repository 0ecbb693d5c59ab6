// eject: insert procedures
    async fn echo(&self, call: Request<proto::EchoRequest>) -> Answer<proto::EchoResponse> {
        let (ctx, input) = open(call)?;
        reply(&self.0, self.0.flows.echo(&ctx.request, input).await)
    }

    type EchoStreamStream = Chunks<proto::EchoChunk>;

    async fn echo_stream(&self, call: Request<proto::EchoRequest>) -> Answer<Chunks<proto::EchoChunk>> {
        let (ctx, input) = open(call)?;
        let flow = self.0.flows.echo_stream(&ctx.request, input);
        Chunks::start(&self.0, ctx, flow).await
    }
// eject: insert conversions
impl From<proto::EchoRequest> for EchoInput {
    fn from(it: proto::EchoRequest) -> Self {
        Self { text: or(it.text, || Self::default().text) }
    }
}

impl From<EchoOutput> for proto::EchoResponse {
    fn from(it: EchoOutput) -> Self {
        Self { text: it.text }
    }
}

impl From<String> for proto::EchoChunk {
    fn from(text: String) -> Self {
        Self { text }
    }
}

// eject: insert mod
mod echo;
// eject: insert use
pub use echo::{EchoInput, EchoOutput};
// eject: insert methods
    /// Says a text back.
    #[flow(post = "/echo")]
    async fn echo(&self, ctx: &RequestContext, input: EchoInput) -> Result<EchoOutput, FlowError>;

    /// Says a text back, chunk by chunk.
    #[flow(post = "/echo/stream", streams = echo)]
    fn echo_stream(&self, ctx: &RequestContext, input: EchoInput) -> FlowStream<EchoOutput>;

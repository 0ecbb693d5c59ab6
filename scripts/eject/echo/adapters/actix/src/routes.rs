// eject: insert paths
    echo,
    echo_stream,
// eject: insert routes
        config.service(post("/echo", echo));
        config.service(post("/echo/stream", echo_stream));
// eject: insert handlers
#[utoipa::path(post, path = "/echo", request_body = EchoInput, responses((status = 200, body = EchoOutput)))]
async fn echo(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<EchoInput>) -> Reply<EchoOutput> {
    Ok(Output(app.flows.echo(&ctx.0, input.0).await?))
}

#[utoipa::path(post, path = "/echo/stream", request_body = EchoInput, responses((status = 200, body = str)))]
async fn echo_stream(ThinData(app): ThinData<App>, ctx: Ctx, input: Input<EchoInput>) -> StreamReply {
    Events::start(&ctx.0, app.flows.echo_stream(&ctx.0, input.0)).await
}

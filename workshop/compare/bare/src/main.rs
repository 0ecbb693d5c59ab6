//! The floors of the comparison: each framework's own server with the same answers, as one would write it by hand and
//! without the template.

mod actix;
mod answers;
mod axum;
mod dressed;
mod hyper;
mod poem;
mod relay;
mod tonic;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use clap::{Parser, ValueEnum};
use socket2::{Domain, Socket, Type};

use crate::dressed::Dress;
use crate::relay::Model;

/// The project's, since no allocators are compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As many as ours may wait to be accepted, since bursts are not compared either.
const BACKLOG: i32 = 4096;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A server of one framework, on 127.0.0.1 and with one worker.
#[derive(Parser)]
struct Options {
    /// Which one.
    #[arg(long)]
    framework: Framework,
    /// With what a careful team adds by hand: log, rate limit, request id, limits, headers.
    #[arg(long)]
    dressed: bool,
    /// The port; 0 lets the system choose.
    #[arg(long, env = "PORT", default_value = "0")]
    port: u16,
    /// Where the model's server is, without `/v1beta`.
    #[arg(long, env = "MODEL_URL")]
    model_url: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Framework {
    Axum,
    Actix,
    Poem,
    Hyper,
    Tonic,
}

fn main() -> Result<(), Fault> {
    let options = Options::parse();
    if options.dressed && matches!(options.framework, Framework::Hyper | Framework::Tonic) {
        return Err("--dressed is for axum, actix and poem".into());
    }
    let model = Model::new(&options.model_url)?;
    let listener = listen(options.port)?;
    writeln!(std::io::stdout(), r#"{{"address":"{}"}}"#, listener.local_addr()?)?;
    // Its second part ends the thread that writes the log.
    let (dress, _log) = options.dressed.then(Dress::new).unzip();
    if options.framework == Framework::Actix {
        return Ok(actix::serve(listener, model, dress)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match options.framework {
            Framework::Axum => axum::serve(listener, model, dress).await?,
            Framework::Poem => poem::serve(listener, model, dress).await?,
            Framework::Hyper => hyper::serve(listener, model).await?,
            Framework::Tonic => tonic::serve(listener, model).await?,
            Framework::Actix => {}
        }
        Ok(())
    })
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

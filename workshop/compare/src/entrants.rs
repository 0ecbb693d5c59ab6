//! Who is measured: the program in each combination, and the servers without the template.

use std::net::SocketAddr;

use crate::model::Pace;
use crate::options::Options;
use crate::process::Start;

/// In the order of all tables.
pub const FRAMEWORKS: [&str; 3] = ["axum", "actix", "poem"];

/// What an entrant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program, with this listener.
    Ours(&'static str),
    /// The same answers without the template.
    Bare,
    /// The same with a log, a limit and the same headers, added by hand.
    Dressed,
}

/// A server that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entrant {
    pub name: &'static str,
    pub framework: &'static str,
    pub kind: Kind,
    pub grpc: bool,
}

const fn rest(name: &'static str, framework: &'static str, kind: Kind) -> Entrant {
    Entrant { name, framework, kind, grpc: false }
}

const fn grpc(name: &'static str, kind: Kind) -> Entrant {
    Entrant { name, framework: "tonic", kind, grpc: true }
}

/// All of them. The first of each protocol says what the others' answers must be.
pub const ENTRANTS: [Entrant; 16] = [
    rest("axum native", "axum", Kind::Ours("native")),
    rest("actix native", "actix", Kind::Ours("native")),
    rest("poem native", "poem", Kind::Ours("native")),
    rest("axum hyper", "axum", Kind::Ours("hyper")),
    rest("actix hyper", "actix", Kind::Ours("hyper")),
    rest("poem hyper", "poem", Kind::Ours("hyper")),
    rest("bare axum", "axum", Kind::Bare),
    rest("bare actix", "actix", Kind::Bare),
    rest("bare poem", "poem", Kind::Bare),
    rest("bare hyper", "hyper", Kind::Bare),
    rest("dressed axum", "axum", Kind::Dressed),
    rest("dressed actix", "actix", Kind::Dressed),
    rest("dressed poem", "poem", Kind::Dressed),
    grpc("gRPC own port", Kind::Ours("native")),
    grpc("gRPC single port", Kind::Ours("hyper")),
    grpc("bare tonic", Kind::Bare),
];

impl Entrant {
    pub fn ours(&self) -> bool {
        matches!(self.kind, Kind::Ours(_))
    }

    /// The server without the template that this one is compared with.
    pub fn floor(&self) -> Option<&'static Entrant> {
        let floor = |it: &&Entrant| it.kind == Kind::Bare && it.framework == self.framework;
        if self.ours() { ENTRANTS.iter().find(floor) } else { None }
    }

    /// How it is started: with one worker, and this model.
    pub fn start(&self, options: &Options, model: Option<(SocketAddr, Pace)>) -> Start {
        let url = model.map(|(address, pace)| format!("http://{address}/{}", pace.name()));
        let text = |it: &str| it.to_owned();
        let Kind::Ours(listener) = self.kind else {
            let mut arguments = vec![text("--framework"), text(self.framework)];
            if self.kind == Kind::Dressed {
                arguments.push(text("--dressed"));
            }
            let url = url.unwrap_or_else(|| text("http://127.0.0.1:9"));
            let environment = vec![(text("PORT"), text("0")), (text("MODEL_URL"), url)];
            return Start { program: options.bare.clone(), arguments, environment, under: Vec::new() };
        };
        let framework = if self.grpc { "axum" } else { self.framework };
        let arguments = ["--framework", framework, "--server", listener].map(text).to_vec();
        let mut environment = vec![
            ("PORT", text("0")),
            ("WEB_CONCURRENCY", text("1")),
            ("LOG_FORMAT", text("json")),
            ("RATE_LIMIT_DEFAULT", text("1000000/second")),
            ("HTTP_POOL_MAX", text("20000")),
        ];
        environment.extend(match (self.grpc, listener) {
            (false, _) => [("NO_GRPC", text("true"))],
            (true, "native") => [("GRPC_PORT", text("0"))],
            (true, _) => [("SINGLE_PORT", text("true"))],
        });
        match url {
            Some(url) => environment.extend([
                ("MODEL", text("googleai/gemini-flash-latest")),
                ("GEMINI_API_KEY", text("k")),
                ("GEMINI_BASE_URL", url),
            ]),
            None => environment.push(("MODEL", text("demo"))),
        }
        let environment = environment.into_iter().map(|(name, value)| (text(name), value)).collect();
        Start { program: options.program.clone(), arguments, environment, under: Vec::new() }
    }

    /// Which of the addresses it says is the one to call.
    pub fn address(&self) -> usize {
        usize::from(self.grpc && self.kind == Kind::Ours("native"))
    }
}

//! One case, and how it is written.

use crate::client::{Body, Request};

/// One case: its snapshot is `snapshots/<name>.snap`.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: &'static str,
    pub profile: Profile,
    pub request: Request,
}

/// The settings of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Nothing special.
    Plain,
    /// API keys are on.
    Keys,
    /// Only `api.example.com` is answered to.
    Hosts,
    /// One request a day, and it has been sent.
    Rate,
    /// Bodies of 1,000 bytes at most.
    Small,
    /// `--debug`.
    Debug,
    // eject: dev-ui
    /// `--debug`, and API keys are on.
    DebugWithKeys,
    // eject: end
    /// One page elsewhere may call.
    Cors,
    /// The model has 0.4 s.
    ImpatientWithModel,
    /// A request has 1 s.
    Hurried,
    /// No model was configured.
    Accident,
    /// The demo model was asked for.
    Demo,
    /// Shutting down.
    Draining,
    /// Every rule is on, the one request of the day has been sent.
    Order,
    /// A proxy on this machine is trusted; a client has one request a day.
    Proxied,
    /// Answers are kept.
    Cached,
    /// The model has failed once, which was once too often.
    Circuit,
}

impl Profile {
    /// What it adds to the environment; an empty value unsets.
    pub fn environment(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Plain | Self::Draining => vec![],
            // printf sesame | sha256sum, and another for rotation
            Self::Keys => vec![(
                "API_KEYS",
                "0000000000000000000000000000000000000000000000000000000000000000,\
                 d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272",
            )],
            Self::Hosts => vec![("TRUSTED_HOSTS", "api.example.com,*.internal.example")],
            Self::Rate => vec![("RATE_LIMIT_DEFAULT", "1/day")],
            Self::Small => vec![("MAX_BODY_SIZE", "1000")],
            Self::Debug => vec![("DEBUG", "true")],
            Self::DebugWithKeys => [Self::Debug, Self::Keys].map(Self::environment).concat(), // eject: dev-ui
            Self::Cors => vec![("CORS_ALLOWED_ORIGINS", "https://app.example")],
            Self::ImpatientWithModel => vec![("LLM_TIMEOUT", "400")],
            Self::Hurried => vec![("REQUEST_TIMEOUT", "1")],
            Self::Accident => vec![("GEMINI_API_KEY", "")],
            Self::Demo => vec![("MODEL", "demo"), ("GEMINI_API_KEY", "")],
            Self::Order => {
                [Self::Keys, Self::Hosts, Self::Rate, Self::Small, Self::Cors].map(Self::environment).concat()
            }
            Self::Proxied => vec![("RATE_LIMIT_DEFAULT", "1/day"), ("TRUSTED_PROXIES", "127.0.0.0/8")],
            Self::Cached => vec![("CACHE_ENABLED", "true")],
            Self::Circuit => {
                vec![("CB_ENABLED", "true"), ("CB_FAILURE_THRESHOLD", "1"), ("CB_RECOVERY_TIMEOUT", "86400")]
            }
        }
    }
}

/// A request with this method and target and nothing else.
pub fn bare(name: &'static str, method: &'static str, target: &str) -> Case {
    let request = Request { method, target: target.into(), headers: vec![], body: Body::None };
    Case { name, profile: Profile::Plain, request }
}

pub fn get(name: &'static str, target: &str) -> Case {
    bare(name, "GET", target)
}

/// A JSON body, sent as it is written.
pub fn post(name: &'static str, target: &str, json: impl Into<Vec<u8>>) -> Case {
    let case = bare(name, "POST", target).header("content-type", "application/json");
    case.body(Body::Whole(json.into()))
}

impl Case {
    pub fn on(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.request.headers.retain(|it| it.0 != name);
        self.request.headers.push((name, value.into()));
        self
    }

    /// The same as a browser asks before it sends it.
    pub fn preflight(mut self) -> Self {
        self.request.method = "OPTIONS";
        self.request.headers.retain(|it| it.0 == "host");
        self.body(Body::None)
            .header("origin", "https://app.example")
            .header("access-control-request-method", "POST")
    }

    pub fn body(mut self, body: Body) -> Self {
        self.request.body = body;
        self
    }
}

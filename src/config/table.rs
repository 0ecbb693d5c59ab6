//! The one list of settings. A row says how a setting is called and what it means; `settings.rs` says what
//! type it has.

/// What holds when a setting is given nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: the feature is off or the value is absent.
    Unset,
    /// This text, parsed as if it had been given.
    Value(&'static str),
    /// Something worked out at the start; the text describes it.
    Described(&'static str),
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The heading it stands under in `--help` and the docs.
    pub group: &'static str,
    /// The environment variable, also the key in dotenv files. `--env` has none: it chooses those files.
    pub variable: Option<&'static str>,
    /// The flag, without its dashes.
    pub flag: Option<&'static str>,
    /// Whether the flag may stand alone, meaning `true`.
    pub switch: bool,
    /// Placeholder for the value in `--help`.
    pub hint: &'static str,
    /// What holds otherwise.
    pub fallback: Fallback,
    /// A good value, shown with a fault and in `.example.env`.
    pub example: &'static str,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// One sentence for the user.
    pub help: &'static str,
}

impl Setting {
    const fn new(
        group: &'static str,
        variable: &'static str,
        hint: &'static str,
        help: &'static str,
    ) -> Self {
        let fallback = Fallback::Unset;
        let variable = Some(variable);
        Self { group, variable, flag: None, switch: false, hint, fallback, example: "", secret: false, help }
    }

    const fn flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }

    const fn switch(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), switch: true, ..self }
    }

    const fn flag_only(self) -> Self {
        Self { variable: None, ..self }
    }

    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// A default that is also the example.
    const fn default(self, value: &'static str) -> Self {
        Self { fallback: Fallback::Value(value), example: value, ..self }
    }

    const fn otherwise(self, description: &'static str) -> Self {
        Self { fallback: Fallback::Described(description), ..self }
    }

    const fn example(self, value: &'static str) -> Self {
        Self { example: value, ..self }
    }

    /// How messages call it: the variable, or the flag of the one setting without a variable.
    pub fn name(&self) -> &'static str {
        self.variable.or(self.flag).unwrap_or_default()
    }
}

const SERVER: &str = "Server";
pub(super) const GRPC: &str = "gRPC";
const MODEL: &str = "Model";
const LOGS: &str = "Logs and telemetry";
const EDGE: &str = "Edge";
const RESILIENCE: &str = "Resilience";

/// Every setting, in the order of the docs; the rows of a group stand together.
pub const SETTINGS: &[Setting] = &[
    Setting::new(SERVER, "FRAMEWORK", "NAME", "Adapter that serves, one of the compiled ones.")
        .flag("framework")
        .otherwise("the compiled one; of two, the one beside the default feature; of three, the default feature")
        .example("axum"),
    Setting::new(SERVER, "SERVER", "native|hyper", "The framework's own listener, or the shared hyper one.")
        .flag("server")
        .default("native"),
    Setting::new(SERVER, "PORT", "PORT", "TCP port of the REST listener; 0 lets the system choose.")
        .flag("port")
        .default("8080"),
    Setting::new(SERVER, "HOST", "ADDRESS", "Address to listen on; 0.0.0.0 in a container.")
        .flag("host")
        .default("127.0.0.1"),
    Setting::new(SERVER, "WEB_CONCURRENCY", "COUNT", "Worker threads.")
        .flag("workers")
        .otherwise("the number of CPUs")
        .example("4"),
    Setting::new(SERVER, "", "NAME", "Also read `.NAME.env`, which wins over `.env`.")
        .flag("env")
        .flag_only()
        .example("staging"),
    Setting::new(SERVER, "DEBUG", "BOOL", "API docs, open CORS, console logs: for development only.")
        .switch("debug")
        .default("false"),
    Setting::new(
        SERVER,
        "GENKIT_ENV",
        "NAME",
        "`dev` marks a development machine, where the demo model counts as ready.",
    )
    .default("prod"),
    Setting::new(SERVER, "SHUTDOWN_GRACE", "SECONDS", "How long running calls may go on after SIGTERM.")
        .default("10"),
    Setting::new(
        SERVER,
        "KEEP_ALIVE_TIMEOUT",
        "SECONDS",
        "Idle time of a connection; above the load balancer's.",
    )
    .default("75"),
    Setting::new(GRPC, "GRPC_PORT", "PORT", "TCP port of the gRPC listener; 0 lets the system choose.")
        .flag("grpc-port")
        .default("50051"),
    Setting::new(GRPC, "NO_GRPC", "BOOL", "Serve no gRPC.").switch("no-grpc").default("false"),
    Setting::new(
        GRPC,
        "SINGLE_PORT",
        "BOOL",
        "REST and gRPC together on PORT; serves with the hyper listener.",
    )
    .switch("single-port")
    .default("false"),
    Setting::new(GRPC, "GRPC_TLS_CERT", "FILE", "PEM certificate chain of the gRPC listener; needs the key.")
        .otherwise("no TLS")
        .example("/run/secrets/grpc.crt"),
    Setting::new(GRPC, "GRPC_TLS_KEY", "FILE", "PEM private key of that certificate.")
        .example("/run/secrets/grpc.key"),
    Setting::new(
        GRPC,
        "GRPC_TLS_CLIENT_CA",
        "FILE",
        "PEM certificates of the authorities that sign clients' certificates; turns on mutual TLS.",
    )
    .otherwise("clients need no certificate")
    .example("/run/secrets/clients-ca.crt"),
    Setting::new(
        MODEL,
        "MODEL",
        "PROVIDER/NAME",
        "Model of the flows, such as `openai/gpt-5-mini` or `demo`; several by commas: where one fails, the next.",
    )
    .flag("model")
    .otherwise("googleai/gemini-flash-latest with a key, else demo")
    .example("demo"),
    Setting::new(MODEL, "GEMINI_API_KEY", "KEY", "Key for `googleai/` models.").secret().example("AIza..."),
    Setting::new(MODEL, "GEMINI_BASE_URL", "URL", "Server for `googleai/` models.")
        .otherwise("Google's")
        .example("https://generativelanguage.googleapis.com"),
    Setting::new(MODEL, "GOOGLE_CLOUD_PROJECT", "ID", "Project for `vertexai/` models.")
        .example("my-project"),
    Setting::new(MODEL, "GOOGLE_CLOUD_LOCATION", "REGION", "Region for `vertexai/` models.")
        .default("us-central1"),
    Setting::new(MODEL, "VERTEX_ACCESS_TOKEN", "TOKEN", "OAuth access token for `vertexai/` models (`gcloud auth print-access-token`); read at the start, good for an hour.")
        .secret()
        .example("ya29..."),
    Setting::new(MODEL, "OPENAI_API_KEY", "KEY", "Key for `openai/` models.").secret().example("sk-..."),
    Setting::new(MODEL, "OPENAI_BASE_URL", "URL", "Any OpenAI-compatible server, for `openai/` models.")
        .otherwise("OpenAI's")
        .example("http://127.0.0.1:8000/v1"),
    Setting::new(MODEL, "ANTHROPIC_API_KEY", "KEY", "Key for `anthropic/` models.")
        .secret()
        .example("sk-ant-..."),
    Setting::new(MODEL, "ANTHROPIC_BASE_URL", "URL", "Server for `anthropic/` models.")
        .otherwise("Anthropic's")
        .example("https://api.anthropic.com/v1"),
    Setting::new(MODEL, "OLLAMA_BASE_URL", "URL", "Server for `ollama/` models.")
        .default("http://127.0.0.1:11434"),
    Setting::new(LOGS, "LOG_FORMAT", "json|console", "One JSON object a line, or lines for people.")
        .flag("log-format")
        .otherwise("console in debug or on a terminal, else json")
        .example("json"),
    Setting::new(
        LOGS,
        "LOG_LEVEL",
        "LEVEL",
        "Least level of our own crates: off, error, warn, info, debug, trace.",
    )
    .flag("log-level")
    .default("info"),
    Setting::new(LOGS, "RUST_LOG", "FILTER", "Filter per target; wins over LOG_LEVEL from the same place.")
        .example("info,flow_runtime=debug"),
    Setting::new(LOGS, "NO_COLOR", "ANY", "Any value turns the colours of console logs off.").example("1"),
    Setting::new(LOGS, "METRICS_PORT", "PORT", "Prometheus metrics on a loopback listener of their own.")
        .flag("metrics-port")
        .otherwise("no metrics")
        .example("9464"),
    Setting::new(EDGE, "REQUEST_TIMEOUT", "SECONDS", "Time a call may take until it is a 504.")
        .flag("request-timeout")
        .default("120"),
    Setting::new(EDGE, "MAX_BODY_SIZE", "BYTES", "Largest request body; beyond it, 413.")
        .flag("max-body-size")
        .default("1048576"),
    Setting::new(
        EDGE,
        "RATE_LIMIT_DEFAULT",
        "COUNT/PERIOD",
        "Calls a client may make a second, minute, hour or day.",
    )
    .flag("rate-limit")
    .default("60/minute"),
    Setting::new(
        EDGE,
        "TRUSTED_HOSTS",
        "HOSTS",
        "`Host` values to accept, by commas; `*.example.com` for subdomains.",
    )
    .otherwise("any")
    .example("api.example.com,localhost"),
    Setting::new(
        EDGE,
        "TRUSTED_PROXIES",
        "NETWORKS",
        "Whose X-Forwarded-For counts, by commas: networks, or `platform` for whoever connects.",
    )
    .otherwise("none; on Cloud Run `platform`")
    .example("10.0.0.0/8,2001:db8::1"),
    Setting::new(
        EDGE,
        "API_KEYS",
        "HASHES",
        "SHA-256 of each accepted key (`printf %s KEY | sha256sum`), by commas.",
    )
    .secret()
    .otherwise("no key is asked for")
    .example("64-hexadecimal-digits,64-hexadecimal-digits"),
    Setting::new(
        EDGE,
        "CORS_ALLOWED_ORIGINS",
        "ORIGINS",
        "Origins browsers may call from, by commas, or `*`.",
    )
    .otherwise("same origin only; in debug `*`")
    .example("https://app.example.com"),
    Setting::new(EDGE, "CORS_ALLOWED_METHODS", "METHODS", "Methods a preflight allows, by commas.")
        .default("GET,POST,OPTIONS"),
    Setting::new(EDGE, "CORS_ALLOWED_HEADERS", "HEADERS", "Request headers a preflight allows, by commas.")
        .default("Content-Type,Authorization,X-Request-ID"),
    Setting::new(
        EDGE,
        "HSTS_MAX_AGE",
        "SECONDS",
        "How long browsers that came by HTTPS insist on it; 0 says nothing.",
    )
    .default("31536000"),
    Setting::new(EDGE, "GZIP_MIN_SIZE", "BYTES", "Smallest answer that is compressed; streams never are.")
        .default("500"),
    Setting::new(
        RESILIENCE,
        "LLM_TIMEOUT",
        "MILLISECONDS",
        "Time a model call may take, retries included (models of a list share it equally); in a stream, until the first chunk and between chunks.",
    )
        .default("120000"),
    Setting::new(RESILIENCE, "HTTP_POOL_MAX", "COUNT", "Most calls to one model at once; more wait up to 10 s, then 503.")
        .default("100"),
    Setting::new(RESILIENCE, "HTTP_POOL_MAX_IDLE", "COUNT", "Idle connections kept to each model server.")
        .default("20"),
    Setting::new(RESILIENCE, "CACHE_ENABLED", "BOOL", "Cache the answers of the five idempotent flows.")
        .default("true"),
    Setting::new(RESILIENCE, "CACHE_TTL", "SECONDS", "How long an answer is cached.").default("300"),
    Setting::new(RESILIENCE, "CACHE_MAX_SIZE", "COUNT", "Most answers cached; the one not used for longest goes first.")
        .default("1024"),
    Setting::new(
        RESILIENCE,
        "STREAM_JOIN",
        "FLOWS",
        "Flows whose identical streams in flight share one model call, by commas.",
    )
    .otherwise("none: every stream has a model call of its own")
    .example("tell_story"),
    Setting::new(RESILIENCE, "CB_ENABLED", "BOOL", "Stop calling a model that keeps failing, for a while (circuit breaker).").default("true"),
    Setting::new(RESILIENCE, "CB_FAILURE_THRESHOLD", "COUNT", "Failures in a row that open the circuit.")
        .default("5"),
    Setting::new(RESILIENCE, "CB_RECOVERY_TIMEOUT", "SECONDS", "How long the circuit stays open.").default("30"),
    Setting::new(RESILIENCE, "CB_HALF_OPEN_MAX", "COUNT", "Most calls that may test the model at once after CB_RECOVERY_TIMEOUT.")
        .default("1"),
    Setting::new(
        RESILIENCE,
        "REDIS_URL",
        "URL",
        "Where replicas share cache and rate limits (needs the feature `redis`).",
    )
    .secret()
    .otherwise("each replica for itself")
    .example("redis://127.0.0.1:6379"),
    Setting::new(
        RESILIENCE,
        "REDIS_TIMEOUT",
        "MILLISECONDS",
        "Time one operation on Redis may take; after that the replica falls back to its own state.",
    )
    .default("20"),
];

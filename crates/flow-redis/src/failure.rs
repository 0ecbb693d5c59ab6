//! What goes wrong, in words that are safe in a log.

use std::fmt;
use std::time::Duration;

use redis::ErrorKind;
use tokio::time::timeout;

/// Why a store cannot even be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisError {
    /// Its URL is none. The text does not repeat it: there may be a password in it.
    #[error(
        "not a URL of Redis; expected redis://[user:password@]host[:port][/database], or rediss:// for TLS"
    )]
    Url,
    /// Its URL asks for TLS without the check of the certificate.
    #[error("TLS without checking the certificate (#insecure) is not supported")]
    Insecure,
}

/// Why Redis did not answer.
pub(crate) enum Failure {
    /// Not within this time.
    Slow(Duration),
    /// It said no, or the connection broke.
    Error(redis::RedisError),
}

/// What comes of `work`, in time.
pub(crate) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = redis::RedisResult<T>>,
) -> Result<T, Failure> {
    timeout(limit, work).await.map_err(|_| Failure::Slow(limit))?.map_err(Failure::Error)
}

impl Failure {
    /// Whether the connection is of no more use. What the server refuses may be about one key; if it refuses all, the
    /// next heartbeat finds that out, and until then a refusal costs nobody a timeout.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            Self::Slow(_) => true,
            Self::Error(error) => error.is_io_error(),
        }
    }
}

impl From<redis::RedisError> for Failure {
    fn from(error: redis::RedisError) -> Self {
        Self::Error(error)
    }
}

/// Of what the server says only the code is told: the rest can repeat the arguments it was sent, such as a password
/// or an answer. An I/O error comes from the system or from TLS and knows neither.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(limit) => write!(f, "no answer within {limit:?}"),
            Self::Error(error) => match (error.kind(), error.code()) {
                (ErrorKind::Io, _) => error.fmt(f),
                (_, Some(code)) => write!(f, "refused with {code}"),
                _ => f.write_str(error.category()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use redis::ServerErrorKind;

    use super::*;

    #[test]
    fn what_the_server_repeats_is_not_told() {
        let detail = "unknown command 'AUTH', with args beginning with: 'hunter2'".to_owned();
        for kind in [ErrorKind::Server(ServerErrorKind::ResponseError), ErrorKind::AuthenticationFailed] {
            let error = redis::RedisError::from((kind, "said", detail.clone()));
            let told = Failure::from(error).to_string();
            assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
        }
    }
}

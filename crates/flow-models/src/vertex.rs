//! Access tokens of Google Cloud, which last an hour: kept, and renewed before they end.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::ModelError;
use gcp_auth::TokenProvider;
use secrecy::SecretString;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, timeout};

/// What a token may be used for.
const SCOPES: &[&str] = &["https://www.googleapis.com/auth/cloud-platform"];

/// How long before its end a token is renewed. Earlier than 20 s before it, `gcp_auth` would give the same one again.
const RENEW_BEFORE: Duration = Duration::from_secs(15);

/// How long fetching one may take.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Where tokens come from.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync {
    /// A token, and how long it is good for.
    async fn fetch(&self) -> Result<(SecretString, Duration), ModelError>;
}

/// The token that is good now.
pub(crate) struct Tokens {
    source: Box<dyn TokenSource>,
    kept: RwLock<Option<Kept>>,
    renewing: Mutex<()>,
}

#[derive(Clone)]
struct Kept {
    token: SecretString,
    renew: Instant,
    end: Instant,
}

impl Tokens {
    pub(crate) fn new(source: impl TokenSource + 'static) -> Self {
        Self { source: Box::new(source), kept: RwLock::default(), renewing: Mutex::default() }
    }

    /// A token. Near its end the first caller renews it, and the others go on with the old one.
    pub(crate) async fn token(&self) -> Result<SecretString, ModelError> {
        let renewing = match self.kept() {
            Some(kept) if Instant::now() < kept.renew => return Ok(kept.token),
            Some(kept) if Instant::now() < kept.end => match self.renewing.try_lock() {
                Ok(renewing) => renewing,
                Err(_) => return Ok(kept.token),
            },
            _ => self.renewing.lock().await,
        };
        // Another caller may have been here before.
        if let Some(kept) = self.kept().filter(|it| Instant::now() < it.renew) {
            return Ok(kept.token);
        }
        let late = || ModelError::upstream("its access token could not be fetched in time");
        let fetched = timeout(FETCH_TIMEOUT, self.source.fetch()).await.unwrap_or_else(|_| Err(late()));
        let (token, lifetime) = match (fetched, self.kept()) {
            (Ok(fetched), _) => fetched,
            // The old one is still good for a moment; the next caller tries again.
            (Err(_), Some(kept)) if Instant::now() < kept.end => return Ok(kept.token),
            (Err(error), _) => return Err(error),
        };
        let now = Instant::now();
        let renew = now + lifetime.saturating_sub(RENEW_BEFORE);
        let kept = Kept { token: token.clone(), renew, end: now + lifetime };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        drop(renewing);
        Ok(token)
    }

    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The first of these that is found: a service account's key file that `GOOGLE_APPLICATION_CREDENTIALS` names, what
/// `gcloud auth application-default login` has written, the metadata server of a machine in Google Cloud, or what the
/// program `gcloud` prints. Files of workload identity federation are not among them.
#[derive(Default)]
pub(crate) struct DefaultCredentials {
    found: OnceCell<Arc<dyn TokenProvider>>,
}

#[async_trait]
impl TokenSource for DefaultCredentials {
    async fn fetch(&self) -> Result<(SecretString, Duration), ModelError> {
        let missing = |error| {
            tracing::debug!(target: "genkit", %error, "no credentials of Google Cloud");
            ModelError::rejected("no credentials of Google Cloud were found")
        };
        let found = self.found.get_or_try_init(gcp_auth::provider).await.map_err(missing)?;
        let token = found.token(SCOPES).await.map_err(|error| {
            tracing::debug!(target: "genkit", %error, "no access token of Google Cloud");
            ModelError::upstream("Google Cloud gave no access token")
        })?;
        let left = (token.expires_at() - chrono::Utc::now()).to_std().unwrap_or_default();
        Ok((token.as_str().into(), left))
    }
}

/// A token from the settings. It is never renewed: once it has expired, calls fail.
pub(crate) struct FixedToken(pub(crate) SecretString);

#[async_trait]
impl TokenSource for FixedToken {
    async fn fetch(&self) -> Result<(SecretString, Duration), ModelError> {
        Ok((self.0.clone(), Duration::from_hours(24)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use secrecy::ExposeSecret as _;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// Gives a token an hour, after a while.
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicU32>);

    #[async_trait]
    impl TokenSource for Counting {
        async fn fetch(&self) -> Result<(SecretString, Duration), ModelError> {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let nth = self.0.fetch_add(1, Ordering::Relaxed);
            Ok((format!("token {nth}").into(), HOUR))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_once_before_it_ends_however_many_ask() {
        let source = Counting::default();
        let tokens = Tokens::new(source.clone());
        let began = Instant::now();
        let mut fetched_at = vec![];
        while began.elapsed() < 3 * HOUR {
            let asked = join_all((0..50).map(|_| tokens.token())).await;
            let asked: Vec<_> = asked.into_iter().map(Result::unwrap).collect();
            let number = |it: &SecretString| it.expose_secret()[6..].parse::<u64>().unwrap();
            for token in &asked {
                // No token is handed out after its end.
                let age = began.elapsed().saturating_sub(HOUR * u32::try_from(number(token)).unwrap());
                assert!(age < HOUR + Duration::from_secs(5), "{age:?}");
            }
            if source.0.load(Ordering::Relaxed) as usize > fetched_at.len() {
                fetched_at.push(began.elapsed().as_secs());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        // Once at the beginning, and then once an hour, some seconds before the end.
        assert_eq!(fetched_at, [2, 3589, 7176, 10_763]);
    }
}

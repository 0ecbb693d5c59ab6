//! Answers that all replicas share, and the right to compute one that is not there yet.
//!
//! The right is a lease: a key with a random token and a time to live, which only the holder of the token can renew or
//! delete. A replica that dies stops renewing, and five seconds later another one may compute. A replica that gives up
//! says so through the supervisor, because a destructor cannot wait for the network.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use flow_runtime::{CallKey, Claim, Lease, SharedCache};
use uuid::Uuid;

use crate::connection::{Inner, Operation, Unanswered};
use crate::scripts::Release;
use crate::settings::millis_to_live;
use crate::store::RedisStore;

/// How long a lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(5);

/// A lease, or a request for one. Dropped while it may exist in Redis, it is given back.
#[derive(Debug)]
struct RedisLease {
    store: RedisStore,
    key: CallKey,
    token: String,
    may_exist: bool,
}

#[async_trait]
impl SharedCache for RedisStore {
    async fn claim(&self, key: &CallKey) -> Claim {
        // Made before Redis is asked: a claim that is cut off, or answered too late to be heard, leaves a lease that
        // nobody holds. It would keep all other replicas waiting until it ends.
        let token = Uuid::new_v4().to_string();
        let mut lease = RedisLease { store: self.clone(), key: *key, token, may_exist: true };
        let inner = self.inner();
        let mut script = inner.scripts.claim.key(inner.answer_key(key));
        script.key(inner.lease_key(key)).arg(&lease.token).arg(millis_to_live(LEASE));
        let claimed = inner.ask::<(Option<String>, i64, Option<String>)>(Operation::Claim, &script).await;
        lease.may_exist = matches!(claimed, Ok((None, 1, _)) | Err(Unanswered::Unheard));
        match claimed {
            Ok((Some(answer), left, _)) => {
                let good_for = Duration::from_millis(left.try_into().unwrap_or(0));
                Claim::Cached { answer: answer.into(), good_for }
            }
            Ok((None, 1, _)) => Claim::Ours(Box::new(lease)),
            Ok((None, _, holder)) => Claim::Theirs { holder: holder.unwrap_or_default().into() },
            Err(_) => Claim::Unavailable,
        }
    }
}

#[async_trait]
impl Lease for RedisLease {
    fn renew_every(&self) -> Duration {
        LEASE / 3
    }

    async fn renew(&self) {
        let inner = self.store.inner();
        let mut script = inner.scripts.renew.key(inner.lease_key(&self.key));
        script.arg(&self.token).arg(millis_to_live(LEASE));
        // Without an answer there is nothing to do: the next renewal may get through, or the lease ends.
        let _ = inner.ask::<()>(Operation::Renew, &script).await;
    }

    async fn fulfil(mut self: Box<Self>, answer: &Arc<str>) {
        let inner = self.store.inner();
        let mut script = inner.scripts.fulfil.key(inner.answer_key(&self.key));
        script.key(inner.lease_key(&self.key)).arg(&self.token).arg(&**answer);
        script.arg(millis_to_live(inner.settings.cache_ttl));
        let kept = inner.ask::<()>(Operation::Fulfil, &script).await;
        self.may_exist = kept.is_err();
    }
}

impl Drop for RedisLease {
    fn drop(&mut self) {
        if self.may_exist {
            let inner = self.store.inner();
            let token = std::mem::take(&mut self.token);
            inner.give_back(Release { key: inner.lease_key(&self.key), token });
        }
    }
}

impl Inner {
    fn answer_key(&self, key: &CallKey) -> String {
        self.key(format_args!("cache:v1:{{{key}}}"))
    }

    fn lease_key(&self, key: &CallKey) -> String {
        self.key(format_args!("lease:v1:{{{key}}}"))
    }
}

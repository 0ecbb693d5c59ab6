//! API keys: who may call.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::Head;
use crate::context::Tenant;
use crate::error::FlowError;

/// The longest display name, in characters.
const MAX_NAME: usize = 200;

/// SHA-256 digests of the keys that may call; none means that everyone may. Several let keys be rotated.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(Vec<[u8; 32]>);

impl ApiKeys {
    /// Keys by their SHA-256 digests: whoever reads the configuration cannot call.
    pub fn new(digests: impl IntoIterator<Item = [u8; 32]>) -> Self {
        Self(digests.into_iter().collect())
    }

    /// Lets the holders of keys in, and tells them apart: by the digest of the key, where there are keys.
    pub(super) fn check(&self, head: &Head<'_>) -> Result<Option<Tenant>, FlowError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        if let Some(tenant) = head.header(&AUTHORIZATION).and_then(bearer).and_then(|key| self.find(key)) {
            return Ok(Some(tenant));
        }
        Err(FlowError::unauthenticated())
    }

    /// The `Authorization` header as a display name, as the original sample has it. A credential never is one: it has
    /// two words, a scheme and what follows (RFC 9110 §11.4), and a name has one. Where there are keys, there are no
    /// names.
    pub(super) fn display_name(&self, head: &Head<'_>) -> Option<Arc<str>> {
        let value = head.header(&AUTHORIZATION)?;
        let name = std::str::from_utf8(value).ok()?.trim();
        let is_word = !name.is_empty() && !name.contains(|it: char| it.is_whitespace() || it.is_control());
        (self.0.is_empty() && is_word && name.chars().count() <= MAX_NAME).then(|| name.into())
    }

    /// Compares with every key in the same time, whichever matches.
    fn find(&self, key: &[u8]) -> Option<Tenant> {
        let digest: [u8; 32] = Sha256::digest(key).into();
        let found = self.0.iter().fold(Choice::from(0), |found, it| found | it.ct_eq(&digest));
        bool::from(found).then_some(Tenant(digest))
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}

/// The key of `Bearer <key>` (RFC 6750 §2.1; the scheme's case does not matter).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    (scheme.eq_ignore_ascii_case(b"bearer ") && !key.is_empty()).then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::head::request;

    #[test]
    fn any_of_several_keys_opens_and_nothing_else() {
        let keys = ApiKeys::new(["old", "new"].map(|it| Sha256::digest(it).into()));
        for (value, opens) in [
            ("Bearer old", true),
            ("bearer new", true),
            ("Bearer other", false),
            ("old", false),
            ("Bearer ", false),
        ] {
            let request = request("/", &[("authorization", value)]);
            assert_eq!(keys.check(&Head::of(&request, None)).is_ok(), opens, "{value}");
        }
        let without = request("/", &[]);
        assert!(keys.check(&Head::of(&without, None)).is_err());
        assert!(ApiKeys::default().check(&Head::of(&without, None)).is_ok());
    }

    #[test]
    fn a_credential_is_never_a_display_name() {
        let name = |keys: &ApiKeys, value| {
            let request = request("/", &[("authorization", value)]);
            keys.display_name(&Head::of(&request, None))
        };
        let open = ApiKeys::default();
        assert_eq!(name(&open, "Alice").as_deref(), Some("Alice"));
        for credential in
            ["Bearer abc", "basic YTpi", "Bearer\u{a0}abc", "Hawk id=\"a\"", "SSWS abc", "Alice Smith"]
        {
            assert_eq!(name(&open, credential), None, "{credential}");
        }
        assert_eq!(name(&ApiKeys::new([[0; 32]]), "Alice"), None);
    }
}

//! The key of a call: a hash over everything that determines the answer.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// SHA-256 over a flow, its model, a tenant and the input. It does not reveal the input.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey([u8; 32]);

impl CallKey {
    /// The key of a call.
    ///
    /// `tenant` separates callers who must not see each other's answers; it is empty where there is only one. The
    /// input's type must always serialize in the same order, as structs do. It fails as serde does.
    pub fn new(
        flow: &str,
        model: &str,
        tenant: impl AsRef<[u8]>,
        input: &impl Serialize,
    ) -> serde_json::Result<Self> {
        let mut hash = Sha256::new();
        for part in [flow.as_bytes(), model.as_bytes(), tenant.as_ref()] {
            // The length before each part keeps it from running into the next.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(serde_json::to_vec(input)?);
        Ok(Self(hash.finalize().into()))
    }
}

/// Hexadecimal digits, for stores outside this process.
impl fmt::Display for CallKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CallKey({self})")
    }
}

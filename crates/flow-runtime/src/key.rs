//! The key of a call: a hash over everything that determines the answer.

use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// How long most inputs are at most, in bytes.
const INPUT: usize = 512;

/// What all answers of one program have in common: the models that give them, and whatever else of the program
/// determines them. It is hashed once.
#[derive(Clone, Debug)]
pub struct CallScope(Sha256);

/// SHA-256 over a scope, a flow, a tenant and the input. It does not reveal the input.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey([u8; 32]);

impl CallScope {
    /// The scope of these models and of a program, which fails to serialize as serde does.
    pub fn new(models: &str, program: &impl Serialize) -> serde_json::Result<Self> {
        let mut hash = Sha256::new();
        update(&mut hash, models.as_bytes());
        update(&mut hash, &serde_json::to_vec(program)?);
        // One whole block of the hash: a key goes on from there without mixing it again.
        let mut scope = Sha256::new();
        scope.update([&hash.finalize()[..], &[0; 32]].concat());
        Ok(Self(scope))
    }

    /// The key of a call.
    ///
    /// `tenant` separates callers who must not see each other's answers; it is empty where there is only one. The
    /// input's type must always serialize in the same order, as structs do. It fails as serde does.
    pub fn key(
        &self,
        flow: &str,
        tenant: impl AsRef<[u8]>,
        input: &impl Serialize,
    ) -> serde_json::Result<CallKey> {
        let mut hash = self.0.clone();
        update(&mut hash, flow.as_bytes());
        update(&mut hash, tenant.as_ref());
        let mut bytes = Vec::with_capacity(INPUT);
        serde_json::to_writer(&mut bytes, input)?;
        hash.update(bytes);
        Ok(CallKey(hash.finalize().into()))
    }
}

/// Adds a part. The length before it keeps it from running into the next.
pub(crate) fn update(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

/// Writes a digest for people and for stores.
pub(crate) fn hexadecimal(digest: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    digest.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

/// Hexadecimal digits, for stores outside this process.
impl fmt::Display for CallKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal(&self.0, out)
    }
}

impl fmt::Debug for CallKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CallKey({self})")
    }
}

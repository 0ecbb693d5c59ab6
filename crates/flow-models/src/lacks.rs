//! What a model's server turned out not to know, so that it is asked only once.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

/// A member of a wire's requests that some servers refuse.
pub(crate) trait Member: Copy {
    /// Its place among all of them, below 32.
    fn place(self) -> u32;
}

/// The members that a server does not know.
pub(crate) struct Lacks<M> {
    bits: AtomicU32,
    members: PhantomData<fn() -> M>,
}

impl<M: Member> Lacks<M> {
    /// None is known to be missing but these.
    pub(crate) fn new(missing: &[M]) -> Self {
        let bits = missing.iter().fold(0, |bits, member| bits | bit(*member));
        Self { bits: AtomicU32::new(bits), members: PhantomData }
    }

    pub(crate) fn has(&self, member: M) -> bool {
        self.bits.load(Ordering::Relaxed) & bit(member) != 0
    }

    pub(crate) fn add(&self, member: M) {
        self.bits.fetch_or(bit(member), Ordering::Relaxed);
    }
}

fn bit(member: impl Member) -> u32 {
    1 << member.place()
}

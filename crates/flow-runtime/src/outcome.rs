//! Where an answer or a stream came from.

/// Where the answer came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheOutcome {
    /// The cache had it.
    Hit,
    /// It was computed for this caller.
    Miss,
    /// It was already being computed for another caller.
    Coalesced,
}

impl CacheOutcome {
    /// The value of the `x-cache` header.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Coalesced => "coalesced",
        }
    }
}

//! Errors between a flow and its model, by what the caller can do about them.

use std::borrow::Cow;
use std::time::Duration;

/// A failed model call.
///
/// Its text is safe to log and to show: it never holds a key, a prompt or the provider's answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The content was refused: a blocked prompt or a withheld answer.
    #[error("the model refused the content ({reason})")]
    Refused {
        /// The provider's word for it, such as `SAFETY`.
        reason: Cow<'static, str>,
    },
    /// The provider's quota is used up (HTTP 429, `RESOURCE_EXHAUSTED`).
    #[error("the model's quota is used up")]
    Quota {
        /// The wait the provider asks for, if it does.
        retry_after: Option<Duration>,
    },
    /// The provider could not be reached: no address, no connection, no trust in its certificate.
    #[error("the model could not be reached ({detail})")]
    Unreachable {
        /// What happened.
        detail: Cow<'static, str>,
    },
    /// The provider failed (5xx) or broke off.
    #[error("the model failed or broke off ({detail})")]
    Upstream {
        /// What happened; no text of the provider's.
        detail: Cow<'static, str>,
        /// The wait the provider asks for, if it does.
        retry_after: Option<Duration>,
        /// Whether the request itself may be the cause: the server has answered it, with a failure of its own.
        may_be_the_request: bool,
    },
    /// The answer cannot be used: it is too long, not JSON, or against its schema.
    #[error("the model's answer was unusable ({detail})")]
    Unusable {
        /// What is wrong with it; no text of the provider's.
        detail: Cow<'static, str>,
    },
    /// The answer is empty, or no answer at all, such as a call of a tool that breaks off. Asked again, a model may do
    /// better.
    #[error("the model's answer was unusable ({detail})")]
    Malformed {
        /// What is wrong with it; no text of the provider's.
        detail: Cow<'static, str>,
    },
    /// The model did not answer in time.
    #[error("the model did not answer in time")]
    Timeout,
    /// The provider rejected our request or key (4xx), or the request cannot be put into its words.
    #[error("the model's provider rejected the request ({detail})")]
    Rejected {
        /// What it rejected.
        what: Rejection,
        /// What it rejected; no text of the provider's.
        detail: Cow<'static, str>,
    },
    /// The model failed so often that it is not called for a while.
    #[error("the model's circuit is open")]
    CircuitOpen {
        /// When it may be asked again.
        retry_after: Duration,
    },
    /// So many calls to the model are in flight that this one could not start in time.
    #[error("too many calls to the model are under way")]
    Crowded,
    /// No such model, or none configured.
    #[error("no model is configured under this name")]
    NotConfigured,
    /// A defect on our side, such as a tool that failed or a prompt that does not render.
    #[error("{detail}")]
    Internal {
        /// What broke.
        detail: Cow<'static, str>,
    },
}

/// What a provider rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The request.
    Request,
    /// Our key, or what it allows.
    Key,
    /// The model's name.
    Model,
}

impl ModelError {
    /// The content was refused for `reason`, the provider's word for it.
    ///
    /// Anything that does not look like one word is replaced, because a provider's text must not reach a log.
    pub fn refused(reason: &str) -> Self {
        let is_word = reason.len() <= 40 && reason.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        let reason = if is_word && !reason.is_empty() { reason.to_owned().into() } else { "UNNAMED".into() };
        Self::Refused { reason }
    }

    /// The provider failed or broke off.
    pub fn upstream(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Upstream { detail: detail.into(), retry_after: None, may_be_the_request: false }
    }

    /// The provider could not be reached.
    pub fn unreachable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unreachable { detail: detail.into() }
    }

    /// The answer cannot be used.
    pub fn unusable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Unusable { detail: detail.into() }
    }

    /// The answer is empty or malformed.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed { detail: detail.into() }
    }

    /// The provider rejected our request.
    pub fn rejected(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Rejected { what: Rejection::Request, detail: detail.into() }
    }

    /// Which of the kinds it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Quota { .. } => "quota",
            Self::Unreachable { .. } => "unreachable",
            Self::Upstream { .. } => "upstream",
            Self::Unusable { .. } => "unusable",
            Self::Malformed { .. } => "malformed",
            Self::Timeout => "timeout",
            Self::Rejected { .. } => "rejected",
            Self::CircuitOpen { .. } => "circuit_open",
            Self::Crowded => "crowded",
            Self::NotConfigured => "not_configured",
            Self::Internal { .. } => "internal",
        }
    }

    /// A defect on our side.
    pub fn internal(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Internal { detail: detail.into() }
    }
}

//! The members of a request that not every server and model takes.

use crate::lacks::{self, Lacks};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    Temperature,
    TopP,
    /// `max_completion_tokens` goes in its place.
    MaxTokens,
    MaxCompletionTokens,
    Stop,
    Seed,
    ReasoningEffort,
    StreamOptions,
    ToolChoice,
    /// Words ask for the schema instead.
    ResponseFormat,
}

/// How servers name them when they refuse them.
pub(super) const NAMES: [(Member, &[&str]); 10] = [
    (Member::Temperature, &["temperature"]),
    (Member::TopP, &["top_p"]),
    (Member::MaxTokens, &["max_tokens"]),
    (Member::MaxCompletionTokens, &["max_completion_tokens"]),
    (Member::Stop, &["stop"]),
    (Member::Seed, &["seed"]),
    (Member::ReasoningEffort, &["reasoning_effort", "reasoning", "thinking"]),
    (Member::StreamOptions, &["stream_options", "include_usage"]),
    (Member::ToolChoice, &["tool_choice"]),
    (Member::ResponseFormat, &["response_format", "json_schema"]),
];

impl lacks::Member for Member {
    fn place(self) -> u32 {
        self as u32
    }
}

/// What is known of a model by its name. Reasoning models refuse `temperature`, `top_p` and `stop`, and take
/// `max_completion_tokens` in place of `max_tokens`.
pub(super) fn lacking(model: &str) -> Lacks<Member> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let is_digit = |it: char| it.is_ascii_digit();
    let o_series = name.strip_prefix('o').is_some_and(|it| it.starts_with(is_digit));
    let reasons = o_series || (name.starts_with("gpt-5") && !name.contains("chat"));
    let missing = [Member::Temperature, Member::TopP, Member::MaxTokens, Member::Stop];
    Lacks::new(if reasons { &missing } else { &[] })
}

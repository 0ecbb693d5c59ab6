//! The sample flows through the real program, on every compiled framework. Each has a file here, which goes with
//! the flow. What holds for all flows is tested in `tests/flows.rs`.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test; what one sample needs, another may not"
)]

mod server;

// eject: describe_image
mod describe_image;
// eject: end
// eject: generate_character
mod generate_character;
// eject: end
// eject: generate_code
mod generate_code;
// eject: end
// eject: pirate_chat
mod pirate_chat;
// eject: end
// eject: review_code
mod review_code;
// eject: end
// eject: tell_joke
mod tell_joke;
// eject: end
// eject: tell_story
mod tell_story;
// eject: end
// eject: translate_text
mod translate_text;
// eject: end

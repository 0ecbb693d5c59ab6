//! What is not there: words and dependencies that belong elsewhere.

//! What replicas of a server share through Redis: rate limits, answers, and one computation at a time.
//!
//! Redis makes replicas better, and no request may need it. So nothing here waits for a connection: one task, the
//! supervisor, connects and reconnects in the background and publishes the connection while it is good. An
//! operation takes what is published. If there is nothing it says so at once, and the replica counts and keeps
//! alone. The first operation that Redis does not answer within milliseconds takes the connection down for all
//! others; so an outage costs each request under way one timeout, and each later one nothing. When Redis answers
//! again as fast as it must, the supervisor publishes the new connection and sharing goes on.
//!
//! Read in this order: [`settings`] for what can be said, `operation` for its deadline,
//! `supervisor` for the connection, then [`rate`] and [`cache`], and `scripts` with what runs inside Redis. A script
//! runs as a whole or not at all, which is what makes a count exact and a claim safe among replicas.
//!
//! # Keys
//!
//! | Key | Holds | Until |
//! |---|---|---|
//! | `{prefix}rate:v1:CLIENT` | when the client's bucket is full again, in µs of Redis' clock | then |
//! | `{prefix}cache:v1:{HASH}` | an answer, as JSON | its time is over |
//! | `{prefix}lease:v1:{HASH}` | a random token of the replica that computes it | 5 s after its last renewal |
//!
//! The braces around the hash are part of the key: in a cluster they put an answer and its lease into one slot, as
//! a script needs them. (This is a client of one server all the same; put a proxy before a cluster.) What a key holds
//! changes only together with its `v1`, so that old and new replicas can run side by side.
//!
//! # What it asks of Redis
//!
//! Tested with 7.0; the commands it uses are in version 5, and in Valkey. A user of its own needs the keys `~PREFIX*`
//! and the commands `+get +set +del +pttl +pexpire +time +evalsha +script|load`, and `+select` for another database
//! than 0.
//!
//! # Metrics
//!
//! `redis_up` (0 or 1), `redis_fallbacks_total{operation}` for every operation Redis did not answer, and
//! `redis_operation_seconds{operation}` for every one it was asked.

pub mod cache;
mod failure;
mod operation;
pub mod rate;
mod scripts;
pub mod settings;
pub mod store;
mod supervisor;

pub use failure::RedisError;
pub use settings::RedisSettings;
pub use store::RedisStore;

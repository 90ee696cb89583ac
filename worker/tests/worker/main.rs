//! Stories of a whole worker, fed by an API server of a few lines. One binary: what it links is large.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod admission;
mod cache;
mod canaries;
mod egress;
mod feed;
mod framing;
mod hostile;
mod nested;
mod reuse;
mod routing;
mod serving;
mod stability;
mod stage;
mod telemetry;

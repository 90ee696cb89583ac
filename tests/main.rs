//! The scenarios: stories through the public surface, against the real API server and worker.

mod harness;
mod scenarios;

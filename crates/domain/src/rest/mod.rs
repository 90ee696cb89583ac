//! The bodies of the REST API, a file for each noun: what the API server writes and its client reads, and the
//! other way round.
//!
//! A view ignores fields that it does not know, so that a client and a newer server understand each other. A body
//! refuses them: what a caller asks for must not be lost.

pub mod aliases;
pub mod audit;
pub mod configuration;
pub mod deployments;
pub mod functions;
pub mod limits;
pub mod logs;
pub mod members;
pub mod operations;
pub mod problem;
pub mod session;
pub mod tenants;
pub mod tokens;
pub mod versions;

//! The bodies of the REST API, a file for each noun: what the API server writes and its client reads, and the
//! other way round.
//!
//! A view ignores fields that it does not know, so that a client and a newer server understand each other. A body
//! refuses them: what a caller asks for must not be lost.

pub mod aliases;
pub mod audit;
pub mod configuration;
pub mod deployments;
pub mod domains;
pub mod functions;
pub mod limits;
pub mod logs;
pub mod members;
pub mod operations;
pub mod problem;
pub mod routes;
pub mod session;
pub mod tenants;
pub mod tokens;
pub mod versions;

use serde::{Deserialize, Deserializer};

/// Tells a field that is null from one that is absent.
fn given<'de, T, D>(field: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::deserialize(field).map(Some)
}

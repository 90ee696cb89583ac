//! Atoll's nouns: names, ids, limits, and what travels between the processes.
//!
//! No I/O and nothing async. A type here is a promise: the REST API, the worker feed and the
//! database all spell it the same way.

pub mod artifact;
pub mod configuration;
pub mod deployment;
pub mod digest;
pub mod domain_name;
pub mod egress;
pub mod failure;
pub mod feed;
pub mod function;
pub mod id;
pub mod invalid;
pub mod limits;
pub mod name;
pub mod network;
pub mod operation;
pub mod page;
pub mod report;
pub mod rest;
pub mod role;
pub mod route;
pub mod scope;
pub mod sealed;
pub mod snapshot;
pub mod telemetry;
pub mod tenant;
pub mod token;
pub mod user;
pub mod version;

pub use configuration::ConfigName;
pub use digest::Digest;
pub use domain_name::DomainName;
pub use failure::Failure;
pub use id::*;
pub use invalid::{Invalid, Problems};
pub use limits::Limits;
pub use name::{AliasName, FunctionName, PlanName, TenantSlug};
pub use role::Role;
pub use route::PathPattern;
pub use scope::Scope;

/// A moment, in UTC; RFC 3339 on the wire.
pub type Timestamp = time::OffsetDateTime;

//! The only SQL: one file per table, plain functions that take a connection and the tenant.
//!
//! Two roles reach the database. `atoll_app` sees the rows of the tenant or user that its
//! transaction names, `atoll_platform` does the platform's own work across tenants.

pub mod access_tokens;
pub mod aliases;
pub mod artifacts;
pub mod attempts;
pub mod audit;
mod db;
pub mod deployments;
pub mod domains;
mod error;
pub mod functions;
pub mod invitations;
pub mod invocation_minutes;
pub mod invocations;
pub mod jobs;
pub mod join_tokens;
pub mod keys;
pub mod log_lines;
pub mod members;
pub mod modules;
pub mod nodes;
pub mod operations;
pub mod plans;
pub mod publications;
pub mod registrations;
pub mod resets;
pub mod routes;
pub mod secrets;
pub mod serving;
pub mod sessions;
pub mod setup_tokens;
pub mod standings;
pub mod telemetry;
pub mod tenants;
pub mod uploads;
pub mod usage;
pub mod users;
pub mod variables;
pub mod versions;

pub use db::Db;
pub use error::Fault;
pub use sqlx::{Error, PgConnection as Connection};

pub type Result<T> = std::result::Result<T, Error>;
/// Who made something: a person, by a token of his perhaps, or a tenant's token alone.
#[derive(Clone, Copy, Debug)]
pub struct Author {
    pub user: Option<domain::UserId>,
    pub token: Option<domain::TokenId>,
}

/// Rolled back unless committed.
pub type Tx = sqlx::Transaction<'static, sqlx::Postgres>;

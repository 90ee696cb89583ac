//! The REST API under `/v1`, the workers' feed under `/internal/v1`, and the console everywhere
//! else, on one listener.
//!
//! Handlers only translate: what a caller may do, and what follows from it, is decided in `control`.

mod access;
pub mod admin;
mod aliases;
mod audit;
mod body;
mod deployments;
mod docs;
mod domains;
mod examples;
mod feed;
mod functions;
mod headers;
mod health;
mod hosts;
mod invitations;
mod invocations;
mod invoke;
mod limits;
mod logs;
mod members;
mod metrics;
mod openapi;
mod operations;
mod params;
mod passwords;
pub mod problem;
mod registration;
mod request;
mod revision;
mod router;
pub mod routes;
mod secrets;
mod server;
mod session;
mod sessions;
mod setup;
#[cfg(test)]
mod surface;
mod telemetry;
mod tenant_routes;
mod tenants;
mod tls;
mod tokens;
mod uploads;
mod variables;
mod versions;

pub use server::Server;
pub use tls::TlsFiles;

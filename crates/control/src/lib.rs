//! The verbs of the control plane: proof of access in, one transaction, one closed error out.
//!
//! `api` and `web` only translate; every rule that a caller could break lives here.

pub mod access;
pub mod access_tokens;
pub mod admin;
pub mod aliases;
pub mod audit;
mod backoff;
mod clock;
pub mod configuration;
pub mod deployments;
mod dns;
pub mod domains;
mod error;
pub mod examples;
pub mod feed;
pub mod functions;
mod hashing;
pub mod health;
pub mod invitations;
pub mod invocations;
pub mod jobs;
mod keys;
pub mod limits;
mod mail;
pub mod members;
pub mod operations;
pub mod passwords;
pub mod plans;
mod platform;
pub mod profile;
mod quotas;
pub mod registration;
pub mod routes;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod telemetry;
pub mod tenants;
mod tokens;
pub mod uploads;
pub mod variables;
pub mod vault;
pub mod versions;

pub use access::{Actor, Admin, Developer, Member, Operator, Origin, Owner, Viewer};
pub use clock::Clock;
pub use error::Error;
pub use keys::Keys;
pub use mail::{Mail, SmtpSettings};
pub use platform::{Config, Platform};
/// The rows that verbs answer with; `api` and `web` make their own views of them.
pub use store::{
    access_tokens::AccessToken, deployments::Deployment, functions::Function, members::Membership,
    operations::Operation, plans::Plan, secrets::Secret, tenants::Tenant, uploads::Upload,
    users::User, versions::Version,
};

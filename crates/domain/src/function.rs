//! Who may call a function, and how its instances live.

use serde::{Deserialize, Serialize};

use crate::Problems;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Anybody who knows the URL.
    Public,
    /// Only through `/invoke`, by a member of the tenant.
    Private,
}

/// Instances that outlive an invocation, by a function's own wish: they are fast, and what one
/// invocation leaves in memory the next one finds. Never shared between functions or versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Reuse {
    /// An instance is replaced after this many invocations, 2 to 10,000.
    pub requests: u32,
    /// An instance nobody calls goes after this many seconds, 1 to 300.
    pub idle_seconds: u32,
    /// Invocations that an instance of WASI 0.3 takes at a time, 1 to 64. Other guests take one.
    #[serde(default = "one")]
    pub concurrency: u32,
}

fn one() -> u32 {
    1
}

impl Reuse {
    /// Names every number out of its range.
    pub fn check(self, problems: &mut Problems) {
        for (field, seen, range) in [
            ("requests", self.requests, 2..=10_000),
            ("idle_seconds", self.idle_seconds, 1..=300),
            ("concurrency", self.concurrency, 1..=64),
        ] {
            if !range.contains(&seen) {
                let (from, to) = range.into_inner();
                problems.push(
                    format!("reuse.{field}"),
                    format!("use {from} to {to}, this is {seen}"),
                );
            }
        }
    }
}

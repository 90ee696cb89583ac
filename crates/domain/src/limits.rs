//! The hard limits of functions and tenants. A function's own may lower its plan's, never raise them.

use serde::{Deserialize, Serialize};

use crate::Problems;

/// The limits, what a function may ask for within them, and how the two meet: a limit is named once.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr;)*) => {
        /// What a function and one invocation of it may use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(default)]
        pub struct Limits {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl Limits {
            /// The plan of a tenant that the operator gave no other.
            pub const DEFAULT: Self = Self { $($name: $default,)* };

            /// The lower of two in each dimension.
            pub fn lower(self, other: Self) -> Self {
                Self { $($name: self.$name.min(other.$name),)* }
            }
        }

        /// Limits a function asks for, each at most its plan's; an absent one is the plan's.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(default)]
        pub struct LimitsPatch {
            $(#[serde(skip_serializing_if = "Option::is_none")] $(#[$doc])* pub $name: Option<$kind>,)*
        }

        impl LimitsPatch {
            /// What the function may use under `plan`. A plan lowered since still wins.
            pub fn under(self, plan: Limits) -> Limits {
                plan.lower(Limits { $($name: self.$name.unwrap_or(plan.$name),)* })
            }

            /// This patch where it says something, `earlier` where it does not.
            pub fn or(self, earlier: Self) -> Self {
                Self { $($name: self.$name.or(earlier.$name),)* }
            }

            /// Names every limit that is zero or above the plan's.
            pub fn check(self, plan: Limits, problems: &mut Problems) {
                $(check(stringify!($name), self.$name.map(u64::from), plan.$name.into(), problems);)*
            }
        }
    };
}

limits! {
    /// Time on a CPU of one invocation, instantiation included.
    cpu_ms: u32 = 1_000;
    /// From the request's head to the last byte of the response.
    wall_ms: u32 = 30_000;
    /// All linear memories and tables of an instance together.
    memory_bytes: u64 = 128 << 20;
    request_body_bytes: u64 = 32 << 20;
    response_body_bytes: u64 = 32 << 20;
    /// What is kept of one invocation's stdout and stderr.
    log_bytes: u32 = 64 << 10;
    /// Invocations of the function in flight, over all workers.
    concurrency: u32 = 1_000;
    /// Requests to the function, over all workers; two seconds' worth may come at once.
    rate_per_second: u32 = 1_000_000;
    /// HTTP requests that one invocation may send.
    outbound_requests: u32 = 50;
    /// Bodies that one invocation sends and receives with them, together.
    outbound_bytes: u64 = 64 << 20;
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What all functions of a tenant share, over all workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantLimits {
    /// Invocations in flight.
    pub concurrency: u32,
    /// Requests; two seconds' worth may come at once.
    pub rate_per_second: u32,
}

impl TenantLimits {
    /// The plan of a tenant that the operator gave no other.
    pub const DEFAULT: Self = Self {
        concurrency: 2_000,
        rate_per_second: 2_000_000,
    };
}

impl Default for TenantLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

fn check(field: &str, asked: Option<u64>, limit: u64, problems: &mut Problems) {
    if let Some(seen) = asked
        && !(1..=limit).contains(&seen)
    {
        problems.push(
            format!("limits.{field}"),
            format!("use 1 to {limit}, the plan's limit; this is {seen}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_above_the_plan_is_named() {
        let patch = LimitsPatch {
            cpu_ms: Some(5_000),
            wall_ms: Some(10),
            log_bytes: Some(0),
            ..LimitsPatch::default()
        };
        let mut problems = Problems::default();
        patch.check(Limits::DEFAULT, &mut problems);
        assert_eq!(
            problems.to_string(),
            "limits.cpu_ms: use 1 to 1000, the plan's limit; this is 5000; \
             limits.log_bytes: use 1 to 65536, the plan's limit; this is 0"
        );
        assert_eq!(patch.under(Limits::DEFAULT).cpu_ms, 1_000);
        assert_eq!(patch.under(Limits::DEFAULT).wall_ms, 10);
    }
}

//! The hard limits of functions and tenants. A function's own may lower its plan's, never raise them.

use serde::{Deserialize, Serialize};

use crate::Problems;

/// A set of figures, what a caller may ask of them, and the most that the platform itself can give: a
/// figure is named once.
macro_rules! figures {
    (
        $(#[$doc_of:meta])* $figures:ident;
        $(#[$doc_of_patch:meta])* $patch:ident;
        $($(#[$doc:meta])* $name:ident: $kind:ty = $default:expr, up to $highest:expr;)*
    ) => {
        $(#[$doc_of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(default)]
        pub struct $figures {
            $($(#[$doc])* pub $name: $kind,)*
        }

        impl $figures {
            /// The plan of a tenant that the operator gave no other, unless the operator changed that plan.
            pub const DEFAULT: Self = Self { $($name: $default,)* };

            /// What no plan can pass.
            pub const HIGHEST: Self = Self { $($name: $highest,)* };

            /// The lower of two in each dimension.
            pub fn lower(self, other: Self) -> Self {
                Self { $($name: self.$name.min(other.$name),)* }
            }

            /// By name, in the order they are told.
            pub fn each(self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.into()),)*]
            }
        }

        impl Default for $figures {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(default)]
        $(#[$doc_of_patch])*
        pub struct $patch {
            $(#[serde(skip_serializing_if = "Option::is_none")] $(#[$doc])* pub $name: Option<$kind>,)*
        }

        impl $patch {
            /// `figures`, but for what this patch says.
            pub fn over(self, figures: $figures) -> $figures {
                $figures { $($name: self.$name.unwrap_or(figures.$name),)* }
            }

            /// This patch where it says something, `earlier` where it does not.
            pub fn or(self, earlier: Self) -> Self {
                Self { $($name: self.$name.or(earlier.$name),)* }
            }

            /// By name, as the figures themselves are told one by one.
            pub fn each(self) -> Vec<(&'static str, Option<u64>)> {
                vec![$((stringify!($name), self.$name.map(u64::from)),)*]
            }
        }
    };
}

figures! {
    /// What a function and one invocation of it may use.
    Limits;
    /// Limits a function asks for, each at most its plan's; an absent one is the plan's.
    LimitsPatch;
    /// Time on a CPU of one invocation, instantiation included.
    cpu_ms: u32 = 1_000, up to 600_000;
    /// From the request's head to the last byte of the response.
    wall_ms: u32 = 30_000, up to 3_600_000;
    /// All linear memories and tables of an instance together.
    memory_bytes: u64 = 128 << 20, up to 1 << 30;
    request_body_bytes: u64 = 32 << 20, up to 64 << 30;
    response_body_bytes: u64 = 32 << 20, up to 64 << 30;
    /// What is kept of one invocation's stdout and stderr.
    log_bytes: u32 = 64 << 10, up to 1 << 20;
    /// Invocations of the function in flight, over all workers.
    concurrency: u32 = 1_000, up to 1_000_000;
    /// Requests to the function, over all workers; two seconds' worth may come at once.
    rate_per_second: u32 = 1_000_000, up to 1_000_000_000;
    /// HTTP requests that one invocation may send.
    outbound_requests: u32 = 50, up to 10_000;
    /// Bodies that one invocation sends and receives with them, together.
    outbound_bytes: u64 = 64 << 20, up to 64 << 30;
}

figures! {
    /// What all functions of a tenant share, over all workers.
    TenantLimits;
    /// Limits of a plan to set for all functions of a tenant together.
    #[serde(deny_unknown_fields)]
    TenantLimitsPatch;
    /// Invocations in flight.
    concurrency: u32 = 2_000, up to 10_000_000;
    /// Requests; two seconds' worth may come at once.
    rate_per_second: u32 = 2_000_000, up to 1_000_000_000;
}

figures! {
    /// How much of each a tenant may have.
    Quotas;
    /// Quotas of a plan to set.
    #[serde(deny_unknown_fields)]
    QuotasPatch;
    functions: u32 = 10_000, up to 1_000_000;
    versions_per_function: u32 = 10_000, up to 1_000_000;
    /// Every worker keeps their versions at hand.
    aliases_per_function: u32 = 20, up to 200;
    /// Modules of versions and of uploads, the same bytes counted once.
    stored_bytes: u64 = 100 << 30, up to 1 << 50;
    members: u32 = 1_000, up to 100_000;
    /// The tenant's own, not its members'.
    access_tokens: u32 = 100, up to 10_000;
}

impl LimitsPatch {
    /// What the function may use under `plan`. A plan lowered since still wins.
    pub fn under(self, plan: Limits) -> Limits {
        plan.lower(self.over(plan))
    }

    /// Names every limit that is zero or above the plan's.
    pub fn check(self, plan: Limits, problems: &mut Problems) {
        for ((name, asked), (_, limit)) in self.each().into_iter().zip(plan.each()) {
            check(name, asked, limit, problems);
        }
    }
}

/// Names every figure of a plan below `least`, or above what the platform can give.
pub fn check_figures(
    group: &str,
    asked: Vec<(&'static str, Option<u64>)>,
    highest: Vec<(&'static str, u64)>,
    least: u64,
    problems: &mut Problems,
) {
    for ((name, asked), (_, highest)) in asked.into_iter().zip(highest) {
        if let Some(seen) = asked
            && !(least..=highest).contains(&seen)
        {
            problems.push(
                format!("{group}.{name}"),
                format!("use {least} to {highest}; this is {seen}"),
            );
        }
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

    #[test]
    fn a_set_of_figures_that_lacks_some_has_the_platforms_own_there() {
        let read: Quotas = serde_json::from_str(r#"{"functions": 3}"#).unwrap();
        assert_eq!(
            read,
            Quotas {
                functions: 3,
                ..Quotas::DEFAULT
            }
        );
        assert_eq!(Quotas::DEFAULT.lower(Quotas::HIGHEST), Quotas::DEFAULT);
        assert_eq!(Limits::DEFAULT.lower(Limits::HIGHEST), Limits::DEFAULT);
        assert_eq!(
            TenantLimits::DEFAULT.lower(TenantLimits::HIGHEST),
            TenantLimits::DEFAULT
        );
    }

    #[test]
    fn a_plan_can_give_nothing_that_the_platform_has_not() {
        let patch = QuotasPatch {
            functions: Some(0),
            aliases_per_function: Some(201),
            ..QuotasPatch::default()
        };
        let mut problems = Problems::default();
        check_figures(
            "quotas",
            patch.each(),
            Quotas::HIGHEST.each(),
            0,
            &mut problems,
        );
        assert_eq!(
            problems.to_string(),
            "quotas.aliases_per_function: use 0 to 200; this is 201"
        );
    }
}

//! The hard limits of an invocation. A function's own may lower its plan's, never raise them.

use serde::{Deserialize, Serialize};

use crate::Problems;

/// What one invocation may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    /// Time on a CPU, instantiation included.
    pub cpu_ms: u32,
    /// From the request's head to the last byte of the response.
    pub wall_ms: u32,
    /// All linear memories and tables together.
    pub memory_bytes: u64,
    pub request_body_bytes: u64,
    pub response_body_bytes: u64,
    /// What is kept of stdout and stderr.
    pub log_bytes: u32,
}

impl Limits {
    /// The plan of a tenant that the operator gave no other.
    pub const DEFAULT: Self = Self {
        cpu_ms: 1_000,
        wall_ms: 30_000,
        memory_bytes: 128 << 20,
        request_body_bytes: 32 << 20,
        response_body_bytes: 32 << 20,
        log_bytes: 64 << 10,
    };

    /// The lower of two in each dimension.
    pub fn lower(self, other: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.min(other.cpu_ms),
            wall_ms: self.wall_ms.min(other.wall_ms),
            memory_bytes: self.memory_bytes.min(other.memory_bytes),
            request_body_bytes: self.request_body_bytes.min(other.request_body_bytes),
            response_body_bytes: self.response_body_bytes.min(other.response_body_bytes),
            log_bytes: self.log_bytes.min(other.log_bytes),
        }
    }
}

/// Limits a function asks for, each at most its plan's; an absent one is the plan's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LimitsPatch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wall_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_body_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u32>,
}

impl LimitsPatch {
    /// What the function may use under `plan`. A plan lowered since still wins.
    pub fn under(self, plan: Limits) -> Limits {
        plan.lower(Limits {
            cpu_ms: self.cpu_ms.unwrap_or(plan.cpu_ms),
            wall_ms: self.wall_ms.unwrap_or(plan.wall_ms),
            memory_bytes: self.memory_bytes.unwrap_or(plan.memory_bytes),
            request_body_bytes: self.request_body_bytes.unwrap_or(plan.request_body_bytes),
            response_body_bytes: self.response_body_bytes.unwrap_or(plan.response_body_bytes),
            log_bytes: self.log_bytes.unwrap_or(plan.log_bytes),
        })
    }

    /// This patch where it says something, `earlier` where it does not.
    pub fn or(self, earlier: Self) -> Self {
        Self {
            cpu_ms: self.cpu_ms.or(earlier.cpu_ms),
            wall_ms: self.wall_ms.or(earlier.wall_ms),
            memory_bytes: self.memory_bytes.or(earlier.memory_bytes),
            request_body_bytes: self.request_body_bytes.or(earlier.request_body_bytes),
            response_body_bytes: self.response_body_bytes.or(earlier.response_body_bytes),
            log_bytes: self.log_bytes.or(earlier.log_bytes),
        }
    }

    /// Names every limit that is zero or above the plan's.
    pub fn check(self, plan: Limits, problems: &mut Problems) {
        let fields = [
            ("cpu_ms", self.cpu_ms.map(u64::from), u64::from(plan.cpu_ms)),
            (
                "wall_ms",
                self.wall_ms.map(u64::from),
                u64::from(plan.wall_ms),
            ),
            ("memory_bytes", self.memory_bytes, plan.memory_bytes),
            (
                "request_body_bytes",
                self.request_body_bytes,
                plan.request_body_bytes,
            ),
            (
                "response_body_bytes",
                self.response_body_bytes,
                plan.response_body_bytes,
            ),
            (
                "log_bytes",
                self.log_bytes.map(u64::from),
                u64::from(plan.log_bytes),
            ),
        ];
        for (field, asked, limit) in fields {
            if let Some(seen) = asked
                && !(1..=limit).contains(&seen)
            {
                problems.push(
                    format!("limits.{field}"),
                    format!("use 1 to {limit}, the plan's limit; this is {seen}"),
                );
            }
        }
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

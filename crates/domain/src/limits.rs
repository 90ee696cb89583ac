//! The hard limits of an invocation. A function's own may lower its plan's, never raise them.

use serde::{Deserialize, Serialize};

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

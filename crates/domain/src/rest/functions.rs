//! What is said of a function, and what may be asked of one.

use serde::{Deserialize, Serialize};

use super::given;
use crate::{
    DeploymentId, FunctionId, FunctionName, Limits,
    deployment::Share,
    function::{Access, Reuse},
    limits::LimitsPatch,
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FunctionView {
    pub id: FunctionId,
    pub name: FunctionName,
    /// Where it answers.
    pub url: String,
    pub description: String,
    pub access: Access,
    pub enabled: bool,
    pub limits: Limits,
    /// Hosts that it may send requests to.
    pub allowed_outbound_hosts: Vec<String>,
    /// How instances are used for more than one request; null where each has its own.
    pub reuse: Option<Reuse>,
    /// What answers now; empty before the first deployment is live.
    pub traffic: Vec<Share>,
    pub live_deployment: Option<DeploymentId>,
    /// The highest version number made so far.
    pub latest_version: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateFunction {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsBody>,
    /// Hosts that it may send requests to, `https://api.example.com`; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_outbound_hosts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateFunction {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// A disabled function answers 403.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsBody>,
    /// The whole list anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_outbound_hosts: Option<Vec<String>>,
    /// `null` gives each request an instance of its own again.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Reuse>))]
    pub reuse: Option<Option<Reuse>>,
}

/// Limits to set: of a function each at most the plan's, of a plan at most the platform's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LimitsBody {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outbound_bytes: Option<u64>,
}

impl From<LimitsBody> for LimitsPatch {
    fn from(limits: LimitsBody) -> Self {
        Self {
            cpu_ms: limits.cpu_ms,
            wall_ms: limits.wall_ms,
            memory_bytes: limits.memory_bytes,
            request_body_bytes: limits.request_body_bytes,
            response_body_bytes: limits.response_body_bytes,
            log_bytes: limits.log_bytes,
            concurrency: limits.concurrency,
            rate_per_second: limits.rate_per_second,
            outbound_requests: limits.outbound_requests,
            outbound_bytes: limits.outbound_bytes,
        }
    }
}

//! How high each limit is, what is used of it, and who set it.

use serde::{Deserialize, Serialize};

use crate::PlanName;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// The tenant's plan.
    Plan,
    /// The function's own, lower than its plan's.
    Function,
    /// The same for all.
    Platform,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LimitView {
    /// With its unit, `cpu_ms`.
    pub name: String,
    pub limit: u64,
    /// How much of it is taken; null where nothing is counted, as for a call's own time and memory.
    #[serde(rename = "use")]
    pub used: Option<u64>,
    pub source: LimitSource,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantLimitsView {
    /// The tenant's plan.
    pub plan: PlanName,
    pub limits: Vec<LimitView>,
    /// The most that each of its functions can have.
    pub function_limits: Vec<LimitView>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FunctionLimitsView {
    pub limits: Vec<LimitView>,
}

//! What is live and was, and what asks for another.

use serde::{Deserialize, Serialize};

use crate::{
    DeploymentId, OperationId, UserId,
    deployment::{DeploymentState, Share},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeploymentView {
    pub id: DeploymentId,
    pub traffic: Vec<Share>,
    pub state: DeploymentState,
    /// Why it failed.
    pub error: Option<String>,
    pub message: String,
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// Whether it was made by a rollback.
    pub rollback: bool,
    pub operation: OperationId,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    /// When it began to answer.
    #[serde(with = "time::serde::rfc3339::option")]
    pub live_at: Option<time::OffsetDateTime>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDeployment {
    /// One or two versions; the percentages sum to 100.
    pub traffic: Vec<Share>,
    /// Why, for people.
    #[serde(default)]
    pub message: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RollBack {
    /// Why, for people.
    #[serde(default)]
    pub message: String,
}

//! The `deployment` table: append-only; a rollback is a new row.

use domain::{
    DeploymentId, FunctionId, OperationId, Timestamp, UserId,
    deployment::{DeploymentState, Share},
};

#[derive(Clone, Debug)]
pub struct Deployment {
    pub id: DeploymentId,
    pub function: FunctionId,
    pub traffic: Vec<Share>,
    pub state: DeploymentState,
    pub message: String,
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// Set when this deployment was made by a rollback.
    pub rollback: bool,
    pub operation: OperationId,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub live_at: Option<Timestamp>,
}

//! The `operation` table: progress that a client polls.

use domain::{
    OperationId, TenantId, Timestamp,
    operation::{OperationState, Step},
};

#[derive(Clone, Debug)]
pub struct Operation {
    pub id: OperationId,
    pub tenant: TenantId,
    /// `deploy` or `rollback`.
    pub kind: String,
    pub state: OperationState,
    pub steps: Vec<Step>,
    /// What went wrong, for people; set when `failed`.
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

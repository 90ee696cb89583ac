//! The `function` table. No function is reached by its id alone: its tenant is named beside it.

use domain::{
    DeploymentId, FunctionId, FunctionName, Limits, TenantId, Timestamp, function::Access,
};

#[derive(Clone, Debug)]
pub struct Function {
    pub id: FunctionId,
    pub tenant: TenantId,
    pub name: FunctionName,
    pub description: String,
    pub access: Access,
    pub enabled: bool,
    /// The function's own, already lowered to its plan's.
    pub limits: Limits,
    /// What answers now: the live deployment and its shares, none before the first.
    pub live: Option<DeploymentId>,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

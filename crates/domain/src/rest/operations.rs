//! The progress of a long request.

use serde::{Deserialize, Serialize};

use crate::{
    OperationId,
    operation::{OperationState, Step},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OperationView {
    pub id: OperationId,
    /// `deploy` or `rollback`.
    pub kind: String,
    pub state: OperationState,
    pub steps: Vec<Step>,
    /// What went wrong, when it failed.
    pub error: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
}

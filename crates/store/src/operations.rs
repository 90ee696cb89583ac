//! The `operation` table: progress that a client polls.

use domain::{
    OperationId, TenantId, Timestamp, UserId,
    operation::{OperationState, Step},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result};

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

pub async fn insert(db: &mut Connection, tenant: TenantId, operation: &Operation) -> Result<()> {
    sqlx::query!(
        "insert into operation (operation_id, tenant_id, kind, state, steps, error, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        operation.id.uuid(),
        tenant.uuid(),
        operation.kind,
        operation.state as OperationState,
        Json(&operation.steps) as _,
        operation.error,
        operation.created_at,
        operation.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    id: OperationId,
) -> Result<Option<Operation>> {
    let row = sqlx::query_as!(
        Row,
        r#"select operation_id, tenant_id, kind, state as "state: OperationState",
                  steps as "steps: Json<Vec<Step>>", error, created_at, updated_at
             from operation
            where tenant_id = $1 and operation_id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Operation::from))
}

/// Whose operation it is, if the user sits in that tenant.
pub async fn tenant_of(
    db: &mut Connection,
    user: UserId,
    id: OperationId,
) -> Result<Option<TenantId>> {
    sqlx::query_scalar!(
        r#"select o.tenant_id as "tenant: TenantId"
             from operation o
             join member m on m.tenant_id = o.tenant_id and m.user_id = $1
            where o.operation_id = $2"#,
        user.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Leaves one that has ended as it ended.
pub async fn update(
    db: &mut Connection,
    tenant: TenantId,
    id: OperationId,
    state: OperationState,
    steps: &[Step],
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update operation set state = $3, steps = $4, updated_at = $5
          where tenant_id = $1 and operation_id = $2 and state in ('pending', 'running')",
        tenant.uuid(),
        id.uuid(),
        state as OperationState,
        Json(steps) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Leaves one that has ended as it ended.
pub async fn fail(
    db: &mut Connection,
    tenant: TenantId,
    id: OperationId,
    error: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update operation set state = 'failed', error = $3, updated_at = $4
          where tenant_id = $1 and operation_id = $2 and state in ('pending', 'running')",
        tenant.uuid(),
        id.uuid(),
        error,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    operation_id: Uuid,
    tenant_id: Uuid,
    kind: String,
    state: OperationState,
    steps: Json<Vec<Step>>,
    error: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Operation {
    fn from(row: Row) -> Self {
        Self {
            id: OperationId::from_uuid(row.operation_id),
            tenant: TenantId::from_uuid(row.tenant_id),
            kind: row.kind,
            state: row.state,
            steps: row.steps.0,
            error: row.error,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

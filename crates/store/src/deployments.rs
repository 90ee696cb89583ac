//! The `deployment` table: append-only but for its state; a rollback is a new row.

use domain::{
    DeploymentId, FunctionId, OperationId, TenantId, Timestamp, UserId,
    deployment::{DeploymentState, Share},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Author, Connection, Result};

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

#[derive(Clone, Debug)]
pub struct NewDeployment<'a> {
    pub id: DeploymentId,
    pub function: FunctionId,
    pub traffic: &'a [Share],
    pub message: &'a str,
    pub author: Author,
    pub rollback: bool,
    pub operation: OperationId,
}

/// `preparing`. The function's row is to be locked: one deployment of it prepares at a time.
pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    new: &NewDeployment<'_>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into deployment
                (deployment_id, tenant_id, function_id, traffic, state, message, author, author_token,
                 rollback, operation_id, created_at)
         values ($1, $2, $3, $4, 'preparing', $5, $6, $7, $8, $9, $10)",
        new.id.uuid(),
        tenant.uuid(),
        new.function.uuid(),
        Json(new.traffic) as _,
        new.message,
        new.author.user as _,
        new.author.token as _,
        new.rollback,
        new.operation.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    id: DeploymentId,
) -> Result<Option<Deployment>> {
    let row = sqlx::query_as!(
        Row,
        r#"select d.deployment_id, d.function_id, d.traffic as "traffic: Json<Vec<Share>>",
                  d.state as "state: DeploymentState", d.message, d.author, coalesce(u.name, k.name) as "author_name?",
                  d.rollback, d.operation_id, d.error, d.created_at, d.live_at
             from deployment d
             left join user_account u on u.user_id = d.author
             left join access_token k on k.token_id = d.author_token
            where d.tenant_id = $1 and d.deployment_id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Deployment::from))
}

/// Newest first, those made before `before`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    before: Option<DeploymentId>,
    limit: i64,
) -> Result<Vec<Deployment>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select d.deployment_id, d.function_id, d.traffic as "traffic: Json<Vec<Share>>",
                  d.state as "state: DeploymentState", d.message, d.author, coalesce(u.name, k.name) as "author_name?",
                  d.rollback, d.operation_id, d.error, d.created_at, d.live_at
             from deployment d
             left join user_account u on u.user_id = d.author
             left join access_token k on k.token_id = d.author_token
            where d.tenant_id = $1 and d.function_id = $2
              and ($3::uuid is null or d.deployment_id < $3)
            order by d.deployment_id desc
            limit $4"#,
        tenant.uuid(),
        function.uuid(),
        before.map(DeploymentId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Deployment::from).collect())
}

/// The traffic of the deployment that was live before the one that is now.
pub async fn previous_traffic(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Option<Vec<Share>>> {
    let traffic = sqlx::query_scalar!(
        r#"select traffic as "traffic: Json<Vec<Share>>" from deployment
            where tenant_id = $1 and function_id = $2 and state = 'superseded' and live_at is not null
            order by live_at desc, deployment_id desc
            limit 1"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_optional(db)
    .await?;
    Ok(traffic.map(|shares| shares.0))
}

#[derive(Clone, Copy, Debug)]
pub struct Superseded {
    pub operation: OperationId,
    /// Workers were told of it, so they must be told that it is over.
    pub announced: bool,
}

/// Puts an end to what prepares, for a newer deployment takes its place.
pub async fn supersede_preparing(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Option<Superseded>> {
    sqlx::query_as!(
        Superseded,
        r#"update deployment set state = 'superseded', error = 'a newer deployment took its place'
            where tenant_id = $1 and function_id = $2 and state = 'preparing'
            returning operation_id as "operation: OperationId", announced_at is not null as "announced!""#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// What prepares for this function, whose versions may just have become ready.
pub async fn preparing(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Option<DeploymentId>> {
    sqlx::query_scalar!(
        r#"select deployment_id as "id: DeploymentId" from deployment
            where tenant_id = $1 and function_id = $2 and state = 'preparing'"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Whose deployment a job is about. For the platform's role.
pub async fn tenant_of(db: &mut Connection, id: DeploymentId) -> Result<Option<TenantId>> {
    sqlx::query_scalar!(
        r#"select tenant_id as "tenant: TenantId" from deployment where deployment_id = $1"#,
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Enters its versions into what workers prepare. `false` where it no longer prepares.
pub async fn announce(
    db: &mut Connection,
    tenant: TenantId,
    id: DeploymentId,
    now: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "update deployment set announced_at = coalesce(announced_at, $3)
          where tenant_id = $1 and deployment_id = $2 and state = 'preparing'",
        tenant.uuid(),
        id.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes the place of what is live. `false` where it no longer prepares. The function's row is to be locked.
pub async fn go_live(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    id: DeploymentId,
    now: Timestamp,
) -> Result<bool> {
    sqlx::query!(
        "update deployment set state = 'superseded'
          where tenant_id = $1 and function_id = $2 and state = 'live'
            and exists (select from deployment d where d.deployment_id = $3 and d.state = 'preparing')",
        tenant.uuid(),
        function.uuid(),
        id.uuid(),
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "update deployment set state = 'live', live_at = $3
          where tenant_id = $1 and deployment_id = $2 and state = 'preparing'",
        tenant.uuid(),
        id.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// `false` where it no longer prepares.
pub async fn fail(
    db: &mut Connection,
    tenant: TenantId,
    id: DeploymentId,
    error: &str,
) -> Result<bool> {
    let done = sqlx::query!(
        "update deployment set state = 'failed', error = $3
          where tenant_id = $1 and deployment_id = $2 and state = 'preparing'",
        tenant.uuid(),
        id.uuid(),
        error,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

struct Row {
    deployment_id: Uuid,
    function_id: Uuid,
    traffic: Json<Vec<Share>>,
    state: DeploymentState,
    message: String,
    author: Option<Uuid>,
    author_name: Option<String>,
    rollback: bool,
    operation_id: Uuid,
    error: Option<String>,
    created_at: Timestamp,
    live_at: Option<Timestamp>,
}

impl From<Row> for Deployment {
    fn from(row: Row) -> Self {
        Self {
            id: DeploymentId::from_uuid(row.deployment_id),
            function: FunctionId::from_uuid(row.function_id),
            traffic: row.traffic.0,
            state: row.state,
            message: row.message,
            author: row.author.map(UserId::from_uuid),
            author_name: row.author_name,
            rollback: row.rollback,
            operation: OperationId::from_uuid(row.operation_id),
            error: row.error,
            created_at: row.created_at,
            live_at: row.live_at,
        }
    }
}

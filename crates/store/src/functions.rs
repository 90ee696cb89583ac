//! The `function` table. No function is reached by its id alone: its tenant is named beside it.

use domain::{
    DeploymentId, FunctionId, FunctionName, Limits, TenantId, Timestamp,
    deployment::Share,
    function::{Access, Reuse},
    limits::LimitsPatch,
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result};

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
    /// As its tenant wrote them.
    pub allowed_outbound_hosts: Vec<String>,
    pub reuse: Option<Reuse>,
    /// What answers now: the live deployment and its shares, none before the first.
    pub live: Option<DeploymentId>,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A function, what answers at its URL, and how many versions were made.
#[derive(Clone, Debug)]
pub struct Overview {
    pub function: Function,
    pub traffic: Vec<Share>,
    pub last_version: i32,
    /// As the caller asked for them, before the plan lowered them.
    pub own_limits: LimitsPatch,
}

/// How a caller names a function: a name can hold no `_`, an id always does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FunctionKey {
    Name(FunctionName),
    Id(FunctionId),
}

impl FunctionKey {
    /// `None` where no function can have that name.
    pub fn parse(text: &str) -> Option<Self> {
        match text.parse() {
            Ok(id) => Some(Self::Id(id)),
            Err(_) => FunctionName::parse(text).ok().map(Self::Name),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name.as_str()),
            Self::Id(_) => None,
        }
    }

    fn id(&self) -> Option<Uuid> {
        match self {
            Self::Name(_) => None,
            Self::Id(id) => Some(id.uuid()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct NewFunction {
    pub id: FunctionId,
    pub name: FunctionName,
    pub description: String,
    pub access: Access,
    pub enabled: bool,
    pub limits: LimitsPatch,
    pub allowed_outbound_hosts: Vec<String>,
    pub reuse: Option<Reuse>,
}

/// What an update leaves a function with.
#[derive(Clone, Debug)]
pub struct Change {
    pub description: String,
    pub access: Access,
    pub enabled: bool,
    pub limits: LimitsPatch,
    pub allowed_outbound_hosts: Vec<String>,
    pub reuse: Option<Reuse>,
}

/// `function_name_unique` is violated where the tenant has one of that name.
pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    new: &NewFunction,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into function
                (function_id, tenant_id, name, description, access, enabled, limits,
                 allowed_outbound_hosts, reuse, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        new.id.uuid(),
        tenant.uuid(),
        new.name.as_str(),
        new.description,
        new.access as Access,
        new.enabled,
        Json(new.limits) as _,
        &new.allowed_outbound_hosts,
        new.reuse.map(Json) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    key: &FunctionKey,
) -> Result<Option<Overview>> {
    let row = sqlx::query_as!(
        Row,
        r#"select f.function_id, f.tenant_id, f.name as "name: FunctionName", f.description,
                  f.access as "access: Access", f.enabled, f.limits as "limits: Json<LimitsPatch>",
                  f.allowed_outbound_hosts, f.reuse as "reuse: Json<Reuse>",
                  f.last_version, f.revision, f.created_at, f.updated_at,
                  d.deployment_id as "live?", d.traffic as "traffic?: Json<Vec<Share>>",
                  p.function_limits as "plan_limits: Json<Limits>"
             from function f
             join tenant t on t.tenant_id = f.tenant_id
             join plan p on p.plan_id = t.plan_id
             left join deployment d on d.function_id = f.function_id and d.state = 'live'
            where f.tenant_id = $1 and (f.name = $2 or f.function_id = $3)"#,
        tenant.uuid(),
        key.name(),
        key.id(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Overview::from))
}

/// By name, those after `after`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Overview>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select f.function_id, f.tenant_id, f.name as "name: FunctionName", f.description,
                  f.access as "access: Access", f.enabled, f.limits as "limits: Json<LimitsPatch>",
                  f.allowed_outbound_hosts, f.reuse as "reuse: Json<Reuse>",
                  f.last_version, f.revision, f.created_at, f.updated_at,
                  d.deployment_id as "live?", d.traffic as "traffic?: Json<Vec<Share>>",
                  p.function_limits as "plan_limits: Json<Limits>"
             from function f
             join tenant t on t.tenant_id = f.tenant_id
             join plan p on p.plan_id = t.plan_id
             left join deployment d on d.function_id = f.function_id and d.state = 'live'
            where f.tenant_id = $1 and ($2::text is null or f.name > $2)
            order by f.name
            limit $3"#,
        tenant.uuid(),
        after,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Overview::from).collect())
}

/// Holds the function's row to the end of the transaction; `None` where there is no such function.
pub async fn lock(
    db: &mut Connection,
    tenant: TenantId,
    key: &FunctionKey,
) -> Result<Option<FunctionId>> {
    sqlx::query_scalar!(
        r#"select function_id as "id: FunctionId" from function
            where tenant_id = $1 and (name = $2 or function_id = $3)
              for update"#,
        tenant.uuid(),
        key.name(),
        key.id(),
    )
    .fetch_optional(db)
    .await
}

pub async fn update(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    change: &Change,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update function
            set description = $3, access = $4, enabled = $5, limits = $6,
                allowed_outbound_hosts = $7, reuse = $8, revision = revision + 1, updated_at = $9
          where tenant_id = $1 and function_id = $2",
        tenant.uuid(),
        function.uuid(),
        change.description,
        change.access as Access,
        change.enabled,
        Json(change.limits) as _,
        &change.allowed_outbound_hosts,
        change.reuse.map(Json) as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those that something of answers, or the one that is named if it does.
pub async fn deployed(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
) -> Result<Vec<FunctionId>> {
    sqlx::query_scalar!(
        r#"select f.function_id as "id: FunctionId"
             from function f
             join deployment d on d.function_id = f.function_id and d.state = 'live'
            where f.tenant_id = $1 and ($2::uuid is null or f.function_id = $2)
            order by f.function_id"#,
        tenant.uuid(),
        function.map(FunctionId::uuid),
    )
    .fetch_all(db)
    .await
}

/// For a change beside the row that a reader of the function sees: another version answers.
pub async fn touch(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update function set revision = revision + 1, updated_at = $3
          where tenant_id = $1 and function_id = $2",
        tenant.uuid(),
        function.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The next version's number. Holds the row's lock, so that two uploads cannot get the same.
pub async fn next_version(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    now: Timestamp,
) -> Result<i32> {
    sqlx::query_scalar!(
        "update function set last_version = last_version + 1, revision = revision + 1, updated_at = $3
          where tenant_id = $1 and function_id = $2
          returning last_version",
        tenant.uuid(),
        function.uuid(),
        now,
    )
    .fetch_one(db)
    .await
}

/// Versions and deployments go with it.
pub async fn delete(db: &mut Connection, tenant: TenantId, function: FunctionId) -> Result<()> {
    sqlx::query!(
        "delete from function where tenant_id = $1 and function_id = $2",
        tenant.uuid(),
        function.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    function_id: Uuid,
    tenant_id: Uuid,
    name: FunctionName,
    description: String,
    access: Access,
    enabled: bool,
    limits: Json<LimitsPatch>,
    allowed_outbound_hosts: Vec<String>,
    reuse: Option<Json<Reuse>>,
    last_version: i32,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    live: Option<Uuid>,
    traffic: Option<Json<Vec<Share>>>,
    plan_limits: Json<Limits>,
}

impl From<Row> for Overview {
    fn from(row: Row) -> Self {
        Self {
            function: Function {
                id: FunctionId::from_uuid(row.function_id),
                tenant: TenantId::from_uuid(row.tenant_id),
                name: row.name,
                description: row.description,
                access: row.access,
                enabled: row.enabled,
                limits: row.limits.under(row.plan_limits.0),
                allowed_outbound_hosts: row.allowed_outbound_hosts,
                reuse: row.reuse.map(|reuse| reuse.0),
                live: row.live.map(DeploymentId::from_uuid),
                revision: row.revision,
                created_at: row.created_at,
                updated_at: row.updated_at,
            },
            traffic: row.traffic.map_or_else(Vec::new, |shares| shares.0),
            last_version: row.last_version,
            own_limits: row.limits.0,
        }
    }
}

//! The `plan` table: what an operator lets tenants use. A tenant sees its own alone.

use domain::{
    Limits, PlanId, PlanName, TenantId, Timestamp,
    limits::{Quotas, TenantLimits},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result};

/// Of every tenant that was given no other.
pub const DEFAULT: PlanId =
    PlanId::from_uuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));

#[derive(Clone, Debug)]
pub struct Plan {
    pub id: PlanId,
    pub name: PlanName,
    /// The most that a function of it can have.
    pub function_limits: Limits,
    pub tenant_limits: TenantLimits,
    pub quotas: Quotas,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// That of a tenant. Every tenant has one.
pub async fn of(db: &mut Connection, tenant: TenantId) -> Result<Plan> {
    let row = sqlx::query_as!(
        Row,
        r#"select p.plan_id as "id: PlanId", p.name as "name: PlanName",
                  p.function_limits as "function_limits: Json<Limits>",
                  p.tenant_limits as "tenant_limits: Json<TenantLimits>", p.quotas as "quotas: Json<Quotas>",
                  p.revision, p.created_at, p.updated_at
             from tenant t
             join plan p on p.plan_id = t.plan_id
            where t.tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await?;
    Ok(row.into())
}

/// By name, those after `after`, each with how many tenants have it. For the platform's role, like all below.
pub async fn list(
    db: &mut Connection,
    after: Option<&PlanName>,
    limit: i64,
) -> Result<Vec<(Plan, i64)>> {
    let rows = sqlx::query!(
        r#"select p.plan_id as "id: PlanId", p.name as "name: PlanName",
                  p.function_limits as "function_limits: Json<Limits>",
                  p.tenant_limits as "tenant_limits: Json<TenantLimits>", p.quotas as "quotas: Json<Quotas>",
                  p.revision, p.created_at, p.updated_at,
                  (select count(*) from tenant t where t.plan_id = p.plan_id) as "tenants!"
             from plan p
            where p.name > $1 collate "C"
            order by p.name collate "C"
            limit $2"#,
        after.map_or("", PlanName::as_str),
        limit,
    )
    .fetch_all(db)
    .await?;
    let plans = rows.into_iter().map(|row| {
        let plan = Plan {
            id: row.id,
            name: row.name,
            function_limits: row.function_limits.0,
            tenant_limits: row.tenant_limits.0,
            quotas: row.quotas.0,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (plan, row.tenants)
    });
    Ok(plans.collect())
}

/// By name or id; nobody else changes it until the transaction ends.
pub async fn lock(
    db: &mut Connection,
    id: Option<PlanId>,
    name: Option<&PlanName>,
) -> Result<Option<Plan>> {
    let row = sqlx::query_as!(
        Row,
        r#"select plan_id as "id: PlanId", name as "name: PlanName",
                  function_limits as "function_limits: Json<Limits>",
                  tenant_limits as "tenant_limits: Json<TenantLimits>", quotas as "quotas: Json<Quotas>",
                  revision, created_at, updated_at
             from plan
            where plan_id = $1 or name = $2
              for update"#,
        id.map(PlanId::uuid),
        name.map(PlanName::as_str),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Plan::from))
}

/// How many tenants have it, deleted ones too: their rows name it.
pub async fn count_tenants(db: &mut Connection, plan: PlanId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from tenant where plan_id = $1"#,
        plan.uuid(),
    )
    .fetch_one(db)
    .await
}

/// `plan_name_unique` is violated where there is one of that name.
pub async fn insert(db: &mut Connection, plan: &Plan) -> Result<()> {
    sqlx::query!(
        "insert into plan (plan_id, name, function_limits, tenant_limits, quotas, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        plan.id.uuid(),
        plan.name.as_str(),
        Json(plan.function_limits) as _,
        Json(plan.tenant_limits) as _,
        Json(plan.quotas) as _,
        plan.revision,
        plan.created_at,
        plan.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn update(db: &mut Connection, plan: &Plan) -> Result<()> {
    sqlx::query!(
        "update plan
            set function_limits = $2, tenant_limits = $3, quotas = $4, revision = $5, updated_at = $6
          where plan_id = $1",
        plan.id.uuid(),
        Json(plan.function_limits) as _,
        Json(plan.tenant_limits) as _,
        Json(plan.quotas) as _,
        plan.revision,
        plan.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// `tenant_plan_fkey` is violated where a tenant has it.
pub async fn delete(db: &mut Connection, plan: PlanId) -> Result<()> {
    sqlx::query!("delete from plan where plan_id = $1", plan.uuid())
        .execute(db)
        .await?;
    Ok(())
}

struct Row {
    id: PlanId,
    name: PlanName,
    function_limits: Json<Limits>,
    tenant_limits: Json<TenantLimits>,
    quotas: Json<Quotas>,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Plan {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            function_limits: row.function_limits.0,
            tenant_limits: row.tenant_limits.0,
            quotas: row.quotas.0,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

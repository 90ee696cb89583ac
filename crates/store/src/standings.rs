//! Tenants as an operator sees them: with plan, state and use. For the platform's role.

use domain::{PlanId, PlanName, TenantId, TenantSlug, Timestamp, UserId, tenant::TenantState};

use crate::{Connection, Result, usage::Usage};

#[derive(Clone, Debug)]
pub struct Standing {
    pub id: TenantId,
    pub slug: TenantSlug,
    pub name: String,
    pub state: TenantState,
    /// Of the last suspension.
    pub suspended_reason: Option<String>,
    pub plan: PlanName,
    pub usage: Usage,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Which tenants.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Part of the slug or the name, in whatever case.
    pub search: Option<String>,
    /// All but the deleted ones if absent.
    pub state: Option<TenantState>,
    pub plan: Option<PlanName>,
    pub id: Option<TenantId>,
    pub slug: Option<TenantSlug>,
}

/// By slug, those after `after`.
pub async fn list(
    db: &mut Connection,
    filter: &Filter,
    after: Option<&TenantSlug>,
    limit: i64,
) -> Result<Vec<Standing>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select t.tenant_id as "id: TenantId", t.slug as "slug: TenantSlug", t.name,
                  t.state as "state: TenantState", t.suspended_reason, p.name as "plan: PlanName",
                  u.functions, u.stored_bytes,
                  (select count(*) from member m where m.tenant_id = t.tenant_id) as "members!",
                  (select count(*) from access_token k
                    where k.tenant_id = t.tenant_id and k.revoked_at is null) as "access_tokens!",
                  t.revision, t.created_at, t.updated_at
             from tenant t
             join plan p on p.plan_id = t.plan_id
             join tenant_usage u on u.tenant_id = t.tenant_id
            where t.slug > $1 collate "C"
              and ($2::text is null or position(lower($2) in lower(t.slug)) > 0
                                    or position(lower($2) in lower(t.name)) > 0)
              and (($3::text is null and t.state <> 'deleted') or t.state = $3)
              and ($4::text is null or p.name = $4)
              and ($5::uuid is null or t.tenant_id = $5)
              and ($6::text is null or t.slug = $6)
            order by t.slug collate "C"
            limit $7"#,
        after.map_or("", TenantSlug::as_str),
        filter.search,
        filter.state as _,
        filter.plan.as_ref().map(PlanName::as_str),
        filter.id.map(TenantId::uuid),
        filter.slug.as_ref().map(TenantSlug::as_str),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Standing::from).collect())
}

/// An owner of a tenant, for whoever has to write to him.
#[derive(Clone, Debug)]
pub struct TenantOwner {
    pub user: UserId,
    pub email: String,
    pub name: String,
}

pub async fn owners(db: &mut Connection, tenant: TenantId) -> Result<Vec<TenantOwner>> {
    sqlx::query_as!(
        TenantOwner,
        r#"select u.user_id as "user: UserId", u.email, u.name
             from member m
             join user_account u on u.user_id = m.user_id
            where m.tenant_id = $1 and m.role = 'owner'
            order by u.email"#,
        tenant.uuid(),
    )
    .fetch_all(db)
    .await
}

pub async fn set(
    db: &mut Connection,
    tenant: TenantId,
    plan: PlanId,
    state: TenantState,
    suspended_reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update tenant
            set plan_id = $2, state = $3, suspended_reason = $4, revision = revision + 1, updated_at = $5
          where tenant_id = $1",
        tenant.uuid(),
        plan.uuid(),
        state as TenantState,
        suspended_reason,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    id: TenantId,
    slug: TenantSlug,
    name: String,
    state: TenantState,
    suspended_reason: Option<String>,
    plan: PlanName,
    functions: i64,
    stored_bytes: i64,
    members: i64,
    access_tokens: i64,
    revision: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<Row> for Standing {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            slug: row.slug,
            name: row.name,
            state: row.state,
            suspended_reason: row.suspended_reason,
            plan: row.plan,
            usage: Usage {
                functions: row.functions,
                stored_bytes: row.stored_bytes,
                members: row.members,
                access_tokens: row.access_tokens,
            },
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

//! The `member` table: who may do what in which tenant.

use domain::{Role, TenantId, TenantSlug, Timestamp, UserId, tenant::TenantState};

use crate::{Connection, Result};

/// A user's place in a tenant.
#[derive(Clone, Debug)]
pub struct Seat {
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub state: TenantState,
    pub role: Role,
}

pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into member (tenant_id, user_id, role, created_at) values ($1, $2, $3, $4)",
        tenant as _,
        user as _,
        role as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// None in a tenant that is deleted.
pub async fn find(db: &mut Connection, tenant: TenantId, user: UserId) -> Result<Option<Seat>> {
    sqlx::query_as!(
        Seat,
        r#"select t.tenant_id as "tenant: _", t.slug as "slug: _", t.state as "state: _", m.role as "role: _"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where m.tenant_id = $1 and m.user_id = $2 and t.state <> 'deleted'"#,
        tenant as _,
        user as _,
    )
    .fetch_optional(db)
    .await
}

/// As [`find`], by the tenant's slug.
pub async fn find_by_slug(
    db: &mut Connection,
    slug: &TenantSlug,
    user: UserId,
) -> Result<Option<Seat>> {
    sqlx::query_as!(
        Seat,
        r#"select t.tenant_id as "tenant: _", t.slug as "slug: _", t.state as "state: _", m.role as "role: _"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where t.slug = $1 and m.user_id = $2 and t.state <> 'deleted'"#,
        slug.as_str(),
        user as _,
    )
    .fetch_optional(db)
    .await
}

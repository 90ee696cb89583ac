//! The `member` table: who may do what in which tenant.

use domain::{Role, TenantId, TenantSlug, Timestamp, UserId, tenant::TenantState, user::Email};

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

/// Tenants that the user owns, deleted ones too.
pub async fn count_owned(db: &mut Connection, user: UserId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from member where user_id = $1 and role = 'owner'"#,
        user as _,
    )
    .fetch_one(db)
    .await
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

/// As [`find`], by the tenant's slug, or one that it had and that still leads to it.
pub async fn find_by_slug(
    db: &mut Connection,
    slug: &TenantSlug,
    user: UserId,
    now: Timestamp,
) -> Result<Option<Seat>> {
    sqlx::query_as!(
        Seat,
        r#"select t.tenant_id as "tenant: _", t.slug as "slug: _", t.state as "state: _", m.role as "role: _"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where t.tenant_id = (
                     select s.tenant_id from tenant_slug s
                      where s.slug = $1 and (s.retired_at is null or s.redirects_until > $3))
              and m.user_id = $2 and t.state <> 'deleted'"#,
        slug.as_str(),
        user as _,
        now,
    )
    .fetch_optional(db)
    .await
}

/// The seat of an owner, the tenant deleted or not, by its id or by the slug that it has.
pub async fn find_owner(
    db: &mut Connection,
    tenant: Option<TenantId>,
    slug: Option<&TenantSlug>,
    user: UserId,
) -> Result<Option<Seat>> {
    sqlx::query_as!(
        Seat,
        r#"select t.tenant_id as "tenant: _", t.slug as "slug: _", t.state as "state: _", m.role as "role: _"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where (t.tenant_id = $1 or t.slug = $2) and m.user_id = $3 and m.role = 'owner'"#,
        tenant.map(TenantId::uuid),
        slug.map(TenantSlug::as_str),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Who has a seat.
#[derive(Clone, Debug)]
pub struct Membership {
    pub user: UserId,
    pub email: Email,
    pub name: String,
    pub role: Role,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
}

/// In the order of their ids, which is that of their accounts' making.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    after: Option<UserId>,
    limit: i64,
) -> Result<Vec<Membership>> {
    sqlx::query_as!(
        Membership,
        r#"select m.user_id as "user: _", u.email as "email: _", u.name, m.role as "role: _", m.revision,
                  m.created_at
             from member m
             join user_account u on u.user_id = m.user_id
            where m.tenant_id = $1 and ($2::uuid is null or m.user_id > $2)
            order by m.user_id
            limit $3"#,
        tenant.uuid(),
        after.map(UserId::uuid),
        limit,
    )
    .fetch_all(db)
    .await
}

pub async fn of(db: &mut Connection, tenant: TenantId, user: UserId) -> Result<Option<Membership>> {
    sqlx::query_as!(
        Membership,
        r#"select m.user_id as "user: _", u.email as "email: _", u.name, m.role as "role: _", m.revision,
                  m.created_at
             from member m
             join user_account u on u.user_id = m.user_id
            where m.tenant_id = $1 and m.user_id = $2"#,
        tenant.uuid(),
        user.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// The tenant's row is to be locked: whether an owner is left is decided by whoever holds it.
pub async fn count_owners(db: &mut Connection, tenant: TenantId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from member where tenant_id = $1 and role = 'owner'"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

pub async fn set_role(
    db: &mut Connection,
    tenant: TenantId,
    user: UserId,
    role: Role,
) -> Result<()> {
    sqlx::query!(
        "update member set role = $3, revision = revision + 1 where tenant_id = $1 and user_id = $2",
        tenant.uuid(),
        user.uuid(),
        role as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete(db: &mut Connection, tenant: TenantId, user: UserId) -> Result<()> {
    sqlx::query!(
        "delete from member where tenant_id = $1 and user_id = $2",
        tenant.uuid(),
        user.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

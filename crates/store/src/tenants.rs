//! The `tenant` table.

use domain::{Role, TenantId, TenantSlug, Timestamp, UserId, tenant::TenantState};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: TenantSlug,
    pub name: String,
    pub state: TenantState,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    slug: &TenantSlug,
    name: &str,
    now: Timestamp,
) -> Result<Tenant> {
    sqlx::query_as!(
        Tenant,
        r#"insert into tenant (tenant_id, slug, name, created_at, updated_at)
           values ($1, $2, $3, $4, $4)
           returning tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                     created_at, updated_at"#,
        tenant as _,
        slug.as_str(),
        name,
        now,
    )
    .fetch_one(db)
    .await
}

/// None once it is deleted.
pub async fn find(db: &mut Connection, tenant: TenantId) -> Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"select tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                  created_at, updated_at
             from tenant
            where tenant_id = $1 and state <> 'deleted'"#,
        tenant as _,
    )
    .fetch_optional(db)
    .await
}

/// As [`find`], and nobody else changes the row until the transaction ends.
pub async fn lock(db: &mut Connection, tenant: TenantId) -> Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"select tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                  created_at, updated_at
             from tenant
            where tenant_id = $1 and state <> 'deleted'
              for update"#,
        tenant as _,
    )
    .fetch_optional(db)
    .await
}

/// Nobody else adds to what the tenant has, or changes its plan, until the transaction ends. Unlike [`lock`]
/// it lets others go on with rows that name the tenant.
pub async fn hold(db: &mut Connection, tenant: TenantId) -> Result<()> {
    sqlx::query!(
        "select tenant_id from tenant where tenant_id = $1 for no key update",
        tenant as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

pub async fn rename(
    db: &mut Connection,
    tenant: TenantId,
    name: &str,
    now: Timestamp,
) -> Result<Tenant> {
    sqlx::query_as!(
        Tenant,
        r#"update tenant set name = $2, revision = revision + 1, updated_at = $3
            where tenant_id = $1
        returning tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                  created_at, updated_at"#,
        tenant as _,
        name,
        now,
    )
    .fetch_one(db)
    .await
}

/// For a change beside the row that was based on this revision; `false` where it is no longer.
pub async fn touch(
    db: &mut Connection,
    tenant: TenantId,
    revision: i64,
    now: Timestamp,
) -> Result<bool> {
    let touched = sqlx::query!(
        "update tenant set revision = revision + 1, updated_at = $3
          where tenant_id = $1 and revision = $2",
        tenant as _,
        revision,
        now,
    )
    .execute(db)
    .await?;
    Ok(touched.rows_affected() == 1)
}

/// The row stays, and with it the slug.
pub async fn mark_deleted(db: &mut Connection, tenant: TenantId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update tenant set state = 'deleted', revision = revision + 1, updated_at = $2
          where tenant_id = $1",
        tenant as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those the user has a seat in, by slug, after `after`.
pub async fn list_of(
    db: &mut Connection,
    user: UserId,
    after: Option<&TenantSlug>,
    limit: i64,
) -> Result<Vec<(Tenant, Role)>> {
    let rows = sqlx::query!(
        r#"select t.tenant_id as "id: TenantId", t.slug as "slug: TenantSlug", t.name,
                  t.state as "state: TenantState", t.revision, t.created_at, t.updated_at,
                  m.role as "role: Role"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where m.user_id = $1 and t.state <> 'deleted' and t.slug > $2 collate "C"
            order by t.slug collate "C"
            limit $3"#,
        user as _,
        after.map_or("", TenantSlug::as_str),
        limit,
    )
    .fetch_all(db)
    .await?;
    let seats = rows.into_iter().map(|row| {
        let tenant = Tenant {
            id: row.id,
            slug: row.slug,
            name: row.name,
            state: row.state,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        (tenant, row.role)
    });
    Ok(seats.collect())
}

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
    pub deleted_at: Option<Timestamp>,
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
                     created_at, updated_at, deleted_at"#,
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
                  created_at, updated_at, deleted_at
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
                  created_at, updated_at, deleted_at
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

/// The row as it is now. A slug that is or was another tenant's is refused by `tenant_slug_unique`.
pub async fn set_names(
    db: &mut Connection,
    tenant: TenantId,
    slug: &TenantSlug,
    name: &str,
    now: Timestamp,
) -> Result<Tenant> {
    sqlx::query_as!(
        Tenant,
        r#"update tenant set slug = $2, name = $3, revision = revision + 1, updated_at = $4
            where tenant_id = $1
        returning tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                  created_at, updated_at, deleted_at"#,
        tenant as _,
        slug.as_str(),
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

/// Whether it is one that the tenant had before, and leads to it still.
pub async fn leads_to(
    db: &mut Connection,
    tenant: TenantId,
    slug: &TenantSlug,
    now: Timestamp,
) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from tenant_slug where slug = $1 and tenant_id = $2 and redirects_until > $3
           ) as "leads!""#,
        slug.as_str(),
        tenant.uuid(),
        now,
    )
    .fetch_one(db)
    .await
}

/// Lets go of slugs that lead nowhere any more, though nobody else may have them, and answers whose
/// they were. For the platform's role.
pub async fn end_redirects(db: &mut Connection, now: Timestamp) -> Result<Vec<TenantId>> {
    sqlx::query_scalar!(
        r#"with ended as (
               update tenant_slug set redirects_until = null where redirects_until <= $1 returning tenant_id
           )
           select distinct tenant_id as "tenant!: TenantId" from ended where tenant_id is not null"#,
        now,
    )
    .fetch_all(db)
    .await
}

/// The row stays for a while, the slug for good.
pub async fn mark_deleted(db: &mut Connection, tenant: TenantId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update tenant set deleted_from = state, state = 'deleted', deleted_at = $2,
                           revision = revision + 1, updated_at = $2
          where tenant_id = $1 and state <> 'deleted'",
        tenant as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// In the state that it was deleted from; none where it is not deleted, or was before `deleted_after`.
pub async fn restore(
    db: &mut Connection,
    tenant: TenantId,
    deleted_after: Timestamp,
    now: Timestamp,
) -> Result<Option<Tenant>> {
    sqlx::query_as!(
        Tenant,
        r#"update tenant set state = coalesce(deleted_from, 'active'), deleted_from = null, deleted_at = null,
                             revision = revision + 1, updated_at = $3
            where tenant_id = $1 and state = 'deleted' and coalesce(deleted_at, updated_at) > $2
        returning tenant_id as "id: _", slug as "slug: _", name, state as "state: _", revision,
                  created_at, updated_at, deleted_at"#,
        tenant as _,
        deleted_after,
        now,
    )
    .fetch_optional(db)
    .await
}

/// Those that were deleted before `deleted_before`. For the platform's role.
pub async fn purgeable(
    db: &mut Connection,
    deleted_before: Timestamp,
    limit: i64,
) -> Result<Vec<TenantId>> {
    sqlx::query_scalar!(
        r#"select tenant_id as "tenant: TenantId" from tenant
            where state = 'deleted' and coalesce(deleted_at, updated_at) <= $1
            order by tenant_id
            limit $2"#,
        deleted_before,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Ends the tenant for good, with all rows that are its own, and answers the slug it had; nothing where it
/// was restored meanwhile. For the platform's role.
pub async fn purge(
    db: &mut Connection,
    tenant: TenantId,
    deleted_before: Timestamp,
) -> Result<Option<TenantSlug>> {
    let slug = sqlx::query_scalar!(
        r#"select slug as "slug: TenantSlug" from tenant
            where tenant_id = $1 and state = 'deleted' and coalesce(deleted_at, updated_at) <= $2
              for update"#,
        tenant as _,
        deleted_before,
    )
    .fetch_optional(&mut *db)
    .await?;
    if slug.is_some() {
        // Deployments, which go with their functions, name operations, versions name secrets, and those the
        // tenant's keys.
        sqlx::query!("delete from function where tenant_id = $1", tenant.uuid())
            .execute(&mut *db)
            .await?;
        sqlx::query!("delete from secret where tenant_id = $1", tenant.uuid())
            .execute(&mut *db)
            .await?;
        sqlx::query!("delete from job where tenant_id = $1", tenant.uuid())
            .execute(&mut *db)
            .await?;
        sqlx::query!("delete from tenant where tenant_id = $1", tenant.uuid())
            .execute(db)
            .await?;
    }
    Ok(slug)
}

/// Those the user has a seat in, by slug, after `after`; of those that are deleted, the ones he owns.
pub async fn list_of(
    db: &mut Connection,
    user: UserId,
    after: Option<&TenantSlug>,
    limit: i64,
) -> Result<Vec<(Tenant, Role)>> {
    let rows = sqlx::query!(
        r#"select t.tenant_id as "id: TenantId", t.slug as "slug: TenantSlug", t.name,
                  t.state as "state: TenantState", t.revision, t.created_at, t.updated_at,
                  t.deleted_at,
                  m.role as "role: Role"
             from member m
             join tenant t on t.tenant_id = m.tenant_id
            where m.user_id = $1 and (t.state <> 'deleted' or m.role = 'owner') and t.slug > $2 collate "C"
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
            deleted_at: row.deleted_at,
        };
        (tenant, row.role)
    });
    Ok(seats.collect())
}

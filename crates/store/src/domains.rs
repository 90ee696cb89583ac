//! The `domain` table: host names that tenants bring, and how far each is proven.

use std::collections::BTreeMap;

use domain::{DomainId, DomainName, TenantId, TenantSlug, Timestamp, domain_name::DomainState};
use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    pub id: DomainId,
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub name: DomainName,
    pub state: DomainState,
    /// Why it is not verified.
    pub problem: Option<String>,
    /// TXT values that the last look found in the place of the proof.
    pub seen: Vec<String>,
    /// Whether its CNAME is the tenant's host; absent where nobody could tell.
    pub points_here: Option<bool>,
    /// Looks in a row that found no proof.
    pub misses: i32,
    pub last_checked_at: Option<Timestamp>,
    pub next_check_at: Timestamp,
    pub verified_at: Option<Timestamp>,
    pub failing_since: Option<Timestamp>,
    /// Changes with the state; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// `domain_name_unique` is violated where the tenant has it already.
pub async fn insert(db: &mut Connection, domain: &Domain) -> Result<()> {
    sqlx::query!(
        "insert into domain (domain_id, tenant_id, name, state, next_check_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
        domain.id.uuid(),
        domain.tenant.uuid(),
        domain.name.as_str(),
        domain.state as DomainState,
        domain.next_check_at,
        domain.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// By name, those after `after`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    after: Option<&DomainName>,
    limit: i64,
) -> Result<Vec<Domain>> {
    sqlx::query_as!(
        Domain,
        r#"select d.domain_id as "id: DomainId", d.tenant_id as "tenant: TenantId", t.slug as "slug: TenantSlug",
                  d.name as "name: DomainName", d.state as "state: DomainState", d.problem, d.seen, d.points_here,
                  d.misses, d.last_checked_at, d.next_check_at, d.verified_at, d.failing_since, d.revision,
                  d.created_at, d.updated_at
             from domain d
             join tenant t on t.tenant_id = d.tenant_id
            where d.tenant_id = $1 and ($2::text is null or d.name > $2)
            order by d.name
            limit $3"#,
        tenant.uuid(),
        after.map(DomainName::as_str),
        limit,
    )
    .fetch_all(db)
    .await
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    name: &DomainName,
) -> Result<Option<Domain>> {
    sqlx::query_as!(
        Domain,
        r#"select d.domain_id as "id: DomainId", d.tenant_id as "tenant: TenantId", t.slug as "slug: TenantSlug",
                  d.name as "name: DomainName", d.state as "state: DomainState", d.problem, d.seen, d.points_here,
                  d.misses, d.last_checked_at, d.next_check_at, d.verified_at, d.failing_since, d.revision,
                  d.created_at, d.updated_at
             from domain d
             join tenant t on t.tenant_id = d.tenant_id
            where d.tenant_id = $1 and d.name = $2"#,
        tenant.uuid(),
        name.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// Holds the row to the end of the transaction.
pub async fn lock(
    db: &mut Connection,
    tenant: TenantId,
    name: &DomainName,
) -> Result<Option<Domain>> {
    sqlx::query_as!(
        Domain,
        r#"select d.domain_id as "id: DomainId", d.tenant_id as "tenant: TenantId", t.slug as "slug: TenantSlug",
                  d.name as "name: DomainName", d.state as "state: DomainState", d.problem, d.seen, d.points_here,
                  d.misses, d.last_checked_at, d.next_check_at, d.verified_at, d.failing_since, d.revision,
                  d.created_at, d.updated_at
             from domain d
             join tenant t on t.tenant_id = d.tenant_id
            where d.tenant_id = $1 and d.name = $2
              for update of d"#,
        tenant.uuid(),
        name.as_str(),
    )
    .fetch_optional(db)
    .await
}

pub async fn count(db: &mut Connection, tenant: TenantId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from domain where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

pub async fn delete(db: &mut Connection, tenant: TenantId, name: &DomainName) -> Result<()> {
    sqlx::query!(
        "delete from domain where tenant_id = $1 and name = $2",
        tenant.uuid(),
        name.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Of a tenant that ends: its names are free for whoever proves them, itself included if it comes back.
pub async fn release(db: &mut Connection, tenant: TenantId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update domain
            set state = 'pending', failing_since = null, problem = 'the tenant was deleted', misses = 0,
                next_check_at = $2, revision = revision + 1, updated_at = $2
          where tenant_id = $1 and state <> 'pending'",
        tenant.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes those that are to be looked at, of tenants that are there; which nobody else then does
/// until `until`. For the platform's role.
pub async fn claim(
    db: &mut Connection,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, DomainName)>> {
    let rows = sqlx::query!(
        r#"update domain set next_check_at = $2
            where domain_id in (
                  select domain_id from domain
                   where next_check_at <= $1
                     and exists (select from tenant t
                                  where t.tenant_id = domain.tenant_id and t.state <> 'deleted')
                   order by next_check_at
                   limit $3
                     for update skip locked)
            returning tenant_id as "tenant: TenantId", name as "name: DomainName""#,
        now,
        until,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.tenant, row.name)).collect())
}

/// Every tenant's row of one name, held to the end of the transaction. For the platform's role.
pub async fn lock_name(db: &mut Connection, name: &DomainName) -> Result<Vec<Domain>> {
    sqlx::query_as!(
        Domain,
        r#"select d.domain_id as "id: DomainId", d.tenant_id as "tenant: TenantId", t.slug as "slug: TenantSlug",
                  d.name as "name: DomainName", d.state as "state: DomainState", d.problem, d.seen, d.points_here,
                  d.misses, d.last_checked_at, d.next_check_at, d.verified_at, d.failing_since, d.revision,
                  d.created_at, d.updated_at
             from domain d
             join tenant t on t.tenant_id = d.tenant_id
            where d.name = $1
            order by d.domain_id
              for update of d"#,
        name.as_str(),
    )
    .fetch_all(db)
    .await
}

/// What a look left it with; its revision is the new one.
pub async fn write(db: &mut Connection, domain: &Domain) -> Result<()> {
    sqlx::query!(
        "update domain
            set state = $3, problem = $4, seen = $5, points_here = $6, misses = $7, last_checked_at = $8,
                next_check_at = $9, verified_at = $10, failing_since = $11, revision = $12, updated_at = $13
          where tenant_id = $1 and domain_id = $2",
        domain.tenant.uuid(),
        domain.id.uuid(),
        domain.state as DomainState,
        domain.problem,
        &domain.seen,
        domain.points_here,
        domain.misses,
        domain.last_checked_at,
        domain.next_check_at,
        domain.verified_at,
        domain.failing_since,
        domain.revision,
        domain.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What workers are told, by tenant: the names that it has proven.
pub async fn served(
    db: &mut Connection,
    tenants: Option<&[Uuid]>,
) -> Result<BTreeMap<TenantId, Vec<String>>> {
    let rows = sqlx::query!(
        r#"select tenant_id as "tenant: TenantId", name from domain
            where state <> 'pending' and ($1::uuid[] is null or tenant_id = any($1))
            order by tenant_id, name"#,
        tenants,
    )
    .fetch_all(db)
    .await?;
    let mut domains: BTreeMap<TenantId, Vec<String>> = BTreeMap::new();
    for row in rows {
        domains.entry(row.tenant).or_default().push(row.name);
    }
    Ok(domains)
}

//! The `route` table: paths of a tenant's hosts, and the functions that answer there.

use std::collections::BTreeMap;

use domain::{
    AliasName, DomainName, FunctionId, FunctionName, PathPattern, RouteId, TenantId, Timestamp,
    snapshot::{ALIAS_ROUTES, RouteEntry},
};
use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Route {
    pub id: RouteId,
    /// All of the tenant's hosts if absent.
    pub host: Option<DomainName>,
    pub path: PathPattern,
    pub function: FunctionId,
    pub function_name: FunctionName,
    /// What is live if absent.
    pub alias: Option<AliasName>,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// `route_pattern_unique` is violated where another matches the same requests, `route_alias_fkey` where
/// the function has no such alias, `route_domain_fkey` where the tenant has no such domain.
pub async fn insert(db: &mut Connection, tenant: TenantId, route: &Route) -> Result<()> {
    sqlx::query!(
        "insert into route (route_id, tenant_id, host, path, shape, function_id, alias, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        route.id.uuid(),
        tenant.uuid(),
        route.host.as_ref().map(DomainName::as_str),
        route.path.as_str(),
        route.path.shape(),
        route.function.uuid(),
        route.alias.as_ref().map(AliasName::as_str),
        route.revision,
        route.created_at,
        route.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// In the order they were made, those after `after`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    after: Option<RouteId>,
    limit: i64,
) -> Result<Vec<Route>> {
    sqlx::query_as!(
        Route,
        r#"select r.route_id as "id: RouteId", r.host as "host: DomainName", r.path as "path: PathPattern",
                  r.function_id as "function: FunctionId", f.name as "function_name: FunctionName",
                  r.alias as "alias: AliasName", r.revision, r.created_at, r.updated_at
             from route r
             join function f on f.function_id = r.function_id
            where r.tenant_id = $1 and ($2::uuid is null or r.route_id > $2)
            order by r.route_id
            limit $3"#,
        tenant.uuid(),
        after.map(RouteId::uuid),
        limit,
    )
    .fetch_all(db)
    .await
}

pub async fn find(db: &mut Connection, tenant: TenantId, id: RouteId) -> Result<Option<Route>> {
    sqlx::query_as!(
        Route,
        r#"select r.route_id as "id: RouteId", r.host as "host: DomainName", r.path as "path: PathPattern",
                  r.function_id as "function: FunctionId", f.name as "function_name: FunctionName",
                  r.alias as "alias: AliasName", r.revision, r.created_at, r.updated_at
             from route r
             join function f on f.function_id = r.function_id
            where r.tenant_id = $1 and r.route_id = $2"#,
        tenant.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// The one that matches the same requests as this one would.
pub async fn conflicting(
    db: &mut Connection,
    tenant: TenantId,
    route: &Route,
) -> Result<Option<Route>> {
    sqlx::query_as!(
        Route,
        r#"select r.route_id as "id: RouteId", r.host as "host: DomainName", r.path as "path: PathPattern",
                  r.function_id as "function: FunctionId", f.name as "function_name: FunctionName",
                  r.alias as "alias: AliasName", r.revision, r.created_at, r.updated_at
             from route r
             join function f on f.function_id = r.function_id
            where r.tenant_id = $1 and coalesce(r.host, '') = coalesce($2, '') and r.shape = $3
              and r.route_id <> $4"#,
        tenant.uuid(),
        route.host.as_ref().map(DomainName::as_str),
        route.path.shape(),
        route.id.uuid(),
    )
    .fetch_optional(db)
    .await
}

pub async fn count(db: &mut Connection, tenant: TenantId) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from route where tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Those that lead to an alias.
pub async fn to_alias(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    alias: &AliasName,
) -> Result<Vec<RouteId>> {
    sqlx::query_scalar!(
        r#"select route_id as "id: RouteId" from route
            where tenant_id = $1 and function_id = $2 and alias = $3
            order by route_id"#,
        tenant.uuid(),
        function.uuid(),
        alias.as_str(),
    )
    .fetch_all(db)
    .await
}

/// Those that lead to a function, its aliases included.
pub async fn to_function(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Vec<RouteId>> {
    sqlx::query_scalar!(
        r#"select route_id as "id: RouteId" from route
            where tenant_id = $1 and function_id = $2
            order by route_id"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_all(db)
    .await
}

/// Those of one host alone.
pub async fn of_host(
    db: &mut Connection,
    tenant: TenantId,
    host: &DomainName,
) -> Result<Vec<RouteId>> {
    sqlx::query_scalar!(
        r#"select route_id as "id: RouteId" from route
            where tenant_id = $1 and host = $2
            order by route_id"#,
        tenant.uuid(),
        host.as_str(),
    )
    .fetch_all(db)
    .await
}

/// The row as it is to be; its revision is the new one. Fails as [`insert`] does.
pub async fn update(db: &mut Connection, tenant: TenantId, route: &Route) -> Result<()> {
    sqlx::query!(
        "update route
            set host = $3, path = $4, shape = $5, function_id = $6, alias = $7, revision = $8, updated_at = $9
          where tenant_id = $1 and route_id = $2",
        tenant.uuid(),
        route.id.uuid(),
        route.host.as_ref().map(DomainName::as_str),
        route.path.as_str(),
        route.path.shape(),
        route.function.uuid(),
        route.alias.as_ref().map(AliasName::as_str),
        route.revision,
        route.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete(db: &mut Connection, tenant: TenantId, id: RouteId) -> Result<()> {
    sqlx::query!(
        "delete from route where tenant_id = $1 and route_id = $2",
        tenant.uuid(),
        id.uuid(),
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What workers are told, by tenant. A route of a domain that is not proven leads nowhere.
pub async fn entries(
    db: &mut Connection,
    tenants: Option<&[Uuid]>,
) -> Result<BTreeMap<TenantId, Vec<RouteEntry>>> {
    let rows = sqlx::query!(
        r#"select r.tenant_id as "tenant: TenantId", r.host as "host: DomainName",
                  r.path as "path: PathPattern", r.function_id as "function: FunctionId",
                  r.alias as "alias: AliasName"
             from route r
             left join domain d on d.tenant_id = r.tenant_id and d.name = r.host
            where (r.host is null or d.state <> 'pending')
              and ($1::uuid[] is null or r.tenant_id = any($1))
            order by r.tenant_id, r.route_id"#,
        tenants,
    )
    .fetch_all(db)
    .await?;
    let mut routes: BTreeMap<TenantId, Vec<RouteEntry>> = BTreeMap::new();
    for row in rows {
        let requires = row.alias.iter().map(|_| ALIAS_ROUTES.to_owned());
        routes.entry(row.tenant).or_default().push(RouteEntry {
            host: row.host.map(String::from),
            path: row.path.into(),
            function: row.function,
            requires: requires.collect(),
            alias: row.alias,
        });
    }
    Ok(routes)
}

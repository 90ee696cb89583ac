//! The `tenant_key` and `serving_key` tables: which keys there are. None lies here open.

use domain::TenantId;

use crate::{Connection, Result};

/// A key of a tenant, sealed by the platform's.
#[derive(Clone, Debug)]
pub struct TenantKey {
    pub number: i32,
    pub sealed: Vec<u8>,
}

/// The one that seals.
pub async fn newest(db: &mut Connection, tenant: TenantId) -> Result<Option<TenantKey>> {
    sqlx::query_as!(
        TenantKey,
        "select number, sealed from tenant_key where tenant_id = $1 order by number desc limit 1",
        tenant.uuid(),
    )
    .fetch_optional(db)
    .await
}

pub async fn find(db: &mut Connection, tenant: TenantId, number: i32) -> Result<Option<TenantKey>> {
    sqlx::query_as!(
        TenantKey,
        "select number, sealed from tenant_key where tenant_id = $1 and number = $2",
        tenant.uuid(),
        number,
    )
    .fetch_optional(db)
    .await
}

/// `tenant_key_pkey` is violated where somebody made it at the same moment.
pub async fn insert(db: &mut Connection, tenant: TenantId, key: &TenantKey) -> Result<()> {
    sqlx::query!(
        "insert into tenant_key (tenant_id, number, sealed) values ($1, $2, $3)",
        tenant.uuid(),
        key.number,
        key.sealed,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the tenant's newest key is from before the newest serving key.
pub async fn is_due(db: &mut Connection, tenant: TenantId) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select (select max(created_at) from tenant_key where tenant_id = $1)
                < (select max(created_at) from serving_key) as "due?""#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
    .map(|due| due.unwrap_or_default())
}

/// Numbers of the serving keys, the one that seals last.
pub async fn serving(db: &mut Connection) -> Result<Vec<i32>> {
    sqlx::query_scalar!("select number from serving_key order by number")
        .fetch_all(db)
        .await
}

/// The next serving key; from now on it seals. For the platform's role, like all below.
pub async fn next_serving(db: &mut Connection) -> Result<i32> {
    sqlx::query_scalar!(
        "insert into serving_key (number) select max(number) + 1 from serving_key returning number"
    )
    .fetch_one(db)
    .await
}

/// Tenants that have a key, and so may have something sealed by it.
pub async fn tenants(db: &mut Connection) -> Result<Vec<TenantId>> {
    sqlx::query_scalar!(
        r#"select distinct tenant_id as "tenant: TenantId" from tenant_key order by 1"#
    )
    .fetch_all(db)
    .await
}

/// Keys below the newest that nothing is sealed by.
pub async fn delete_unused(db: &mut Connection) -> Result<()> {
    sqlx::query!(
        "delete from tenant_key k
          where exists (select from tenant_key n where n.tenant_id = k.tenant_id and n.number > k.number)
            and not exists (select from secret_value v
                             where v.tenant_id = k.tenant_id and v.tenant_key = k.number)"
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "delete from serving_key k
          where k.number < (select max(number) from serving_key)
            and not exists (select from secret_value v where v.serving_key = k.number)"
    )
    .execute(db)
    .await?;
    Ok(())
}

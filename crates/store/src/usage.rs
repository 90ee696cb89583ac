//! What a tenant has: the `tenant_usage` and `tenant_module` tables, which triggers keep, and counts of
//! what is few.

use domain::{Digest, FunctionId, TenantId};

use crate::{Connection, Result};

#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub functions: i64,
    /// Of modules that versions and uploads name, each counted once.
    pub stored_bytes: i64,
    pub members: i64,
    pub access_tokens: i64,
}

pub async fn of(db: &mut Connection, tenant: TenantId) -> Result<Usage> {
    sqlx::query_as!(
        Usage,
        r#"select u.functions, u.stored_bytes,
                  (select count(*) from member m where m.tenant_id = u.tenant_id) as "members!",
                  (select count(*) from access_token k
                    where k.tenant_id = u.tenant_id and k.revoked_at is null) as "access_tokens!"
             from tenant_usage u
            where u.tenant_id = $1"#,
        tenant.uuid(),
    )
    .fetch_one(db)
    .await
}

/// Whether a version or an upload of the tenant names these bytes already.
pub async fn has_module(db: &mut Connection, tenant: TenantId, digest: &Digest) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from tenant_module where tenant_id = $1 and digest = $2) as "has!""#,
        tenant.uuid(),
        digest as &Digest,
    )
    .fetch_one(db)
    .await
}

/// What is counted for one function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionUsage {
    pub versions: i64,
    pub aliases: i64,
}

pub async fn of_function(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<FunctionUsage> {
    sqlx::query_as!(
        FunctionUsage,
        r#"select (select count(*) from version where tenant_id = $1 and function_id = $2) as "versions!",
                  (select count(*) from alias where tenant_id = $1 and function_id = $2) as "aliases!""#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_one(db)
    .await
}

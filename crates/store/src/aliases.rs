//! The `alias` table: names for versions of a function.

use domain::{AliasName, FunctionId, TenantId, Timestamp};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Alias {
    pub name: AliasName,
    pub version: i32,
    /// Anybody may call its preview.
    pub open: bool,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    alias: &Alias,
) -> Result<()> {
    sqlx::query!(
        "insert into alias (tenant_id, function_id, name, version, open, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        tenant.uuid(),
        function.uuid(),
        alias.name.as_str(),
        alias.version,
        alias.open,
        alias.revision,
        alias.created_at,
        alias.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All of a function's, by name: there are few.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Vec<Alias>> {
    sqlx::query_as!(
        Alias,
        r#"select name as "name: AliasName", version, open, revision, created_at, updated_at
             from alias
            where tenant_id = $1 and function_id = $2
            order by name"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_all(db)
    .await
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    name: &AliasName,
) -> Result<Option<Alias>> {
    sqlx::query_as!(
        Alias,
        r#"select name as "name: AliasName", version, open, revision, created_at, updated_at
             from alias
            where tenant_id = $1 and function_id = $2 and name = $3"#,
        tenant.uuid(),
        function.uuid(),
        name.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// The row as it is to be; its revision is the new one.
pub async fn update(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    alias: &Alias,
) -> Result<()> {
    sqlx::query!(
        "update alias set version = $4, open = $5, revision = $6, updated_at = $7
          where tenant_id = $1 and function_id = $2 and name = $3",
        tenant.uuid(),
        function.uuid(),
        alias.name.as_str(),
        alias.version,
        alias.open,
        alias.revision,
        alias.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn delete(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    name: &AliasName,
) -> Result<()> {
    sqlx::query!(
        "delete from alias where tenant_id = $1 and function_id = $2 and name = $3",
        tenant.uuid(),
        function.uuid(),
        name.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

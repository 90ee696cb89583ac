//! The `secret` and `secret_value` tables. Values come and go sealed; nothing here can open them.

use domain::{
    ConfigName, FunctionId, SecretId, TenantId, Timestamp, configuration::SecretReference,
};

use crate::{Author, Connection, Result};

#[derive(Clone, Debug)]
pub struct Secret {
    pub id: SecretId,
    /// Absent for the tenant's own.
    pub function: Option<FunctionId>,
    pub name: ConfigName,
    /// Of its newest value.
    pub number: i32,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Secret {
    pub fn reference(&self) -> SecretReference {
        SecretReference {
            secret: self.id,
            number: self.number.cast_unsigned(),
        }
    }
}

/// `secret_name_unique` is violated where the holder has one of that name.
pub async fn insert(db: &mut Connection, tenant: TenantId, secret: &Secret) -> Result<()> {
    sqlx::query!(
        "insert into secret
                (secret_id, tenant_id, function_id, name, number, revision, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        secret.id.uuid(),
        tenant.uuid(),
        secret.function.map(FunctionId::uuid),
        secret.name.as_str(),
        secret.number,
        secret.revision,
        secret.created_at,
        secret.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The function's own, or the tenant's where there is none named; by name: there are few.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
) -> Result<Vec<Secret>> {
    sqlx::query_as!(
        Secret,
        r#"select secret_id as "id: SecretId", function_id as "function: FunctionId",
                  name as "name: ConfigName", number, revision, created_at, updated_at
             from secret
            where tenant_id = $1 and function_id is not distinct from $2 and deleted_at is null
            order by name"#,
        tenant.uuid(),
        function.map(FunctionId::uuid),
    )
    .fetch_all(db)
    .await
}

/// The function's own and the tenant's.
pub async fn visible(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Vec<Secret>> {
    sqlx::query_as!(
        Secret,
        r#"select secret_id as "id: SecretId", function_id as "function: FunctionId",
                  name as "name: ConfigName", number, revision, created_at, updated_at
             from secret
            where tenant_id = $1 and (function_id is null or function_id = $2) and deleted_at is null"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_all(db)
    .await
}

/// Nobody else changes the row until the transaction ends.
pub async fn lock(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
    name: &ConfigName,
) -> Result<Option<Secret>> {
    sqlx::query_as!(
        Secret,
        r#"select secret_id as "id: SecretId", function_id as "function: FunctionId",
                  name as "name: ConfigName", number, revision, created_at, updated_at
             from secret
            where tenant_id = $1 and function_id is not distinct from $2 and name = $3
              and deleted_at is null
              for update"#,
        tenant.uuid(),
        function.map(FunctionId::uuid),
        name.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// The row as it is to be.
pub async fn update(db: &mut Connection, tenant: TenantId, secret: &Secret) -> Result<()> {
    sqlx::query!(
        "update secret set number = $3, revision = $4, updated_at = $5
          where tenant_id = $1 and secret_id = $2",
        tenant.uuid(),
        secret.id.uuid(),
        secret.number,
        secret.revision,
        secret.updated_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Its name is free again; versions that have it keep it.
pub async fn mark_deleted(
    db: &mut Connection,
    tenant: TenantId,
    secret: SecretId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update secret set deleted_at = $3, revision = revision + 1
          where tenant_id = $1 and secret_id = $2",
        tenant.uuid(),
        secret.uuid(),
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A value under the keys of these numbers.
#[derive(Clone, Debug)]
pub struct SealedValue {
    pub tenant_key: i32,
    pub kept: Vec<u8>,
    pub serving_key: i32,
    pub sealed: Vec<u8>,
}

pub async fn insert_value(
    db: &mut Connection,
    tenant: TenantId,
    of: SecretReference,
    value: &SealedValue,
    author: Author,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into secret_value
                (tenant_id, secret_id, number, tenant_key, kept, serving_key, sealed, created_at,
                 author, author_token)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        tenant.uuid(),
        of.secret.uuid(),
        of.number.cast_signed(),
        value.tenant_key,
        value.kept,
        value.serving_key,
        value.sealed,
        now,
        author.user as _,
        author.token as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Values of the tenant that rest under an older key than these. For the platform's role, like all below.
pub async fn under_older_keys(
    db: &mut Connection,
    tenant: TenantId,
    tenant_key: i32,
    serving_key: i32,
    limit: i64,
) -> Result<Vec<(SecretReference, SealedValue)>> {
    let rows = sqlx::query!(
        r#"select secret_id as "secret: SecretId", number, tenant_key, kept, serving_key, sealed
             from secret_value
            where tenant_id = $1 and (tenant_key < $2 or serving_key < $3)
            order by secret_id, number
            limit $4
              for update"#,
        tenant.uuid(),
        tenant_key,
        serving_key,
        limit,
    )
    .fetch_all(db)
    .await?;
    let value = rows.into_iter().map(|row| {
        let of = SecretReference {
            secret: row.secret,
            number: row.number.cast_unsigned(),
        };
        let value = SealedValue {
            tenant_key: row.tenant_key,
            kept: row.kept,
            serving_key: row.serving_key,
            sealed: row.sealed,
        };
        (of, value)
    });
    Ok(value.collect())
}

pub async fn reseal(db: &mut Connection, of: SecretReference, value: &SealedValue) -> Result<()> {
    sqlx::query!(
        "update secret_value set tenant_key = $3, kept = $4, serving_key = $5, sealed = $6
          where secret_id = $1 and number = $2",
        of.secret.uuid(),
        of.number.cast_signed(),
        value.tenant_key,
        value.kept,
        value.serving_key,
        value.sealed,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Values that no version refers to and that no new version would get, and secrets that are deleted
/// and have none left.
pub async fn delete_unused(db: &mut Connection) -> Result<u64> {
    let values = sqlx::query!(
        "delete from secret_value v
          using secret s
          where s.secret_id = v.secret_id and (v.number < s.number or s.deleted_at is not null)
            and not exists (select from version_secret r
                             where r.secret_id = v.secret_id and r.number = v.number)"
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "delete from secret s
          where s.deleted_at is not null
            and not exists (select from secret_value v where v.secret_id = s.secret_id)"
    )
    .execute(db)
    .await?;
    Ok(values.rows_affected())
}

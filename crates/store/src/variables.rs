//! The `variable` table: what guests read by name, of a function alone or of all that a tenant has.

use domain::{ConfigName, FunctionId, TenantId};

use crate::{Connection, Result};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Absent for the tenant's own.
    pub function: Option<FunctionId>,
    pub name: ConfigName,
    pub value: String,
}

/// The function's own, or the tenant's where there is none named; by name.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
) -> Result<Vec<Variable>> {
    sqlx::query_as!(
        Variable,
        r#"select function_id as "function: FunctionId", name as "name: ConfigName", value
             from variable
            where tenant_id = $1 and function_id is not distinct from $2
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
) -> Result<Vec<Variable>> {
    sqlx::query_as!(
        Variable,
        r#"select function_id as "function: FunctionId", name as "name: ConfigName", value
             from variable
            where tenant_id = $1 and (function_id is null or function_id = $2)"#,
        tenant.uuid(),
        function.uuid(),
    )
    .fetch_all(db)
    .await
}

pub async fn set(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
    name: &ConfigName,
    value: &str,
) -> Result<()> {
    sqlx::query!(
        "insert into variable (tenant_id, function_id, name, value) values ($1, $2, $3, $4)
             on conflict on constraint variable_name_unique do update set value = excluded.value",
        tenant.uuid(),
        function.map(FunctionId::uuid),
        name.as_str(),
        value,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn unset(
    db: &mut Connection,
    tenant: TenantId,
    function: Option<FunctionId>,
    name: &ConfigName,
) -> Result<()> {
    sqlx::query!(
        "delete from variable
          where tenant_id = $1 and function_id is not distinct from $2 and name = $3",
        tenant.uuid(),
        function.map(FunctionId::uuid),
        name.as_str(),
    )
    .execute(db)
    .await?;
    Ok(())
}

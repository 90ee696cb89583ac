//! The `version` table: immutable but for its state.

use domain::{
    Digest, FunctionId, TenantId, Timestamp, UserId, VersionId,
    report::ImportReport,
    version::{Handler, VersionState},
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Author, Connection, Result};

#[derive(Clone, Debug)]
pub struct Version {
    pub id: VersionId,
    pub function: FunctionId,
    pub number: i32,
    pub state: VersionState,
    /// Of the bytes as uploaded.
    pub digest: Digest,
    pub bytes: i64,
    pub handler: Handler,
    pub report: ImportReport,
    pub message: String,
    /// Absent once the author's account is gone, and where a tenant's token made it.
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// Why it failed to compile.
    pub error: Option<String>,
    /// How long the compiler took, in milliseconds.
    pub compile_ms: Option<i32>,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    pub id: VersionId,
    pub number: i32,
    pub digest: Digest,
    pub state: VersionState,
    pub message: &'a str,
    pub author: Author,
}

pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    new: &NewVersion<'_>,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into version
                (version_id, tenant_id, function_id, number, digest, state, message, author, author_token,
                 created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new.id.uuid(),
        tenant.uuid(),
        function.uuid(),
        new.number,
        new.digest as Digest,
        new.state as VersionState,
        new.message,
        new.author.user as _,
        new.author.token as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    number: i32,
) -> Result<Option<Version>> {
    let row = sqlx::query_as!(
        Row,
        r#"select v.version_id, v.function_id, v.number, v.state as "state: VersionState",
                  v.digest as "digest: Digest", m.bytes, m.handler as "handler: Handler",
                  m.report as "report: Json<ImportReport>", v.message, v.author,
                  coalesce(u.name, k.name) as "author_name?", v.error, v.compile_ms, v.created_at
             from version v
             join module m on m.digest = v.digest
             left join user_account u on u.user_id = v.author
             left join access_token k on k.token_id = v.author_token
            where v.tenant_id = $1 and v.function_id = $2 and v.number = $3"#,
        tenant.uuid(),
        function.uuid(),
        number,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Version::from))
}

/// Newest first, those numbered below `before`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Version>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select v.version_id, v.function_id, v.number, v.state as "state: VersionState",
                  v.digest as "digest: Digest", m.bytes, m.handler as "handler: Handler",
                  m.report as "report: Json<ImportReport>", v.message, v.author,
                  coalesce(u.name, k.name) as "author_name?", v.error, v.compile_ms, v.created_at
             from version v
             join module m on m.digest = v.digest
             left join user_account u on u.user_id = v.author
             left join access_token k on k.token_id = v.author_token
            where v.tenant_id = $1 and v.function_id = $2 and ($3::integer is null or v.number < $3)
            order by v.number desc
            limit $4"#,
        tenant.uuid(),
        function.uuid(),
        before,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Version::from).collect())
}

/// The number of the function's newest version if it is of the same bytes and did not fail.
pub async fn newest_if_same(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    digest: &Digest,
) -> Result<Option<i32>> {
    sqlx::query_scalar!(
        "select number from (
             select number, digest, state from version
              where tenant_id = $1 and function_id = $2
              order by number desc limit 1
         ) newest
         where digest = $3 and state <> 'failed'",
        tenant.uuid(),
        function.uuid(),
        digest as &Digest,
    )
    .fetch_optional(db)
    .await
}

/// How these numbers stand, and whether that engine can load them; absent numbers are left out.
pub async fn states(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    numbers: &[i32],
    engine_tag: &str,
) -> Result<Vec<Standing>> {
    sqlx::query_as!(
        Standing,
        r#"select v.version_id as "id: VersionId", v.number, v.state as "state: VersionState", v.error,
                  exists (select from artifact a
                           where a.digest = v.digest and a.engine_tag = $4) as "compiled!"
             from version v
            where v.tenant_id = $1 and v.function_id = $2 and v.number = any($3)
            order by v.number"#,
        tenant.uuid(),
        function.uuid(),
        numbers,
        engine_tag,
    )
    .fetch_all(db)
    .await
}

#[derive(Clone, Debug)]
pub struct Standing {
    pub id: VersionId,
    pub number: i32,
    pub state: VersionState,
    pub error: Option<String>,
    /// `ready` says that some engine could load it, this that the one asked for can.
    pub compiled: bool,
}

/// What a compile job reads of its version. For the platform's role, like all below.
#[derive(Clone, Debug)]
pub struct ToCompile {
    pub tenant: TenantId,
    pub function: FunctionId,
    pub digest: Digest,
    pub bytes: i64,
    pub state: VersionState,
}

pub async fn to_compile(db: &mut Connection, version: VersionId) -> Result<Option<ToCompile>> {
    sqlx::query_as!(
        ToCompile,
        r#"select v.tenant_id as "tenant: TenantId", v.function_id as "function: FunctionId",
                  v.digest as "digest: Digest", m.bytes, v.state as "state: VersionState"
             from version v
             join module m on m.digest = v.digest
            where v.version_id = $1"#,
        version.uuid(),
    )
    .fetch_optional(db)
    .await
}

pub async fn set_ready(
    db: &mut Connection,
    version: VersionId,
    compile_ms: Option<i32>,
) -> Result<()> {
    sqlx::query!(
        "update version set state = 'ready', compile_ms = coalesce($2, compile_ms)
          where version_id = $1 and state = 'compiling'",
        version.uuid(),
        compile_ms,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn set_failed(db: &mut Connection, version: VersionId, error: &str) -> Result<()> {
    sqlx::query!(
        "update version set state = 'failed', error = $2
          where version_id = $1 and state = 'compiling'",
        version.uuid(),
        error,
    )
    .execute(db)
    .await?;
    Ok(())
}

struct Row {
    version_id: Uuid,
    function_id: Uuid,
    number: i32,
    state: VersionState,
    digest: Digest,
    bytes: i64,
    handler: Handler,
    report: Json<ImportReport>,
    message: String,
    author: Option<Uuid>,
    author_name: Option<String>,
    error: Option<String>,
    compile_ms: Option<i32>,
    created_at: Timestamp,
}

impl From<Row> for Version {
    fn from(row: Row) -> Self {
        Self {
            id: VersionId::from_uuid(row.version_id),
            function: FunctionId::from_uuid(row.function_id),
            number: row.number,
            state: row.state,
            digest: row.digest,
            bytes: row.bytes,
            handler: row.handler,
            report: row.report.0,
            message: row.message,
            author: row.author.map(UserId::from_uuid),
            author_name: row.author_name,
            error: row.error,
            compile_ms: row.compile_ms,
            created_at: row.created_at,
        }
    }
}

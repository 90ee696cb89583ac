//! The `version` table: immutable but for its state.

use std::collections::BTreeMap;

use domain::{
    ConfigName, Digest, FunctionId, Limits, TenantId, Timestamp, UserId, VersionId,
    configuration::{Configuration, SecretReference, Settings},
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
    /// Where its source is, for people.
    pub source_url: Option<String>,
    pub variables: BTreeMap<ConfigName, String>,
    pub secrets: BTreeMap<ConfigName, SecretReference>,
    pub requires: Vec<ConfigName>,
    /// Absent for one made before they were kept.
    pub settings: Option<Settings>,
}

#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    pub id: VersionId,
    pub number: i32,
    pub digest: Digest,
    pub state: VersionState,
    pub message: &'a str,
    pub source_url: Option<&'a str>,
    pub configuration: &'a Configuration,
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
                 created_at, source_url, variables, settings, requires)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
        new.source_url,
        Json(&new.configuration.variables) as _,
        Json(&new.configuration.settings) as _,
        &new.configuration.requires as _,
    )
    .execute(&mut *db)
    .await?;
    let secrets = &new.configuration.secrets;
    let names: Vec<String> = secrets.keys().map(ConfigName::to_string).collect();
    let ids: Vec<Uuid> = secrets.values().map(|held| held.secret.uuid()).collect();
    let numbers: Vec<i32> = secrets
        .values()
        .map(|held| held.number.cast_signed())
        .collect();
    sqlx::query!(
        "insert into version_secret (tenant_id, version_id, name, secret_id, number)
         select $1, $2, held.name, held.secret_id, held.number
           from unnest($3::text[], $4::uuid[], $5::integer[]) as held(name, secret_id, number)",
        tenant.uuid(),
        new.id.uuid(),
        &names,
        &ids,
        &numbers,
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
                  coalesce(u.name, k.name) as "author_name?", v.error, v.compile_ms, v.created_at,
                  v.source_url, v.variables as "variables: Json<BTreeMap<ConfigName, String>>",
                  v.settings as "settings: Json<Settings>", v.requires as "requires: Vec<ConfigName>",
                  held.secrets as "secrets: Json<BTreeMap<ConfigName, SecretReference>>"
             from version v
             join module m on m.digest = v.digest
             left join user_account u on u.user_id = v.author
             left join access_token k on k.token_id = v.author_token
             left join lateral (
                   select json_object_agg(s.name, json_build_object(
                              'secret', 'sec_' || replace(s.secret_id::text, '-', ''), 'number', s.number)) as secrets
                     from version_secret s
                    where s.version_id = v.version_id) held on true
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
                  coalesce(u.name, k.name) as "author_name?", v.error, v.compile_ms, v.created_at,
                  v.source_url, v.variables as "variables: Json<BTreeMap<ConfigName, String>>",
                  v.settings as "settings: Json<Settings>", v.requires as "requires: Vec<ConfigName>",
                  held.secrets as "secrets: Json<BTreeMap<ConfigName, SecretReference>>"
             from version v
             join module m on m.digest = v.digest
             left join user_account u on u.user_id = v.author
             left join access_token k on k.token_id = v.author_token
             left join lateral (
                   select json_object_agg(s.name, json_build_object(
                              'secret', 'sec_' || replace(s.secret_id::text, '-', ''), 'number', s.number)) as secrets
                     from version_secret s
                    where s.version_id = v.version_id) held on true
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

/// The number of the function's newest version.
pub async fn newest(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
) -> Result<Option<i32>> {
    sqlx::query_scalar!(
        "select number from version
          where tenant_id = $1 and function_id = $2
          order by number desc
          limit 1",
        tenant.uuid(),
        function.uuid(),
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
                           where a.digest = v.digest and a.engine_tag = $4) as "compiled!",
                  array(select name from unnest(v.requires) as name
                         where not v.variables ? name
                           and not exists (select from version_secret s
                                            where s.version_id = v.version_id and s.name = name)
                       ) as "missing!: Vec<ConfigName>"
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
    /// What it requires and was not made with.
    pub missing: Vec<ConfigName>,
}

/// What a compile job reads of its version. For the platform's role, like all below.
#[derive(Clone, Debug)]
pub struct ToCompile {
    pub tenant: TenantId,
    pub function: FunctionId,
    pub digest: Digest,
    pub bytes: i64,
    pub state: VersionState,
    /// Of its tenant's plan.
    pub limits: Json<Limits>,
}

pub async fn to_compile(db: &mut Connection, version: VersionId) -> Result<Option<ToCompile>> {
    sqlx::query_as!(
        ToCompile,
        r#"select v.tenant_id as "tenant: TenantId", v.function_id as "function: FunctionId",
                  v.digest as "digest: Digest", m.bytes, v.state as "state: VersionState",
                  p.function_limits as "limits: Json<Limits>"
             from version v
             join module m on m.digest = v.digest
             join tenant t on t.tenant_id = v.tenant_id
             join plan p on p.plan_id = t.plan_id
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
    source_url: Option<String>,
    variables: Json<BTreeMap<ConfigName, String>>,
    settings: Option<Json<Settings>>,
    requires: Vec<ConfigName>,
    secrets: Option<Json<BTreeMap<ConfigName, SecretReference>>>,
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
            source_url: row.source_url,
            variables: row.variables.0,
            settings: row.settings.map(|settings| settings.0),
            requires: row.requires,
            secrets: row.secrets.map(|secrets| secrets.0).unwrap_or_default(),
        }
    }
}

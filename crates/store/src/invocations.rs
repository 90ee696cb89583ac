//! The `invocation` table: the last calls, newest first. Its key begins with the function, so that a
//! page costs what it shows, however many others there are.

use domain::{
    FunctionId, RequestId, TenantId, Timestamp,
    telemetry::{InvocationRecord, RESPONDED},
};
use uuid::Uuid;

use crate::{Connection, Result, telemetry::capped};

#[derive(Clone, Debug)]
pub struct Invocation {
    pub id: RequestId,
    /// Absent where the call was refused before a version was chosen.
    pub version: Option<i32>,
    pub started_at: Timestamp,
    pub outcome: String,
    pub party: String,
    pub detail: String,
    pub status: Option<i16>,
    pub method: String,
    pub path: String,
    pub queued_us: i64,
    pub wall_us: i64,
    pub cpu_us: i64,
    pub peak_memory_bytes: i64,
    pub request_bytes: i64,
    pub response_bytes: i64,
    pub outbound_requests: i32,
    pub cold: bool,
}

/// Which invocations: both moments are given always, so that the index is used for them.
#[derive(Clone, Debug)]
pub struct Filter {
    pub since: Timestamp,
    /// Those before this moment, and of that moment those with a smaller id.
    pub before: (Timestamp, Uuid),
    pub outcome: Option<String>,
    pub version: Option<i32>,
}

/// For the platform's role. One that is there already stays as it is.
pub async fn insert(db: &mut Connection, records: &[InvocationRecord]) -> Result<()> {
    let records = Columns::of(records);
    sqlx::query!(
        "insert into invocation
                (tenant_id, function_id, request_id, version, started_at, outcome, party, detail, status, method,
                 path, queued_us, wall_us, cpu_us, peak_memory_bytes, request_bytes, response_bytes,
                 outbound_requests, cold)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::timestamptz[], $6::text[],
                $7::text[], $8::text[], $9::smallint[], $10::text[], $11::text[], $12::bigint[], $13::bigint[],
                $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::integer[], $19::boolean[])
             on conflict do nothing",
        &records.tenant,
        &records.function,
        &records.request,
        &records.version as &[Option<i32>],
        &records.started_at,
        &records.outcome as &[&str],
        &records.party as &[&str],
        &records.detail as &[&str],
        &records.status as &[Option<i16>],
        &records.method as &[&str],
        &records.path as &[&str],
        &records.queued_us,
        &records.wall_us,
        &records.cpu_us,
        &records.peak_memory_bytes,
        &records.request_bytes,
        &records.response_bytes,
        &records.outbound_requests,
        &records.cold,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Invocation>> {
    let failed = filter.outcome.as_deref().filter(|&it| it != RESPONDED);
    if let Some(outcome) = failed {
        return list_failed(db, tenant, function, filter, outcome, limit).await;
    }
    sqlx::query_as!(
        Invocation,
        r#"select request_id as "id: RequestId", version, started_at, outcome, party, detail, status, method, path,
                  queued_us, wall_us, cpu_us, peak_memory_bytes, request_bytes, response_bytes, outbound_requests,
                  cold
             from invocation
            where tenant_id = $1 and function_id = $2
              and started_at >= $3 and (started_at, request_id) < ($4, $5)
              and ($6::text is null or outcome = $6) and ($7::integer is null or version = $7)
            order by started_at desc, request_id desc
            limit $8"#,
        tenant.uuid(),
        function.uuid(),
        filter.since,
        filter.before.0,
        filter.before.1,
        filter.outcome,
        filter.version,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Says in its text what the index of failures says, or that index could not be used.
async fn list_failed(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    filter: &Filter,
    outcome: &str,
    limit: i64,
) -> Result<Vec<Invocation>> {
    sqlx::query_as!(
        Invocation,
        r#"select request_id as "id: RequestId", version, started_at, outcome, party, detail, status, method, path,
                  queued_us, wall_us, cpu_us, peak_memory_bytes, request_bytes, response_bytes, outbound_requests,
                  cold
             from invocation
            where tenant_id = $1 and function_id = $2
              and started_at >= $3 and (started_at, request_id) < ($4, $5)
              and outcome = $6 and outcome <> 'responded' and ($7::integer is null or version = $7)
            order by started_at desc, request_id desc
            limit $8"#,
        tenant.uuid(),
        function.uuid(),
        filter.since,
        filter.before.0,
        filter.before.1,
        outcome,
        filter.version,
        limit,
    )
    .fetch_all(db)
    .await
}

pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    id: RequestId,
) -> Result<Option<Invocation>> {
    sqlx::query_as!(
        Invocation,
        r#"select request_id as "id: RequestId", version, started_at, outcome, party, detail, status, method, path,
                  queued_us, wall_us, cpu_us, peak_memory_bytes, request_bytes, response_bytes, outbound_requests,
                  cold
             from invocation
            where tenant_id = $1 and function_id = $2 and request_id = $3
            order by started_at desc
            limit 1"#,
        tenant.uuid(),
        function.uuid(),
        id.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Records turned on their side: an array for each column.
#[derive(Default)]
struct Columns<'a> {
    tenant: Vec<Uuid>,
    function: Vec<Uuid>,
    request: Vec<Uuid>,
    version: Vec<Option<i32>>,
    started_at: Vec<Timestamp>,
    outcome: Vec<&'a str>,
    party: Vec<&'a str>,
    detail: Vec<&'a str>,
    status: Vec<Option<i16>>,
    method: Vec<&'a str>,
    path: Vec<&'a str>,
    queued_us: Vec<i64>,
    wall_us: Vec<i64>,
    cpu_us: Vec<i64>,
    peak_memory_bytes: Vec<i64>,
    request_bytes: Vec<i64>,
    response_bytes: Vec<i64>,
    outbound_requests: Vec<i32>,
    cold: Vec<bool>,
}

impl<'a> Columns<'a> {
    fn of(records: &'a [InvocationRecord]) -> Self {
        let mut columns = Self::default();
        for record in records {
            columns.tenant.push(record.tenant.uuid());
            columns.function.push(record.function.uuid());
            columns.request.push(record.id.uuid());
            let version = record.version.map(|number| number.cast_signed());
            columns.version.push(version);
            columns.started_at.push(record.started_at);
            columns.outcome.push(&record.outcome);
            columns.party.push(&record.party);
            columns.detail.push(&record.detail);
            let status = record.status.map(|status| status.cast_signed());
            columns.status.push(status);
            columns.method.push(&record.method);
            columns.path.push(&record.path);
            columns.queued_us.push(capped(record.queued_us));
            columns.wall_us.push(capped(record.wall_us));
            columns.cpu_us.push(capped(record.cpu_us));
            let peak = capped(record.peak_memory_bytes);
            columns.peak_memory_bytes.push(peak);
            columns.request_bytes.push(capped(record.request_bytes));
            columns.response_bytes.push(capped(record.response_bytes));
            let outbound = i32::try_from(record.outbound_requests).unwrap_or(i32::MAX);
            columns.outbound_requests.push(outbound);
            columns.cold.push(record.cold);
        }
        columns
    }
}

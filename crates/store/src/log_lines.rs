//! The `log_line` table: what functions wrote, newest first, or of one invocation in its order.

use domain::{
    FunctionId, RequestId, TenantId, Timestamp,
    telemetry::{LogLine, LogStream},
};
use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Line {
    pub request: RequestId,
    pub number: i32,
    pub version: i32,
    pub at: Timestamp,
    pub stream: LogStream,
    pub level: String,
    pub text: String,
}

/// Which lines: both moments are given always, so that the index is used for them.
#[derive(Clone, Debug)]
pub struct Filter {
    pub since: Timestamp,
    /// Those before this moment, and of that moment those of a smaller request and number.
    pub before: (Timestamp, Uuid, i32),
    pub request: Option<RequestId>,
    pub stream: Option<LogStream>,
    pub level: Option<String>,
    /// Part of the text, in whatever case.
    pub contains: Option<String>,
}

/// For the platform's role. One that is there already stays as it is.
pub async fn insert(db: &mut Connection, lines: &[LogLine]) -> Result<()> {
    let column = |value: fn(&LogLine) -> Uuid| lines.iter().map(value).collect::<Vec<_>>();
    let number = |value: fn(&LogLine) -> u32| {
        let numbers = lines.iter().map(|line| value(line).cast_signed());
        numbers.collect::<Vec<_>>()
    };
    let at: Vec<_> = lines.iter().map(|line| line.at).collect();
    let stream: Vec<_> = lines.iter().map(|line| line.stream.name()).collect();
    let level: Vec<_> = lines.iter().map(|line| &*line.level).collect();
    let text: Vec<_> = lines.iter().map(|line| &*line.text).collect();
    sqlx::query!(
        "insert into log_line (tenant_id, function_id, request_id, number, version, at, stream, level, text)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::timestamptz[],
                $7::text[], $8::text[], $9::text[])
             on conflict do nothing",
        &column(|line| line.tenant.uuid()),
        &column(|line| line.function.uuid()),
        &column(|line| line.request.uuid()),
        &number(|line| line.number),
        &number(|line| line.version),
        &at,
        &stream as &[&str],
        &level as &[&str],
        &text as &[&str],
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
) -> Result<Vec<Line>> {
    if let Some(request) = filter.request {
        return list_of_request(db, tenant, function, request, filter, limit).await;
    }
    sqlx::query_as!(
        Line,
        r#"select request_id as "request: RequestId", number, version, at, stream as "stream: LogStream", level, text
             from log_line
            where tenant_id = $1 and function_id = $2
              and at >= $3 and (at, request_id, number) < ($4, $5, $6)
              and ($7::text is null or stream = $7) and ($8::text is null or level = $8)
              and ($9::text is null or strpos(lower(text), lower($9)) > 0)
            order by at desc, request_id desc, number desc
            limit $10"#,
        tenant.uuid(),
        function.uuid(),
        filter.since,
        filter.before.0,
        filter.before.1,
        filter.before.2,
        filter.stream.map(LogStream::name),
        filter.level,
        filter.contains,
        limit,
    )
    .fetch_all(db)
    .await
}

async fn list_of_request(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    request: RequestId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        r#"select request_id as "request: RequestId", number, version, at, stream as "stream: LogStream", level, text
             from log_line
            where tenant_id = $1 and function_id = $2 and request_id = $10
              and at >= $3 and (at, request_id, number) < ($4, $5, $6)
              and ($7::text is null or stream = $7) and ($8::text is null or level = $8)
              and ($9::text is null or strpos(lower(text), lower($9)) > 0)
            order by at desc, request_id desc, number desc
            limit $11"#,
        tenant.uuid(),
        function.uuid(),
        filter.since,
        filter.before.0,
        filter.before.1,
        filter.before.2,
        filter.stream.map(LogStream::name),
        filter.level,
        filter.contains,
        request.uuid(),
        limit,
    )
    .fetch_all(db)
    .await
}

/// In the order they were written.
pub async fn of_invocation(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    request: RequestId,
    limit: i64,
) -> Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        r#"select request_id as "request: RequestId", number, version, at, stream as "stream: LogStream", level, text
             from log_line
            where tenant_id = $1 and function_id = $2 and request_id = $3
            order by number, at
            limit $4"#,
        tenant.uuid(),
        function.uuid(),
        request.uuid(),
        limit,
    )
    .fetch_all(db)
    .await
}

//! The `invocation_minute` table: exact counters, added up as batches come in.

use domain::{FunctionId, TenantId, Timestamp, telemetry::Counter};
use uuid::Uuid;

use crate::{Connection, Result, telemetry::capped};

// The query below names each bucket.
const _: () = assert!(Counter::BUCKETS == 13);

/// How long a point of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Minute,
    Hour,
    Day,
}

impl Step {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// The invocations of a function that ended in one way within a step.
#[derive(Clone, Debug)]
pub struct Sum {
    /// Where the step begins.
    pub at: Timestamp,
    pub outcome: String,
    pub status_class: i16,
    pub invocations: i64,
    pub cpu_us: i64,
    pub wall_us: i64,
    pub request_bytes: i64,
    pub response_bytes: i64,
    pub outbound_requests: i64,
    pub peak_memory_bytes: i64,
    pub wall_buckets: Vec<i64>,
}

/// Adds to what is there. For the platform's role; no two of the counters may be of the same key, and
/// all who call this give them in the same order of keys, lest two transactions wait for each other.
pub async fn add(db: &mut Connection, counters: &[Counter]) -> Result<()> {
    let uuids = |value: fn(&Counter) -> Uuid| counters.iter().map(value).collect::<Vec<_>>();
    let counts = |value: fn(&Counter) -> u64| {
        let counts = counters.iter().map(|counter| capped(value(counter)));
        counts.collect::<Vec<_>>()
    };
    let versions = counters.iter().map(|it| it.version.unwrap_or(0));
    let versions: Vec<_> = versions.map(u32::cast_signed).collect();
    let minutes: Vec<_> = counters.iter().map(|it| it.minute).collect();
    let outcomes: Vec<_> = counters.iter().map(|it| &*it.outcome).collect();
    let classes: Vec<_> = counters.iter().map(|it| it.status_class.into()).collect();
    let buckets: Vec<_> = counters.iter().map(array).collect();
    sqlx::query!(
        "insert into invocation_minute as kept
                (tenant_id, function_id, version, minute, outcome, status_class, invocations, cpu_us, wall_us,
                 request_bytes, response_bytes, outbound_requests, peak_memory_bytes, wall_buckets)
         select tenant_id, function_id, version, minute, outcome, status_class, invocations, cpu_us, wall_us,
                request_bytes, response_bytes, outbound_requests, peak_memory_bytes, wall_buckets::bigint[]
           from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::text[], $6::smallint[],
                       $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                       $13::bigint[], $14::text[])
             as told (tenant_id, function_id, version, minute, outcome, status_class, invocations, cpu_us, wall_us,
                      request_bytes, response_bytes, outbound_requests, peak_memory_bytes, wall_buckets)
             on conflict (tenant_id, function_id, minute, version, outcome, status_class) do update
            set invocations = kept.invocations + excluded.invocations,
                cpu_us = kept.cpu_us + excluded.cpu_us,
                wall_us = kept.wall_us + excluded.wall_us,
                request_bytes = kept.request_bytes + excluded.request_bytes,
                response_bytes = kept.response_bytes + excluded.response_bytes,
                outbound_requests = kept.outbound_requests + excluded.outbound_requests,
                peak_memory_bytes = greatest(kept.peak_memory_bytes, excluded.peak_memory_bytes),
                wall_buckets = add_buckets(kept.wall_buckets, excluded.wall_buckets)",
        &uuids(|it| it.tenant.uuid()),
        &uuids(|it| it.function.uuid()),
        &versions,
        &minutes,
        &outcomes as &[&str],
        &classes as &Vec<i16>,
        &counts(|it| it.invocations),
        &counts(|it| it.cpu_us),
        &counts(|it| it.wall_us),
        &counts(|it| it.request_bytes),
        &counts(|it| it.response_bytes),
        &counts(|it| it.outbound_requests),
        &counts(|it| it.peak_memory_bytes),
        &buckets,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// From the first minute to before the last, oldest step first.
pub async fn sums(
    db: &mut Connection,
    tenant: TenantId,
    function: FunctionId,
    version: Option<i32>,
    since: Timestamp,
    until: Timestamp,
    step: Step,
) -> Result<Vec<Sum>> {
    sqlx::query_as!(
        Sum,
        r#"select date_trunc($6, minute, 'UTC') as "at!", outcome, status_class,
                  sum(invocations)::bigint as "invocations!", sum(cpu_us)::bigint as "cpu_us!",
                  sum(wall_us)::bigint as "wall_us!", sum(request_bytes)::bigint as "request_bytes!",
                  sum(response_bytes)::bigint as "response_bytes!",
                  sum(outbound_requests)::bigint as "outbound_requests!",
                  max(peak_memory_bytes) as "peak_memory_bytes!",
                  -- An aggregate over arrays would call a function of ours for every row.
                  array[sum(wall_buckets[1]), sum(wall_buckets[2]), sum(wall_buckets[3]), sum(wall_buckets[4]),
                        sum(wall_buckets[5]), sum(wall_buckets[6]), sum(wall_buckets[7]), sum(wall_buckets[8]),
                        sum(wall_buckets[9]), sum(wall_buckets[10]), sum(wall_buckets[11]), sum(wall_buckets[12]),
                        sum(wall_buckets[13])]::bigint[] as "wall_buckets!"
             from invocation_minute
            where tenant_id = $1 and function_id = $2 and minute >= $4 and minute < $5
              and ($3::integer is null or version = $3)
            group by 1, outcome, status_class
            order by 1, outcome, status_class"#,
        tenant.uuid(),
        function.uuid(),
        version,
        since,
        until,
        step.name(),
    )
    .fetch_all(db)
    .await
}

/// As Postgres writes an array: an array of arrays cannot be taken apart by rows.
fn array(counter: &Counter) -> String {
    let counts = counter.wall_buckets.iter().map(u64::to_string);
    format!("{{{}}}", counts.collect::<Vec<_>>().join(","))
}

//! The `telemetry_batch` table and the days of the three tables that a batch is written to. For the
//! platform's role.

use domain::{NodeId, Timestamp, telemetry::Batch};
use time::Date;

use crate::{Connection, Result};

/// A table that is kept by days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daily {
    Invocations,
    LogLines,
    Counters,
}

impl Daily {
    const fn table(self) -> &'static str {
        match self {
            Self::Invocations => "invocation",
            Self::LogLines => "log_line",
            Self::Counters => "invocation_minute",
        }
    }
}

/// `false` where it was counted before. Holds whoever sends the same one until this transaction ends.
pub async fn insert(
    db: &mut Connection,
    node: NodeId,
    batch: &Batch,
    rows_refused: u64,
    now: Timestamp,
) -> Result<bool> {
    let inserted = sqlx::query!(
        "insert into telemetry_batch
                (source, sequence, node_id, invocations_dropped, lines_dropped, rows_refused, received_at)
         values ($1, $2, $3, $4, $5, $6, $7)
             on conflict do nothing",
        batch.source,
        capped(batch.sequence),
        node.uuid(),
        capped(batch.invocations_dropped),
        capped(batch.lines_dropped),
        capped(rows_refused),
        now,
    )
    .execute(db)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

pub async fn delete_before(db: &mut Connection, before: Timestamp) -> Result<u64> {
    let deleted = sqlx::query!("delete from telemetry_batch where received_at < $1", before)
        .execute(db)
        .await?;
    Ok(deleted.rows_affected())
}

/// Makes room for what happened on these days. A day that is there already stays as it is.
pub async fn add_days(db: &mut Connection, days: &[Date]) -> Result<()> {
    sqlx::query!(
        "select count(telemetry_add_day(day)) from unnest($1::date[]) as wanted (day)",
        days,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Forgets the oldest day before `before` and answers which; `None` where there is none.
pub async fn drop_day(db: &mut Connection, daily: Daily, before: Date) -> Result<Option<Date>> {
    sqlx::query_scalar!("select telemetry_drop_day($1, $2)", daily.table(), before)
        .fetch_one(db)
        .await
}

/// Postgres has no unsigned numbers.
pub(crate) fn capped(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

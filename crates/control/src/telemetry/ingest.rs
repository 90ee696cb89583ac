//! Writes a worker's batch down, once however often it is sent.

use std::{collections::BTreeSet, time::Duration};

use domain::{
    Problems,
    telemetry::{Batch, MAX_COUNTERS, MAX_INVOCATIONS, MAX_LINES},
};
use store::{invocation_minutes, invocations, log_lines, telemetry};
use time::Date;
use tokio::time::timeout;

use super::clean::{Clean, clean};
use crate::{Error, Platform, feed::Node};

/// Batches written at the same time: the platform's other work shares the connections.
pub(crate) const RECEIVERS: usize = 3;
/// A worker that waited this long for its turn tries again later.
const TURN: Duration = Duration::from_secs(5);

/// `unreadable` rows were left out before. A worker is believed what it ran and when, within bounds: what is
/// too long is cut, what lies too far back is left out, and the rest is kept.
pub async fn ingest(p: &Platform, node: Node, batch: Batch, unreadable: u64) -> Result<(), Error> {
    check(&batch)?;
    let turn = timeout(TURN, p.ingesting.acquire()).await;
    let _turn = turn.map_err(|_| busy())?;
    let now = p.clock.now();
    let Clean { batch, refused } = clean(batch, now, p.config.retention);
    let refused = refused + unreadable;

    // In a transaction of its own: others that need the same new day wait for no more than its making.
    let mut tx = p.db.platform().await?;
    telemetry::add_days(&mut tx, &days(&batch)).await?;
    tx.commit().await?;

    let mut tx = p.db.platform().await?;
    if !telemetry::insert(&mut tx, node.id, &batch, refused, now).await? {
        return Ok(());
    }
    invocation_minutes::add(&mut tx, &batch.counters).await?;
    invocations::insert(&mut tx, &batch.invocations).await?;
    log_lines::insert(&mut tx, &batch.lines).await?;
    tx.commit().await?;
    if refused > 0 {
        tracing::warn!(node = %node.id, sequence = batch.sequence, refused, "rows of a batch were not readable or too old");
    }
    Ok(())
}

fn check(batch: &Batch) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let lengths = [
        ("counters", batch.counters.len(), MAX_COUNTERS),
        ("invocations", batch.invocations.len(), MAX_INVOCATIONS),
        ("lines", batch.lines.len(), MAX_LINES),
    ];
    for (field, seen, limit) in lengths {
        if seen > limit {
            problems.push(field, format!("send at most {limit}, these are {seen}"));
        }
    }
    problems.into_result()
}

fn days(batch: &Batch) -> Vec<Date> {
    let counters = batch.counters.iter().map(|counter| counter.minute);
    let invocations = batch.invocations.iter().map(|record| record.started_at);
    let lines = batch.lines.iter().map(|line| line.at);
    let days: BTreeSet<_> = counters
        .chain(invocations)
        .chain(lines)
        .map(|at| at.date())
        .collect();
    days.into_iter().collect()
}

fn busy() -> Error {
    Error::Unavailable {
        what: "a place to write telemetry",
        source: None,
    }
}

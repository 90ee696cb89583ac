//! `/internal/v1/telemetry`: a worker's batch. A row that cannot be read is left out and counted, so
//! that a worker of another release loses that row alone.

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
};
use control::{Platform, telemetry};
use domain::telemetry::{Batch, Counter, InvocationRecord, LogLine, MAX_BATCH_BYTES};
use http::Method;
use serde::{Deserialize, de::IgnoredAny};
use uuid::Uuid;

use crate::{
    access::Worker,
    body,
    problem::Problem,
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().internal(
        Need::Worker,
        Method::POST,
        "/internal/v1/telemetry",
        receive,
    )
}

async fn receive(
    State(platform): State<Platform>,
    Worker(node): Worker,
    Received(batch, unreadable): Received,
) -> Result<StatusCode, Problem> {
    telemetry::ingest(&platform, node, batch, unreadable).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A batch, and how many of its rows could not be read.
#[derive(Debug)]
struct Received(Batch, u64);

impl<S: Sync> FromRequest<S> for Received {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let told: Told = body::json(request, MAX_BATCH_BYTES).await?;
        Ok(told.into())
    }
}

/// [`Batch`] as it arrives.
#[derive(Deserialize)]
struct Told {
    source: Uuid,
    sequence: u64,
    counters: Vec<Row<Counter>>,
    invocations: Vec<Row<InvocationRecord>>,
    lines: Vec<Row<LogLine>>,
    #[serde(default)]
    invocations_dropped: u64,
    #[serde(default)]
    lines_dropped: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Row<T> {
    Read(T),
    Unreadable(IgnoredAny),
}

impl From<Told> for Received {
    fn from(told: Told) -> Self {
        let mut unreadable = 0;
        let batch = Batch {
            source: told.source,
            sequence: told.sequence,
            counters: read(told.counters, &mut unreadable),
            invocations: read(told.invocations, &mut unreadable),
            lines: read(told.lines, &mut unreadable),
            invocations_dropped: told.invocations_dropped,
            lines_dropped: told.lines_dropped,
        };
        Self(batch, unreadable)
    }
}

fn read<T>(rows: Vec<Row<T>>, unreadable: &mut u64) -> Vec<T> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Row::Read(row) => read.push(row),
            Row::Unreadable(IgnoredAny) => *unreadable += 1,
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_that_cannot_be_read_costs_no_other() {
        let line = |stream: &str| {
            json!({
                "tenant": "ten_00000000000000000000000000000001",
                "function": "fn_00000000000000000000000000000001",
                "version": 1, "request": "req_00000000000000000000000000000001", "number": 1,
                "at": "2026-03-10T12:00:00Z", "stream": stream, "level": "info", "text": "hello",
            })
        };
        let told = json!({
            "source": "00000000-0000-0000-0000-000000000001", "sequence": 1,
            "counters": [], "invocations": ["nonsense"], "lines": [line("stdout"), line("of-tomorrow")],
        });
        let told: Told = serde_json::from_value(told).unwrap();
        let Received(batch, unreadable) = told.into();
        assert_eq!((batch.lines.len(), unreadable), (1, 2));
    }
}

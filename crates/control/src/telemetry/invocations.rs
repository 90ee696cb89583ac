//! The last invocations of a function.

use domain::{
    Problems, RequestId, Timestamp,
    page::{Page, PageRequest},
    telemetry::is_outcome,
};
use store::invocations::{self, Filter};
use uuid::Uuid;

use super::{
    Span, check_version,
    logs::Line,
    span::{malformed, read, written},
};
use crate::{
    Error, Member, Platform, Viewer,
    functions::{find, key},
};

pub use store::invocations::Invocation;

/// More than a worker keeps of one invocation, and what a page can show.
const MAX_LINES: i64 = 2_000;

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub outcome: Option<String>,
    pub version: Option<i32>,
    pub span: Span,
}

impl Wanted {
    fn check(&self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        if let Some(outcome) = self.outcome.as_deref().filter(|text| !is_outcome(text)) {
            let detail =
                format!("use responded, caller_gone or the code of a failure; this is {outcome:?}");
            problems.push("outcome", detail);
        }
        check_version(&mut problems, self.version);
        problems.into_result()
    }
}

/// Newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    wanted: Wanted,
    page: &PageRequest,
) -> Result<Page<Invocation>, Error> {
    wanted.check()?;
    let (since, until) = wanted.span.bounds(p.clock.now())?;
    let end = (until, Uuid::nil());
    let cursor = page.cursor.as_deref();
    let cursor = cursor.map(|text| place(text).ok_or_else(malformed));
    let filter = Filter {
        since,
        before: cursor.transpose()?.map_or(end, |place| place.min(end)),
        outcome: wanted.outcome,
        version: wanted.version,
    };
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let found = invocations::list(&mut tx, by.tenant, function, &filter, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |last| {
        format!("{}.{}", written(last.started_at), last.id.uuid().simple())
    }))
}

/// An invocation and what it wrote, in that order.
pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    id: RequestId,
) -> Result<(Invocation, Vec<Line>), Error> {
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let found = invocations::find(&mut tx, by.tenant, function, id).await?;
    let found = found.ok_or(Error::NotFound("invocation"))?;
    let lines =
        store::log_lines::of_invocation(&mut tx, by.tenant, function, id, MAX_LINES).await?;
    Ok((found, lines))
}

fn place(cursor: &str) -> Option<(Timestamp, Uuid)> {
    let (at, id) = cursor.split_once('.')?;
    Some((read(at)?, Uuid::try_parse(id).ok()?))
}

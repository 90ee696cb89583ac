//! What a function wrote to its log.

use domain::{
    Problems, RequestId, Timestamp,
    page::{Page, PageRequest},
    telemetry::{LEVELS, LogStream},
};
use store::log_lines::{self, Filter};
use uuid::Uuid;

use super::{
    Span,
    span::{malformed, read, written},
};
use crate::{
    Error, Member, Platform, Viewer,
    functions::{check_text, find, key},
};

pub use store::log_lines::Line;

const MAX_SEARCH: usize = 200;

#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub request: Option<RequestId>,
    pub stream: Option<LogStream>,
    pub level: Option<String>,
    /// Part of the text, in whatever case.
    pub contains: Option<String>,
    pub span: Span,
}

/// Newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    wanted: Wanted,
    page: &PageRequest,
) -> Result<Page<Line>, Error> {
    let mut problems = Problems::default();
    let search = wanted.contains.as_deref().unwrap_or_default();
    check_text(&mut problems, "q", search, MAX_SEARCH);
    if let Some(level) = wanted
        .level
        .as_deref()
        .filter(|level| !LEVELS.contains(level))
    {
        let detail = format!("use one of {}; this is {level:?}", LEVELS.join(", "));
        problems.push("level", detail);
    }
    problems.into_result()?;
    let (since, until) = wanted.span.bounds(p.clock.now())?;
    let end = (until, Uuid::nil(), 0);
    let cursor = page.cursor.as_deref();
    let cursor = cursor.map(|text| place(text).ok_or_else(malformed));
    let filter = Filter {
        since,
        before: cursor.transpose()?.map_or(end, |place| place.min(end)),
        request: wanted.request,
        stream: wanted.stream,
        level: wanted.level,
        contains: wanted.contains,
    };
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let found = log_lines::list(&mut tx, by.tenant, function, &filter, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |last| {
        let (at, request) = (written(last.at), last.request.uuid().simple());
        format!("{at}.{request}.{}", last.number)
    }))
}

fn place(cursor: &str) -> Option<(Timestamp, Uuid, i32)> {
    let mut parts = cursor.split('.');
    let (at, request, number) = (parts.next()?, parts.next()?, parts.next()?);
    Some((
        read(at)?,
        Uuid::try_parse(request).ok()?,
        number.parse().ok()?,
    ))
}

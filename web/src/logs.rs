//! `…/logs`: the last log lines of a function.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use control::{
    Error, Platform, Viewer, functions,
    telemetry::{
        Span,
        logs::{self, Line, Wanted},
    },
};
use domain::{RequestId, page::PageRequest, telemetry::LogStream};
use serde::{Deserialize, Serialize};
use time::{format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    errors::Result,
    extract::{As, Path, Query, Visit},
    frame::Frame,
    function_page::Heading,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new().route("/tenants/{tenant}/functions/{function}/logs", get(list))
}

const MOMENT: &[BorrowedFormatItem<'_>] = format_description!(
    "[month repr:short] [day padding:none] [hour]:[minute]:[second].[subsecond digits:3]"
);
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];

/// A line as it is shown.
pub(crate) struct LineRow {
    pub(crate) at: String,
    pub(crate) request: RequestId,
    pub(crate) level: String,
    pub(crate) stream: &'static str,
    pub(crate) text: String,
    pub(crate) class: &'static str,
}

impl LineRow {
    pub(crate) fn new(line: &Line) -> Self {
        Self {
            at: line.at.format(MOMENT).unwrap_or_default(),
            request: line.request,
            class: match &*line.level {
                "warn" => "warn",
                "error" | "critical" => "bad",
                _ => "",
            },
            level: line.level.clone(),
            stream: line.stream.name(),
            text: line.text.clone(),
        }
    }
}

#[derive(Default, Deserialize, Serialize)]
struct Filter {
    #[serde(default)]
    q: String,
    #[serde(default)]
    level: String,
    #[serde(default)]
    stream: String,
    #[serde(default)]
    request: String,
    #[serde(default, skip_serializing)]
    cursor: String,
}

impl Filter {
    fn wanted(&self) -> Result<Wanted> {
        let request = given(&self.request).map(|text| text.trim().parse::<RequestId>());
        let request = request.transpose();
        let stream = given(&self.stream).map(|text| text.parse::<LogStream>());
        Ok(Wanted {
            request: request.map_err(|problem| Error::from(problem.at("request")))?,
            stream: stream.transpose().map_err(Error::from)?,
            level: given(&self.level),
            contains: given(&self.q),
            span: Span::default(),
        })
    }

    fn is_open(&self) -> bool {
        let all = [&self.q, &self.level, &self.stream, &self.request];
        all.iter().all(|text| text.is_empty())
    }
}

#[derive(Template)]
#[template(path = "logs/list.html")]
struct List {
    frame: Frame,
    heading: Heading,
    filter: Filter,
    levels: [&'static str; 6],
    streams: [&'static str; 4],
    lines: Vec<LineRow>,
    next: Option<String>,
    kept_days: u16,
}

async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Query(filter): Query<Filter>,
) -> Result<Page<List>> {
    let page = PageRequest {
        limit: Some(PageRequest::MAX_LIMIT),
        cursor: given(&filter.cursor),
    };
    let overview = functions::get(&platform, &viewer, &function).await?;
    let found = logs::list(&platform, &viewer, &function, filter.wanted()?, &page).await?;
    Ok(Page(List {
        heading: Heading::new(&viewer, &overview, "logs"),
        lines: found.items.iter().map(LineRow::new).collect(),
        next: next_query(&filter, found.next_cursor),
        filter,
        levels: LEVELS,
        streams: LogStream::ALL.map(LogStream::name),
        kept_days: platform.config.retention.records_days,
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

/// A form sends its empty fields too.
pub(crate) fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The query of the next page, which is asked for the same.
pub(crate) fn next_query(filter: &impl Serialize, cursor: Option<String>) -> Option<String> {
    let filter = serde_urlencoded::to_string(filter).ok()?;
    Some(format!("{filter}&cursor={}", cursor?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_asked_for_the_same() {
        let filter = Filter {
            q: "a & b".to_owned(),
            cursor: "old".to_owned(),
            ..Filter::default()
        };
        let next = next_query(&filter, Some("1.2".to_owned()));
        let expected = "q=a+%26+b&level=&stream=&request=&cursor=1.2";
        assert_eq!(next.as_deref(), Some(expected));
        assert_eq!(next_query(&filter, None), None);
    }
}

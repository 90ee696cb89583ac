//! `…/invocations`: the last calls of a function, and one of them with all that is known of it.

use askama::Template;
use axum::{Router, extract::State, http::StatusCode, routing::get};
use control::{
    Error, Platform, Viewer, functions,
    telemetry::{
        Span,
        invocations::{self, Invocation, Wanted},
    },
};
use domain::{
    Failure, Invalid, Limits, RequestId, Timestamp,
    page::PageRequest,
    telemetry::{CALLER_GONE, RESPONDED},
};
use serde::{Deserialize, Serialize};

use crate::{
    errors::Result,
    extract::{As, Path, Query, Visit},
    format::{self, When},
    frame::Frame,
    function_page::Heading,
    logs::{self, LineRow},
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    let base = "/tenants/{tenant}/functions/{function}/invocations";
    Router::new()
        .route(base, get(list))
        .route(&format!("{base}/{{request}}"), get(show))
}

/// A line of a table of invocations.
pub(crate) struct InvocationRow {
    pub(crate) id: RequestId,
    pub(crate) id_short: String,
    pub(crate) call: String,
    pub(crate) outcome: OutcomeMark,
    pub(crate) version: String,
    pub(crate) wall: String,
    pub(crate) cpu: String,
    pub(crate) memory: String,
    pub(crate) cold: bool,
    pub(crate) started: When,
}

impl InvocationRow {
    pub(crate) fn new(invocation: &Invocation, now: Timestamp) -> Self {
        let id = invocation.id.to_string();
        Self {
            id: invocation.id,
            // The beginning is the time, alike for all of a minute.
            id_short: format!("…{}", &id[id.len() - 8..]),
            call: format!("{} {}", invocation.method, invocation.path),
            outcome: OutcomeMark::new(invocation),
            version: invocation
                .version
                .map_or_else(String::new, |number| format!("v{number}")),
            wall: micros(invocation.wall_us),
            cpu: micros(invocation.cpu_us),
            memory: format::bytes(invocation.peak_memory_bytes.unsigned_abs()),
            cold: invocation.cold,
            started: When::new(invocation.started_at, now),
        }
    }
}

/// How it ended: a word or a status, and the class of its mark.
pub(crate) struct OutcomeMark {
    pub(crate) text: String,
    pub(crate) class: &'static str,
}

impl OutcomeMark {
    fn new(invocation: &Invocation) -> Self {
        let status = invocation.status.map(i16::cast_unsigned);
        let known = status.and_then(|status| StatusCode::from_u16(status).ok());
        let text = match (&*invocation.outcome, known) {
            (RESPONDED, Some(status)) => status.to_string(),
            (CALLER_GONE, _) => "caller gone".to_owned(),
            (outcome, Some(status)) => format!("{} {}", status.as_u16(), words(outcome)),
            (outcome, None) => words(outcome),
        };
        let class = match (&*invocation.outcome, status.unwrap_or_default()) {
            (RESPONDED, ..400) => "good",
            (CALLER_GONE, _) | (_, 400..500) => "warn",
            _ => "bad",
        };
        Self { text, class }
    }
}

/// `function_trapped` as it is said.
fn words(outcome: &str) -> String {
    outcome.replace('_', " ")
}

#[derive(Default, Deserialize, Serialize)]
struct Filter {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    version: String,
    #[serde(default, skip_serializing)]
    cursor: String,
}

impl Filter {
    fn wanted(&self) -> Result<Wanted> {
        let version = logs::given(&self.version).map(|text| text.parse().map_err(|_| text));
        let version = version.transpose().map_err(|text| {
            let detail = format!("`{text}` is not the number of a version");
            Error::from(Invalid::new("version", detail))
        })?;
        Ok(Wanted {
            outcome: logs::given(&self.outcome),
            version,
            span: Span::default(),
        })
    }

    fn is_open(&self) -> bool {
        self.outcome.is_empty() && self.version.is_empty()
    }
}

#[derive(Template)]
#[template(path = "invocations/list.html")]
struct List {
    frame: Frame,
    heading: Heading,
    filter: Filter,
    /// Value and words of what may be asked for.
    outcomes: Vec<(&'static str, String)>,
    invocations: Vec<InvocationRow>,
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
    let now = platform.clock.now();
    let page = PageRequest {
        limit: None,
        cursor: logs::given(&filter.cursor),
    };
    let overview = functions::get(&platform, &viewer, &function).await?;
    let found = invocations::list(&platform, &viewer, &function, filter.wanted()?, &page).await?;
    let all = [RESPONDED, CALLER_GONE].into_iter();
    let all = all.chain(Failure::ALL.iter().map(|failure| failure.code()));
    Ok(Page(List {
        heading: Heading::new(&viewer, &overview, "invocations"),
        invocations: found
            .items
            .iter()
            .map(|invocation| InvocationRow::new(invocation, now))
            .collect(),
        next: logs::next_query(&filter, found.next_cursor),
        outcomes: all.map(|outcome| (outcome, words(outcome))).collect(),
        filter,
        kept_days: platform.config.retention.records_days,
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

#[derive(Template)]
#[template(path = "invocations/show.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    invocation: InvocationRow,
    facts: Vec<Fact>,
    failure: Option<Explanation>,
    lines: Vec<LineRow>,
}

/// What was used, and what might have been.
struct Fact {
    name: &'static str,
    used: String,
    limit: String,
}

struct Explanation {
    title: String,
    detail: String,
    /// Of the code's page, where it has one.
    code: Option<&'static str>,
    whose: &'static str,
}

async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Path((_, function, request)): Path<(String, String, String)>,
) -> Result<Page<Show>> {
    let id = request.parse().map_err(|_| Error::NotFound("invocation"))?;
    let overview = functions::get(&platform, &viewer, &function).await?;
    let (found, lines) = invocations::get(&platform, &viewer, &function, id).await?;
    Ok(Page(Show {
        heading: Heading::new(&viewer, &overview, "invocations"),
        invocation: InvocationRow::new(&found, platform.clock.now()),
        facts: facts(&found, &overview.function.limits),
        failure: explanation(&found),
        lines: lines.iter().map(LineRow::new).collect(),
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

fn facts(found: &Invocation, limits: &Limits) -> Vec<Fact> {
    let fact = |name, used, limit| Fact { name, used, limit };
    let of_ms = |ms: u32| format!("of {}", format::millis(f64::from(ms)));
    let of_bytes = |bytes| format!("of {}", format::bytes(bytes));
    let bytes = |count: i64| format::bytes(count.unsigned_abs());
    vec![
        fact("Total", micros(found.wall_us), of_ms(limits.wall_ms)),
        fact("CPU", micros(found.cpu_us), of_ms(limits.cpu_ms)),
        fact(
            "Memory",
            bytes(found.peak_memory_bytes),
            of_bytes(limits.memory_bytes),
        ),
        fact(
            "Request",
            bytes(found.request_bytes),
            of_bytes(limits.request_body_bytes),
        ),
        fact(
            "Response",
            bytes(found.response_bytes),
            of_bytes(limits.response_body_bytes),
        ),
        fact(
            "Outbound",
            found.outbound_requests.to_string(),
            format!("of {}", limits.outbound_requests),
        ),
        fact("Waited", micros(found.queued_us), "to be let in".to_owned()),
    ]
}

fn explanation(found: &Invocation) -> Option<Explanation> {
    if found.outcome == RESPONDED {
        return None;
    }
    let known = Failure::ALL
        .iter()
        .find(|failure| failure.code() == found.outcome);
    let title = match known {
        Some(failure) => failure.title().to_owned(),
        None if found.outcome == CALLER_GONE => "The caller had gone before the end".to_owned(),
        None => words(&found.outcome),
    };
    Some(Explanation {
        title,
        detail: found.detail.clone(),
        code: known.map(|failure| failure.code()),
        whose: match &*found.party {
            "caller" => "It was the caller's doing.",
            "guest" => "It was the function's doing.",
            "platform" => "It was the platform's doing, not the function's.",
            _ => "",
        },
    })
}

pub(crate) fn micros(us: i64) -> String {
    format::millis(us as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: &str, status: Option<i16>) -> Invocation {
        Invocation {
            id: RequestId::generate(),
            version: None,
            started_at: Timestamp::UNIX_EPOCH,
            outcome: outcome.to_owned(),
            party: "guest".to_owned(),
            detail: String::new(),
            status,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            queued_us: 0,
            wall_us: 0,
            cpu_us: 0,
            peak_memory_bytes: 0,
            request_bytes: 0,
            response_bytes: 0,
            outbound_requests: 0,
            cold: false,
        }
    }

    #[test]
    fn an_outcome_is_a_word_with_a_mark() {
        let mark = |outcome, status| {
            let mark = OutcomeMark::new(&ended(outcome, status));
            format!("{} {}", mark.class, mark.text)
        };
        assert_eq!(mark("responded", Some(200)), "good 200 OK");
        assert_eq!(mark("responded", Some(404)), "warn 404 Not Found");
        assert_eq!(
            mark("responded", Some(500)),
            "bad 500 Internal Server Error"
        );
        assert_eq!(mark("caller_gone", None), "warn caller gone");
        assert_eq!(
            mark("function_trapped", Some(502)),
            "bad 502 function trapped"
        );
        assert_eq!(mark("rate_limited", Some(429)), "warn 429 rate limited");
    }

    #[test]
    fn a_failure_is_explained_and_one_of_another_release_is_named() {
        assert!(explanation(&ended("responded", Some(500))).is_none());
        let known = explanation(&ended("wall_timeout", Some(504))).unwrap();
        assert_eq!(known.code, Some("wall_timeout"));
        let unknown = explanation(&ended("of_tomorrow", Some(500))).unwrap();
        assert_eq!((&*unknown.title, unknown.code), ("of tomorrow", None));
    }
}

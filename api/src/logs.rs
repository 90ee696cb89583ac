//! `/v1/tenants/{tenant}/functions/{function}/logs`

use axum::extract::State;
use control::{
    Platform, Viewer,
    telemetry::logs::{self, Line, Wanted},
};
use domain::{
    Problems, RequestId, Role, Scope, page::Page, rest::logs::LineView, telemetry::LogStream,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, PageQuery, Path, Query, SpanQuery},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::LogsRead);
    Routes::default().add(viewer, &[PAGE], routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Of this invocation alone, `req_…`.
    request_id: Option<String>,
    /// `stdout`, `stderr`, `log` (`wasi:logging`) or `platform` (what the platform adds).
    stream: Option<String>,
    level: Option<String>,
    /// Part of the text, in whatever case.
    q: Option<String>,
    /// Lines of this moment or later, RFC 3339.
    since: Option<String>,
    /// Lines before this moment, RFC 3339.
    until: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The last log lines, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/logs", tag = "observability",
    operation_id = "list_logs", params(InFunction, ListQuery),
    responses((status = 200, description = "A page of them", body = Page<LineView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<LineView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let mut problems = Problems::default();
    let request = query.request_id.as_deref().map(str::parse::<RequestId>);
    let request = request.and_then(|parsed| problems.keep("request_id", parsed));
    let stream = query.stream.as_deref().map(str::parse::<LogStream>);
    let stream = stream.and_then(|parsed| problems.keep("stream", parsed));
    problems.into_result()?;
    let wanted = Wanted {
        request,
        stream,
        level: query.level,
        contains: query.q,
        span: SpanQuery::new(query.since, query.until).span()?,
    };
    let page = logs::list(&platform, &viewer, &at.function, wanted, &page).await?;
    Ok(Json(page.map(view)))
}

pub(crate) fn view(line: Line) -> LineView {
    LineView {
        request_id: line.request,
        number: line.number,
        version: line.version,
        at: line.at,
        stream: line.stream,
        level: line.level,
        text: line.text,
    }
}

//! `/v1/tenants/{tenant}/functions/{function}/invocations`

use axum::extract::State;
use control::{
    Platform, Viewer,
    telemetry::invocations::{self, Invocation, Wanted},
};
use domain::{RequestId, Role, Scope, page::Page, rest::logs::LineView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    logs,
    params::{InFunction, PageQuery, Path, Query, SpanQuery},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::LogsRead);
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(viewer, &[], routes!(show))
}

#[derive(Serialize, ToSchema)]
pub(crate) struct InvocationView {
    /// What the caller saw as `x-request-id`.
    id: RequestId,
    /// Absent where the call was refused before a version was chosen.
    version: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    started_at: time::OffsetDateTime,
    /// `responded`, `caller_gone`, or the code of a failure.
    outcome: String,
    /// Whose affair a failure is: `caller`, `guest` or `platform`; empty for `responded`.
    party: String,
    /// What happened, in words; empty for `responded`.
    detail: String,
    /// Absent where the caller had gone before it was told one.
    status: Option<i16>,
    method: String,
    /// Without the query.
    path: String,
    /// Time that it waited to be let in, in microseconds.
    queued_us: i64,
    wall_us: i64,
    cpu_us: i64,
    peak_memory_bytes: i64,
    request_bytes: i64,
    response_bytes: i64,
    outbound_requests: i32,
    /// The function's code had to be loaded first.
    cold: bool,
}

/// An invocation and what it wrote.
#[derive(Serialize, ToSchema)]
struct InvocationWithLogs {
    #[serde(flatten)]
    invocation: InvocationView,
    /// In the order they were written.
    lines: Vec<LineView>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// `responded`, `caller_gone`, or the code of a failure.
    outcome: Option<String>,
    /// The number of a version.
    version: Option<i32>,
    /// Those that began at this moment or later, RFC 3339.
    since: Option<String>,
    /// Those that began before this moment, RFC 3339.
    until: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InInvocation {
    /// The function's name or its `fn_…` id.
    function: String,
    /// The `req_…` id of the invocation.
    request_id: String,
}

/// The last invocations, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/invocations", tag = "observability",
    operation_id = "list_invocations", params(InFunction, ListQuery),
    responses((status = 200, description = "A page of them", body = Page<InvocationView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<InvocationView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let wanted = Wanted {
        outcome: query.outcome,
        version: query.version,
        span: SpanQuery::new(query.since, query.until).span()?,
    };
    let page = invocations::list(&platform, &viewer, &at.function, wanted, &page).await?;
    Ok(Json(page.map(InvocationView::from)))
}

/// One invocation, with its log lines
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/invocations/{request_id}", tag = "observability",
    operation_id = "show_invocation", params(InInvocation),
    responses((status = 200, description = "The invocation", body = InvocationWithLogs))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InInvocation>,
) -> Result<Json<InvocationWithLogs>, Problem> {
    let id: RequestId = at.request_id.parse().map_err(bad_id)?;
    let (found, lines) = invocations::get(&platform, &viewer, &at.function, id).await?;
    Ok(Json(InvocationWithLogs {
        invocation: found.into(),
        lines: lines.into_iter().map(logs::view).collect(),
    }))
}

/// One of the wrong kind is told so, rather than not found.
fn bad_id(problem: domain::Invalid) -> Problem {
    problem.at("request_id").into()
}

impl From<Invocation> for InvocationView {
    fn from(found: Invocation) -> Self {
        Self {
            id: found.id,
            version: found.version,
            started_at: found.started_at,
            outcome: found.outcome,
            party: found.party,
            detail: found.detail,
            status: found.status,
            method: found.method,
            path: found.path,
            queued_us: found.queued_us,
            wall_us: found.wall_us,
            cpu_us: found.cpu_us,
            peak_memory_bytes: found.peak_memory_bytes,
            request_bytes: found.request_bytes,
            response_bytes: found.response_bytes,
            outbound_requests: found.outbound_requests,
            cold: found.cold,
        }
    }
}

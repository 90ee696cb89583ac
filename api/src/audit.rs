//! `/v1/tenants/{tenant}/audit`: who changed what, as a list and as an export.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use control::{
    Admin, Member, Platform,
    audit::{self, Recorded, Wanted},
};
use domain::{
    Role, Scope,
    page::{Page, PageRequest},
    rest::audit::EventView,
};
use futures::{Stream, TryStreamExt as _, stream};
use http::header;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{PageQuery, Query, SpanQuery},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let admin = Need::Member(Role::Admin, Scope::AuditRead);
    Routes::default()
        .add(admin, &[PAGE], routes!(list))
        .add(admin, &[PAGE], routes!(export))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// `function.created`, or every change of functions by `function`.
    action: Option<String>,
    /// The id of what was changed, `fn_…`.
    subject: Option<String>,
    /// Who changed it: the id of a user or of an access token.
    actor: Option<String>,
    /// Those at this moment or later, RFC 3339.
    since: Option<String>,
    /// Those before this moment, RFC 3339.
    until: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    /// `function.created`, or every change of functions by `function`.
    action: Option<String>,
    /// Those at this moment or later, RFC 3339.
    since: Option<String>,
    /// Those before this moment, RFC 3339.
    until: Option<String>,
}

/// The tenant's changes, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/audit", tag = "audit", operation_id = "list_audit", params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<EventView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<EventView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let wanted = Wanted {
        action: query.action,
        subject: query.subject,
        actor: query.actor,
        span: SpanQuery::new(query.since, query.until).span()?,
    };
    let page = audit::list(&platform, &admin, wanted, &page).await?;
    Ok(Json(page.map(view)))
}

/// All of the tenant's changes in a span of time, newest first, one JSON object a line
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/audit/export", tag = "audit", operation_id = "export_audit",
    params(ExportQuery),
    responses((status = 200, description = "The changes", content_type = "application/x-ndjson", body = EventView))
)]
async fn export(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let wanted = Wanted {
        action: query.action,
        span: SpanQuery::new(query.since, query.until).span()?,
        ..Wanted::default()
    };
    // The first page is read before the head goes out: what is wrong with the query is told as a problem.
    let first = next_page(&platform, &admin, &wanted, None).await?;
    let body = Body::from_stream(lines(platform, admin, wanted, first));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, body).into_response())
}

async fn next_page(
    platform: &Platform,
    admin: &Member<Admin>,
    wanted: &Wanted,
    cursor: Option<String>,
) -> Result<Page<Recorded>, control::Error> {
    let page = PageRequest {
        limit: Some(PageRequest::MAX_LIMIT),
        cursor,
    };
    audit::list(platform, admin, wanted.clone(), &page).await
}

/// A page at a time, however many there are: none of it is kept.
fn lines(
    platform: Platform,
    admin: Member<Admin>,
    wanted: Wanted,
    first: Page<Recorded>,
) -> impl Stream<Item = Result<Bytes, control::Error>> {
    stream::try_unfold(Some(first), move |page| {
        let (platform, admin, wanted) = (platform.clone(), admin.clone(), wanted.clone());
        async move {
            let Some(page) = page else {
                return Ok(None);
            };
            let next = match page.next_cursor {
                Some(cursor) => Some(next_page(&platform, &admin, &wanted, Some(cursor)).await?),
                None => None,
            };
            Ok(Some((written(page.items), next)))
        }
    })
    .try_filter(|bytes| std::future::ready(!bytes.is_empty()))
}

fn written(events: Vec<Recorded>) -> Bytes {
    let mut lines = Vec::new();
    for event in events {
        serde_json::to_writer(&mut lines, &view(event)).expect("an event has keys of text alone");
        lines.push(b'\n');
    }
    lines.into()
}

pub(crate) fn view(event: Recorded) -> EventView {
    EventView {
        id: event.id,
        action: event.action,
        subject: event.subject,
        user: event.user,
        user_name: event.user_name,
        token: event.token,
        token_name: event.token_name,
        address: event.address,
        request_id: event.request,
        before: event.before,
        after: event.after,
        created_at: event.created_at,
    }
}

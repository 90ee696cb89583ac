//! `/v1/sessions`: where one is signed in, and signing out from afar.

use axum::extract::State;
use control::{
    Platform,
    sessions::{self, Listed},
};
use domain::{SessionId, page::Page};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::Caller,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Session, &[PAGE], routes!(list))
        .add(Need::Session, &[], routes!(end))
}

#[derive(Serialize, ToSchema)]
struct ListedView {
    id: SessionId,
    /// Whether it is the one of this very request.
    current: bool,
    /// Where the sign-in came from.
    address: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    /// To the minute.
    #[serde(with = "time::serde::rfc3339")]
    used_at: time::OffsetDateTime,
    /// At the latest: one that is not used ends before.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfSession {
    /// The session's `ses_…` id.
    session: SessionId,
}

/// Where one is signed in, newest first
#[utoipa::path(
    get, path = "/v1/sessions", tag = "session", operation_id = "list_sessions", params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<ListedView>))
)]
async fn list(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<ListedView>>, Problem> {
    let page = sessions::list(&platform, &actor, &page.request()?).await?;
    let own = actor.session();
    Ok(Json(page.map(|session| view(session, own))))
}

/// Ends one of one's own sessions
#[utoipa::path(
    delete, path = "/v1/sessions/{session}", tag = "session", operation_id = "end_session", params(OfSession),
    responses((status = 204, description = "Whoever used it is signed out"))
)]
async fn end(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Path(of): Path<OfSession>,
) -> Result<StatusCode, Problem> {
    sessions::end(&platform, &actor, of.session).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(session: Listed, own: Option<SessionId>) -> ListedView {
    ListedView {
        current: own == Some(session.id),
        id: session.id,
        address: session.address,
        created_at: session.created_at,
        used_at: session.used_at,
        expires_at: session.expires_at,
    }
}

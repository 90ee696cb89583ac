//! `/v1/admin/join-tokens`

use axum::extract::State;
use control::{
    Platform,
    admin::join_tokens::{self, Row, Told},
};
use domain::{JoinTokenId, UserId, page::Page};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::Problem,
    routes::{BODY, Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Operator, &[PAGE], routes!(list))
        .add(Need::Operator, &[BODY], routes!(create))
        .add(Need::Operator, &[], routes!(revoke))
}

/// What workers present to join.
#[derive(Serialize, ToSchema)]
#[schema(as = JoinToken)]
pub struct JoinTokenView {
    id: JoinTokenId,
    name: String,
    /// Null where it was made at the machine, and once the account is gone.
    created_by: Option<UserId>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    /// No worker joins by it since.
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<time::OffsetDateTime>,
}

/// A join token with its secret, which is told this once.
#[derive(Serialize, ToSchema)]
#[schema(as = NewJoinToken)]
pub struct ToldView {
    #[serde(flatten)]
    token: JoinTokenView,
    /// What a worker is given as `ATOLL_JOIN_TOKEN`.
    secret: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateJoinToken {
    /// What it is for: `rack 7`.
    name: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfJoinToken {
    /// The token's `jtk_…` id.
    join_token: JoinTokenId,
}

/// Join tokens, newest first, the revoked ones too
#[utoipa::path(
    get, path = "/v1/admin/join-tokens", tag = "admin", operation_id = "admin_list_join_tokens", params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<JoinTokenView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<JoinTokenView>>, Problem> {
    let page = join_tokens::list(&platform, &operator, &page.request()?).await?;
    Ok(Json(page.map(JoinTokenView::from)))
}

/// Makes a token by which any number of workers can join
#[utoipa::path(
    post, path = "/v1/admin/join-tokens", tag = "admin", operation_id = "admin_create_join_token",
    responses((status = 201, description = "The token, with its secret", body = ToldView))
)]
async fn create(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Json(body): Json<CreateJoinToken>,
) -> Result<(StatusCode, Json<ToldView>), Problem> {
    let told = join_tokens::create(&platform, &operator, &body.name).await?;
    Ok((StatusCode::CREATED, Json(told.into())))
}

/// Ends a join token; workers that joined by it stay
#[utoipa::path(
    delete, path = "/v1/admin/join-tokens/{join_token}", tag = "admin", operation_id = "admin_revoke_join_token",
    params(OfJoinToken),
    responses((status = 204, description = "No worker joins by it any more"))
)]
async fn revoke(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfJoinToken>,
) -> Result<StatusCode, Problem> {
    join_tokens::revoke(&platform, &operator, of.join_token).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Row> for JoinTokenView {
    fn from(token: Row) -> Self {
        Self {
            id: token.id,
            name: token.name,
            created_by: token.created_by,
            created_at: token.created_at,
            revoked_at: token.revoked_at,
        }
    }
}

impl From<Told> for ToldView {
    fn from(told: Told) -> Self {
        Self {
            token: told.token.into(),
            secret: told.secret,
        }
    }
}

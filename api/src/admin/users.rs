//! `/v1/admin/users`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{Platform, User, admin::users};
use domain::{UserId, page::Page, user::Email};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let last = &[Code::Conflict];
    Routes::default()
        .add(Need::Operator, &[PAGE], routes!(list))
        .add(Need::Operator, &[], routes!(show))
        .add(Need::Operator, &[BODY, REVISION, last], routes!(update))
}

/// Somebody's account.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub struct AccountView {
    id: UserId,
    email: Email,
    name: String,
    /// Runs the platform: may do what concerns all tenants.
    operator: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Part of the e-mail address or the name.
    q: Option<String>,
    /// Operators alone, or all others.
    operator: Option<bool>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateAdminUser)]
struct UpdateUser {
    operator: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfUser {
    /// The account's `usr_…` id.
    user: UserId,
}

/// Accounts, by e-mail address
#[utoipa::path(
    get, path = "/v1/admin/users", tag = "admin", operation_id = "admin_list_users", params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<AccountView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<AccountView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let page = users::list(&platform, &operator, query.q, query.operator, &page).await?;
    Ok(Json(page.map(AccountView::from)))
}

/// One account
#[utoipa::path(
    get, path = "/v1/admin/users/{user}", tag = "admin", operation_id = "admin_show_user", params(OfUser),
    responses((status = 200, description = "The account, with its `ETag`", body = AccountView))
)]
async fn show(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfUser>,
) -> Result<Response, Problem> {
    Ok(shown(users::get(&platform, &operator, of.user).await?))
}

/// Makes somebody an operator, or no longer one; the last stays
#[utoipa::path(
    patch, path = "/v1/admin/users/{user}", tag = "admin", operation_id = "admin_update_user", params(OfUser),
    request_body = UpdateUser,
    responses((status = 200, description = "The account as it is now", body = AccountView))
)]
async fn update(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfUser>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateUser>,
) -> Result<Response, Problem> {
    let wanted = body.operator;
    let after = users::set_operator(&platform, &operator, of.user, wanted, revision).await?;
    Ok(shown(after))
}

fn shown(user: User) -> Response {
    (etag(user.revision), Json(AccountView::from(user))).into_response()
}

impl From<User> for AccountView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            email: user.email,
            name: user.name,
            operator: user.operator,
            created_at: user.created_at,
        }
    }
}

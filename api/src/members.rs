//! `/v1/tenants/{tenant}/members`

use axum::{extract::State, response::IntoResponse};
use control::{Admin, Membership, Platform, Viewer, members};
use domain::{Role, Scope, UserId, page::Page, rest::members::MemberView};
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::TenantRead);
    let admin = Need::Member(Role::Admin, Scope::MembersAdmin);
    let leaver = Need::Member(Role::Viewer, Scope::MembersAdmin);
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(viewer, &[], routes!(show))
        .add(admin, &[BODY, REVISION, &[Code::Conflict]], routes!(update))
        .add(leaver, &[REVISION, &[Code::Conflict]], routes!(delete))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateMember {
    role: Role,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfMember {
    /// The user's `usr_…` id.
    user: UserId,
}

/// The members of a tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/members", tag = "members", operation_id = "list_members",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<MemberView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<MemberView>>, Problem> {
    let page = members::list(&platform, &viewer, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// One member
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/members/{user}", tag = "members", operation_id = "show_member",
    params(OfMember),
    responses((status = 200, description = "The member, with its `ETag`", body = MemberView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(of): Path<OfMember>,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(members::get(&platform, &viewer, of.user).await?))
}

/// Gives a member another role
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/members/{user}", tag = "members", operation_id = "update_member",
    params(OfMember),
    responses((status = 200, description = "The member as it is now", body = MemberView))
)]
async fn update(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfMember>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateMember>,
) -> Result<impl IntoResponse, Problem> {
    let member = members::set_role(&platform, &admin, of.user, body.role, revision).await?;
    Ok(shown(member))
}

/// Removes a member, or leaves the tenant oneself
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/members/{user}", tag = "members", operation_id = "remove_member",
    params(OfMember),
    responses((status = 204, description = "The account stays, the seat is gone"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(of): Path<OfMember>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    members::remove(&platform, &viewer, of.user, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(member: Membership) -> impl IntoResponse {
    (etag(member.revision), Json(view(member)))
}

fn view(member: Membership) -> MemberView {
    MemberView {
        user: member.user,
        email: member.email,
        name: member.name,
        role: member.role,
        created_at: member.created_at,
    }
}

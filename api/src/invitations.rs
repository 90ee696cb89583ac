//! `/v1/tenants/{tenant}/invitations`, and `/v1/invitations` for whoever has the link of one. Its token comes
//! in a header or the body: paths end up in logs.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Admin, Platform,
    invitations::{self, Found, Invitation, NewInvitation, Newcomer, Told},
};
use domain::{
    InvitationId, Problems, Role, Scope, TenantId, TenantSlug, UserId,
    page::Page,
    rest::session::SessionView,
    user::{Email, Password},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::{As, Caller, CameFrom},
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    routes::{BODY, Need, PAGE, Routes},
    session,
};

/// Carries the token of a link to [`look`].
const TOKEN: &str = "atoll-invitation";

pub(crate) fn routes() -> Routes {
    let admin = Need::Member(Role::Admin, Scope::MembersAdmin);
    let spent = &[Code::NotFound, Code::Conflict, Code::QuotaExceeded];
    let taken = &[
        Code::NotFound,
        Code::Taken,
        Code::QuotaExceeded,
        Code::TooManyAttempts,
    ];
    Routes::default()
        .add(admin, &[PAGE], routes!(list))
        .add(admin, &[BODY, &[Code::Conflict]], routes!(create))
        .add(admin, &[], routes!(revoke))
        .add(Need::Anybody, &[&[Code::NotFound]], routes!(look))
        .add(Need::Session, &[BODY, spent], routes!(accept))
        .add(Need::Anybody, &[BODY, taken], routes!(register))
}

#[derive(Serialize, ToSchema)]
struct InvitationView {
    id: InvitationId,
    /// The one address that it is good for; null where it is good for whoever has the link.
    email: Option<Email>,
    role: Role,
    /// Null where a token of the tenant made it.
    created_by: Option<UserId>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
}

#[derive(Serialize, ToSchema)]
struct ToldView {
    #[serde(flatten)]
    invitation: InvitationView,
    /// Told this once. Who has it may come in.
    link: String,
    /// Whether the link is on its way to the address as well.
    mailed: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateInvitation {
    /// Makes the invitation good for this address alone, and is where it is mailed to.
    email: Option<String>,
    role: Role,
    /// 1 to 30, 7 unless told.
    expires_in_days: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct FoundView {
    tenant: TenantId,
    slug: TenantSlug,
    tenant_name: String,
    role: Role,
    email: Option<Email>,
    /// The name of who invited; null where a program did.
    invited_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Accept {
    /// From the link.
    token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// From the link.
    token: String,
    /// What people call you.
    name: String,
    email: String,
    /// 12 to 128 characters.
    password: Password,
}

/// A new account's session, and where it was invited to.
#[derive(Serialize, ToSchema)]
struct Registered {
    #[serde(flatten)]
    session: SessionView,
    invitation: FoundView,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfInvitation {
    /// The invitation's `inv_…` id.
    invitation: InvitationId,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes a header in the document")]
struct TokenHeader {
    /// The token of the link.
    #[param(rename = "Atoll-Invitation")]
    token: String,
}

/// Invitations that were not used yet, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/invitations", tag = "members", operation_id = "list_invitations",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<InvitationView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<InvitationView>>, Problem> {
    let page = invitations::list(&platform, &admin, &page.request()?).await?;
    Ok(Json(page.map(InvitationView::from)))
}

/// Invites somebody; the link is told once
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/invitations", tag = "members", operation_id = "create_invitation",
    responses((status = 201, description = "The invitation with its link", body = ToldView))
)]
async fn create(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Json(body): Json<CreateInvitation>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let email = body.email.as_deref().map(Email::parse).transpose();
    let email = problems.keep("email", email);
    let Some(email) = email else {
        return Err(problems.into());
    };
    let new = NewInvitation {
        email,
        role: body.role,
        expires_in_days: body.expires_in_days,
    };
    let told = invitations::create(&platform, &admin, new).await?;
    let id = told.invitation.id;
    let location = format!("/v1/tenants/{}/invitations/{id}", admin.slug);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, Json(ToldView::from(told))).into_response())
}

/// Takes an invitation back
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/invitations/{invitation}", tag = "members",
    operation_id = "revoke_invitation", params(OfInvitation),
    responses((status = 204, description = "The link leads nowhere"))
)]
async fn revoke(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfInvitation>,
) -> Result<StatusCode, Problem> {
    invitations::revoke(&platform, &admin, of.invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the link that one has is for
#[utoipa::path(
    get, path = "/v1/invitations/self", tag = "members", operation_id = "show_own_invitation",
    params(TokenHeader),
    responses((status = 200, description = "Where it leads, and as what", body = FoundView))
)]
async fn look(
    State(platform): State<Platform>,
    headers: HeaderMap,
) -> Result<Json<FoundView>, Problem> {
    let token = headers.get(TOKEN).and_then(|value| value.to_str().ok());
    let found = invitations::look(&platform, token.unwrap_or_default()).await?;
    Ok(Json(found.into()))
}

/// Joins the tenant with the account that is signed in
#[utoipa::path(
    post, path = "/v1/invitations/accept", tag = "members", operation_id = "accept_invitation",
    responses((status = 200, description = "One is a member now", body = FoundView))
)]
async fn accept(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Json(body): Json<Accept>,
) -> Result<Json<FoundView>, Problem> {
    let found = invitations::accept(&platform, &actor, &body.token).await?;
    Ok(Json(found.into()))
}

/// Makes an account, joins the tenant with it and signs in
#[utoipa::path(
    post, path = "/v1/invitations/register", tag = "members", operation_id = "register_by_invitation",
    responses((status = 201, description = "The new session", body = Registered))
)]
async fn register(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<Registered>), Problem> {
    let newcomer = newcomer(&body.name, &body.email, body.password)?;
    let (found, signed_in) =
        invitations::register(&platform, &body.token, newcomer, &origin).await?;
    let registered = Registered {
        session: session::view(signed_in),
        invitation: found.into(),
    };
    Ok((StatusCode::CREATED, Json(registered)))
}

/// All problems at once.
pub(crate) fn newcomer(name: &str, email: &str, password: Password) -> Result<Newcomer, Problem> {
    let mut problems = Problems::default();
    let name = problems.keep("name", domain::name::display_name("name", name));
    let email = problems.keep("email", Email::parse(email));
    problems.keep("password", password.check());
    let (Some(name), Some(email), true) = (name, email, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    Ok(Newcomer {
        name,
        email,
        password,
    })
}

impl From<Invitation> for InvitationView {
    fn from(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role,
            created_by: invitation.created_by,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

impl From<Told> for ToldView {
    fn from(told: Told) -> Self {
        Self {
            invitation: told.invitation.into(),
            link: told.link,
            mailed: told.mailed,
        }
    }
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        Self {
            tenant: found.tenant,
            slug: found.slug,
            tenant_name: found.tenant_name,
            role: found.role,
            email: found.email,
            invited_by: found.inviter,
            expires_at: found.expires_at,
        }
    }
}

//! `/v1/tokens`, one's own, and `/v1/tenants/{tenant}/tokens`, the tenant's.

use axum::extract::State;
use control::{
    AccessToken, Admin, Platform,
    access_tokens::{self, NewToken, Told},
};
use domain::{
    Role, Scope, TokenId,
    page::Page,
    rest::tokens::{CreateTenantToken, CreateToken, RotateToken, TokenView, ToldView},
};
use http::StatusCode;
use serde::Deserialize;
use time::Duration;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::{As, Caller},
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    routes::{BODY, Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let admin = Need::Member(Role::Admin, Scope::TokensAdmin);
    let conflict = &[Code::Conflict];
    Routes::default()
        .add(Need::Session, &[PAGE], routes!(list_own))
        .add(Need::Session, &[BODY, conflict], routes!(create_own))
        .add(Need::Caller, &[&[Code::NotFound]], routes!(show_self))
        .add(Need::Caller, &[&[Code::NotFound]], routes!(revoke_self))
        .add(Need::Session, &[], routes!(revoke_own))
        .add(Need::Session, &[BODY, conflict], routes!(rotate_own))
        .add(admin, &[PAGE], routes!(list_of_tenant))
        .add(
            admin,
            &[BODY, &[Code::QuotaExceeded]],
            routes!(create_of_tenant),
        )
        .add(admin, &[], routes!(revoke_of_tenant))
        .add(admin, &[BODY, conflict], routes!(rotate_of_tenant))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfToken {
    /// The token's `tok_…` id.
    token: TokenId,
}

/// One's own access tokens, newest first
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens", operation_id = "list_tokens", params(PageQuery),
    responses((status = 200, description = "A page of them, without the revoked ones", body = Page<TokenView>))
)]
async fn list_own(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let page = access_tokens::list_own(&platform, &actor, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Makes an access token that may do, within its scopes, what its owner may do at the time
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", operation_id = "create_token",
    responses((status = 201, description = "The token, with its secret", body = ToldView))
)]
async fn create_own(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Json(body): Json<CreateToken>,
) -> Result<(StatusCode, Json<ToldView>), Problem> {
    let new = NewToken {
        name: body.name,
        scopes: body.scopes,
        functions: body.functions,
        expires_in_days: body.expires_in_days,
    };
    let told = access_tokens::create_own(&platform, &actor, new).await?;
    Ok(created(told))
}

/// The access token of this very request
#[utoipa::path(
    get, path = "/v1/tokens/self", tag = "tokens", operation_id = "show_own_token",
    responses((status = 200, description = "The token", body = TokenView))
)]
async fn show_self(Caller(actor): Caller) -> Result<Json<TokenView>, Problem> {
    let token = actor.token().cloned();
    let missing = || {
        Problem::new(
            Code::NotFound,
            "the request was made by a session, not a token",
        )
    };
    Ok(Json(view(token.ok_or_else(missing)?)))
}

/// Ends the access token of this very request
#[utoipa::path(
    delete, path = "/v1/tokens/self", tag = "tokens", operation_id = "revoke_own_token",
    responses((status = 204, description = "It works no more"))
)]
async fn revoke_self(
    State(platform): State<Platform>,
    Caller(actor): Caller,
) -> Result<StatusCode, Problem> {
    access_tokens::revoke_self(&platform, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one of one's own access tokens
#[utoipa::path(
    delete, path = "/v1/tokens/{token}", tag = "tokens", operation_id = "revoke_token", params(OfToken),
    responses((status = 204, description = "It works no more"))
)]
async fn revoke_own(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Path(of): Path<OfToken>,
) -> Result<StatusCode, Problem> {
    access_tokens::revoke_own(&platform, &actor, of.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a token a new secret; the one it has works on for a while
#[utoipa::path(
    post, path = "/v1/tokens/{token}/rotate", tag = "tokens", operation_id = "rotate_token",
    params(OfToken),
    responses((status = 200, description = "The token, with its new secret", body = ToldView))
)]
async fn rotate_own(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Path(of): Path<OfToken>,
    Json(body): Json<RotateToken>,
) -> Result<Json<ToldView>, Problem> {
    let told = access_tokens::rotate_own(&platform, &actor, of.token, overlap(&body)).await?;
    Ok(Json(told_view(told)))
}

/// The tenant's access tokens, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/tokens", tag = "tokens", operation_id = "list_tenant_tokens",
    params(PageQuery),
    responses((status = 200, description = "A page of them, without the revoked ones", body = Page<TokenView>))
)]
async fn list_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TokenView>>, Problem> {
    let page = access_tokens::list_of_tenant(&platform, &admin, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Makes an access token of the tenant, which stays when its maker leaves
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tokens", tag = "tokens", operation_id = "create_tenant_token",
    responses((status = 201, description = "The token, with its secret", body = ToldView))
)]
async fn create_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Json(body): Json<CreateTenantToken>,
) -> Result<(StatusCode, Json<ToldView>), Problem> {
    let new = NewToken {
        name: body.name,
        scopes: body.scopes,
        functions: body.functions,
        expires_in_days: body.expires_in_days,
    };
    let told = access_tokens::create_of_tenant(&platform, &admin, new, body.role).await?;
    Ok(created(told))
}

/// Ends one of the tenant's access tokens
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/tokens/{token}", tag = "tokens",
    operation_id = "revoke_tenant_token", params(OfToken),
    responses((status = 204, description = "It works no more"))
)]
async fn revoke_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfToken>,
) -> Result<StatusCode, Problem> {
    access_tokens::revoke_of_tenant(&platform, &admin, of.token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a token of the tenant a new secret; the one it has works on for a while
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/tokens/{token}/rotate", tag = "tokens",
    operation_id = "rotate_tenant_token", params(OfToken),
    responses((status = 200, description = "The token, with its new secret", body = ToldView))
)]
async fn rotate_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(of): Path<OfToken>,
    Json(body): Json<RotateToken>,
) -> Result<Json<ToldView>, Problem> {
    let overlap = overlap(&body);
    let told = access_tokens::rotate_of_tenant(&platform, &admin, of.token, overlap).await?;
    Ok(Json(told_view(told)))
}

/// Without a `Location`: a token has no page of its own, its list has all of it.
fn created(told: Told) -> (StatusCode, Json<ToldView>) {
    (StatusCode::CREATED, Json(told_view(told)))
}

fn overlap(body: &RotateToken) -> Option<Duration> {
    body.overlap_seconds
        .map(|seconds| Duration::seconds(seconds.into()))
}

fn told_view(told: Told) -> ToldView {
    ToldView {
        secret: told.secret.as_str().to_owned(),
        token: view(told.token),
    }
}

fn view(token: AccessToken) -> TokenView {
    TokenView {
        id: token.id,
        kind: token.kind,
        tenant: token.tenant,
        name: token.name,
        role: token.role,
        scopes: token.scopes,
        functions: token.functions,
        hint: token.hint,
        created_at: token.created_at,
        rotated_at: token.rotated_at,
        previous_until: token.previous_until,
        expires_at: token.expires_at,
        used_at: token.used_at,
        used_from: token.used_from,
    }
}

//! `/v1/session` and `/v1/me`: signing in and out, and who one is.

use axum::{extract::State, response::IntoResponse};
use control::{Platform, User, profile, sessions};
use domain::{
    Problems,
    rest::session::{SessionView, SignIn, UserView},
    user::Email,
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::{Caller, CameFrom},
    body::Json,
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let wrong = &[Code::WrongCredentials, Code::TooManyAttempts];
    Routes::default()
        .add(Need::Anybody, &[BODY, wrong], routes!(create))
        .add(Need::Session, &[], routes!(delete))
        .add(Need::Caller, &[&[Code::Forbidden]], routes!(me))
        .add(Need::Session, &[BODY, REVISION], routes!(rename))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateMe {
    name: String,
}

/// Signs in
#[utoipa::path(
    post, path = "/v1/session", tag = "session", operation_id = "create_session",
    responses((status = 201, description = "The session", body = SessionView))
)]
async fn create(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<SignIn>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let email = parse_email(&body.email)?;
    let signed_in = sessions::sign_in(&platform, &email, &body.password, &origin).await?;
    Ok((StatusCode::CREATED, Json(view(signed_in))))
}

/// Ends the session of the access token
#[utoipa::path(
    delete, path = "/v1/session", tag = "session", operation_id = "delete_session",
    responses((status = 204, description = "The token works no more"))
)]
async fn delete(
    State(platform): State<Platform>,
    Caller(actor): Caller,
) -> Result<StatusCode, Problem> {
    sessions::sign_out(&platform, &actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who the access token belongs to
#[utoipa::path(
    get, path = "/v1/me", tag = "session", operation_id = "show_me",
    responses((status = 200, description = "The account, with its `ETag`", body = UserView))
)]
async fn me(
    State(platform): State<Platform>,
    Caller(actor): Caller,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(sessions::me(&platform, &actor).await?))
}

/// Changes what people call one
#[utoipa::path(
    patch, path = "/v1/me", tag = "session", operation_id = "update_me",
    responses((status = 200, description = "The account as it is now", body = UserView))
)]
async fn rename(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateMe>,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(
        profile::rename(&platform, &actor, body.name, revision).await?,
    ))
}

fn shown(user: User) -> impl IntoResponse {
    (etag(user.revision), Json(user_view(user)))
}

pub(crate) fn parse_email(text: &str) -> Result<Email, Problem> {
    let mut problems = Problems::default();
    let email = problems.keep("email", Email::parse(text));
    email.ok_or_else(|| problems.into())
}

pub(crate) fn view(signed_in: sessions::SignedIn) -> SessionView {
    SessionView {
        access_token: signed_in.secret,
        expires_at: signed_in.expires_at,
        user: user_view(signed_in.user),
    }
}

fn user_view(user: User) -> UserView {
    UserView {
        id: user.id,
        email: user.email,
        name: user.name,
        operator: user.operator,
        created_at: user.created_at,
    }
}

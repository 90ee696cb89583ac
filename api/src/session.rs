//! `/v1/session` and `/v1/me`: signing in and out, and who one is.

use axum::extract::State;
use control::{Platform, User, sessions};
use domain::{
    Problems, UserId,
    user::{Email, Password},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::{Caller, CameFrom},
    body::Json,
    problem::{Code, Problem},
    routes::{BODY, Need, Routes},
};

pub(crate) fn routes() -> Routes {
    let wrong = &[Code::WrongCredentials, Code::TooManyAttempts];
    Routes::default()
        .add(Need::Anybody, &[BODY, wrong], routes!(create))
        .add(Need::Session, &[], routes!(delete))
        .add(Need::Caller, &[&[Code::Forbidden]], routes!(me))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    email: String,
    password: Password,
}

/// A session. The access token is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
    user: UserView,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    id: UserId,
    email: Email,
    name: String,
    /// Whether this person runs the platform.
    operator: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
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
    Ok((StatusCode::CREATED, Json(signed_in.into())))
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
    responses((status = 200, description = "The account", body = UserView))
)]
async fn me(
    State(platform): State<Platform>,
    Caller(actor): Caller,
) -> Result<Json<UserView>, Problem> {
    let user = sessions::me(&platform, &actor).await?;
    Ok(Json(user.into()))
}

pub(crate) fn parse_email(text: &str) -> Result<Email, Problem> {
    let mut problems = Problems::default();
    let email = problems.keep("email", Email::parse(text));
    email.ok_or_else(|| problems.into())
}

impl From<sessions::SignedIn> for SessionView {
    fn from(signed_in: sessions::SignedIn) -> Self {
        Self {
            access_token: signed_in.secret,
            expires_at: signed_in.expires_at,
            user: signed_in.user.into(),
        }
    }
}

impl From<User> for UserView {
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

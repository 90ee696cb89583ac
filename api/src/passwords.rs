//! `/v1/password`, for who knows his own, and `/v1/password-resets`: asking for a reset link, and
//! spending it. The token comes in the body: URLs end up in logs.

use axum::extract::State;
use control::{Platform, passwords};
use domain::{rest::session::SessionView, user::Password};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::{Caller, CameFrom},
    body::Json,
    problem::{Code, Problem},
    routes::{BODY, Need, Routes},
    session::{self, parse_email},
};

pub(crate) fn routes() -> Routes {
    let refused = &[Code::Conflict, Code::TooManyAttempts];
    let spent = &[Code::NotFound, Code::TooManyAttempts];
    let wrong = &[Code::WrongCredentials, Code::TooManyAttempts];
    Routes::default()
        .add(Need::Anybody, &[BODY, refused], routes!(create))
        .add(Need::Anybody, &[BODY, spent], routes!(spend))
        .add(Need::Session, &[BODY, wrong], routes!(change))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RequestReset {
    email: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SpendReset {
    /// From the link that was mailed.
    token: String,
    /// The new password, 12 to 128 characters.
    password: Password,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    current_password: Password,
    /// 12 to 128 characters.
    new_password: Password,
}

/// Sets another password; all other sessions of the account end
#[utoipa::path(
    post, path = "/v1/password", tag = "session", operation_id = "change_password",
    responses((status = 204, description = "From now on it is the new one"))
)]
async fn change(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, Problem> {
    let (current, new) = (&body.current_password, &body.new_password);
    passwords::change(&platform, &actor, current, new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mails a link to set a new password, where the account exists
#[utoipa::path(
    post, path = "/v1/password-resets", tag = "session", operation_id = "create_password_reset",
    responses((status = 202, description = "Answered alike whether the account exists or not"))
)]
async fn create(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<RequestReset>,
) -> Result<StatusCode, Problem> {
    let email = parse_email(&body.email)?;
    passwords::request_reset(&platform, &email, &origin).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password and signs in; all other sessions of the account end
#[utoipa::path(
    post, path = "/v1/password-resets/spend", tag = "session", operation_id = "spend_password_reset",
    responses((status = 201, description = "The new session", body = SessionView))
)]
async fn spend(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<SpendReset>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let signed_in = passwords::reset(&platform, &body.token, &body.password, &origin).await?;
    Ok((StatusCode::CREATED, Json(session::view(signed_in))))
}

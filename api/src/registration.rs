//! `/v1/registration`: making an account by oneself, where the operator lets people.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Platform,
    registration::{self, Mode, Registered},
};
use domain::{rest::session::SessionView, user::Password};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::CameFrom,
    body::Json,
    invitations::newcomer,
    problem::{Code, Problem},
    routes::{BODY, Need, Routes},
    session,
};

pub(crate) fn routes() -> Routes {
    let refused = &[Code::Conflict, Code::Taken, Code::TooManyAttempts];
    let wrong = &[
        Code::NotFound,
        Code::Conflict,
        Code::Taken,
        Code::WrongCredentials,
        Code::TooManyAttempts,
    ];
    Routes::default()
        .add(Need::Anybody, &[], routes!(show))
        .add(Need::Anybody, &[BODY, refused], routes!(create))
        .add(Need::Anybody, &[BODY, wrong], routes!(confirm))
}

#[derive(Serialize, ToSchema)]
struct RegistrationView {
    /// Whether anybody may make an account; else it takes an invitation.
    open: bool,
    /// Whether an account comes to be only once its address was confirmed by a mailed link.
    confirmed_by_mail: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// What people call you.
    name: String,
    email: String,
    /// 12 to 128 characters.
    password: Password,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Confirm {
    /// From the link that was mailed.
    token: String,
    /// The one that was chosen: the link alone does not prove that it was you who chose it.
    password: Password,
}

/// Who may make an account here
#[utoipa::path(
    get, path = "/v1/registration", tag = "session", operation_id = "show_registration",
    responses((status = 200, description = "What the operator decided", body = RegistrationView))
)]
async fn show(State(platform): State<Platform>) -> Json<RegistrationView> {
    Json(RegistrationView {
        open: platform.config.registration == Mode::Open,
        confirmed_by_mail: platform.mail.is_configured(),
    })
}

/// Makes an account, or mails a link that does
#[utoipa::path(
    post, path = "/v1/registration", tag = "session", operation_id = "register",
    responses(
        (status = 201, description = "The new account's session, where no mail can be sent", body = SessionView),
        (status = 202, description = "Answered alike whether the address has an account or not")
    )
)]
async fn create(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<Register>,
) -> Result<Response, Problem> {
    let newcomer = newcomer(&body.name, &body.email, body.password)?;
    let registered = registration::register(&platform, newcomer, &origin).await?;
    Ok(match registered {
        Registered::SignedIn(signed_in) => {
            let session = session::view(*signed_in);
            (StatusCode::CREATED, Json(session)).into_response()
        }
        Registered::Mailed => StatusCode::ACCEPTED.into_response(),
    })
}

/// Makes the account that a mailed link confirms, and signs in
#[utoipa::path(
    post, path = "/v1/registration/confirm", tag = "session", operation_id = "confirm_registration",
    responses((status = 201, description = "The new account's session", body = SessionView))
)]
async fn confirm(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<Confirm>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let signed_in = registration::confirm(&platform, &body.token, &body.password, &origin).await?;
    Ok((StatusCode::CREATED, Json(session::view(signed_in))))
}

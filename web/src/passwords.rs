//! `/forgot-password` and `/reset-password`: a new password by a one-time link.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use axum_extra::extract::CookieJar;
use control::{Error, Platform, passwords};
use domain::user::{Email, Password};
use serde::Deserialize;

use crate::{
    csrf::{self, Form},
    errors::{self, Result},
    extract::{From, Query},
    flash,
    forms::{self, Faults},
    page::Page,
    session,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/forgot-password", get(ask_for_link).post(send_link))
        .route("/reset-password", get(ask_for_password).post(reset))
}

#[derive(Template)]
#[template(path = "passwords/forgot.html")]
struct Forgot {
    csrf: String,
    email: String,
    faults: Faults,
    /// Where no mail can be sent, the page says who can help instead of asking.
    has_mail: bool,
    sent: bool,
}

async fn ask_for_link(State(platform): State<Platform>, cookies: CookieJar) -> impl IntoResponse {
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = Forgot {
        csrf,
        email: String::new(),
        faults: Faults::default(),
        has_mail: platform.mail.is_configured(),
        sent: false,
    };
    (cookies, Page(page))
}

#[derive(Deserialize)]
struct Address {
    email: String,
}

async fn send_link(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(form): Form<Address>,
) -> Result<Response> {
    let asked = match Email::parse(&form.email) {
        Ok(email) => passwords::request_reset(&platform, &email, &origin).await,
        Err(problem) => Err(problem.into()),
    };
    let (status, faults) = match asked {
        Ok(()) => (StatusCode::OK, None),
        Err(error) => {
            let status = errors::status(&error);
            (status, Some(forms::mendable(error, &["email"])?))
        }
    };
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = Forgot {
        csrf,
        email: form.email,
        sent: faults.is_none(),
        faults: faults.unwrap_or_default(),
        has_mail: platform.mail.is_configured(),
    };
    Ok((status, cookies, Page(page)).into_response())
}

#[derive(Template)]
#[template(path = "passwords/reset.html")]
struct Reset {
    csrf: String,
    token: String,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "passwords/closed.html")]
struct Closed;

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

async fn ask_for_password(
    State(platform): State<Platform>,
    cookies: CookieJar,
    Query(link): Query<Link>,
) -> Result<Response> {
    if !passwords::reset_is_open(&platform, &link.token).await? {
        return Ok((StatusCode::GONE, Page(Closed)).into_response());
    }
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = Reset {
        csrf,
        token: link.token,
        faults: Faults::default(),
    };
    Ok((cookies, Page(page)).into_response())
}

#[derive(Deserialize)]
struct NewPassword {
    token: String,
    password: String,
}

async fn reset(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(form): Form<NewPassword>,
) -> Result<Response> {
    let password = Password::new(form.password);
    let done = match password.check() {
        Ok(()) => passwords::reset(&platform, &form.token, &password, &origin).await,
        Err(problem) => Err(problem.into()),
    };
    match done {
        Ok(signed_in) => {
            let said = flash::say(
                &platform,
                "Your password is changed, and every other session has ended.",
            );
            let cookies = session::signed_in_cookie(&platform, signed_in);
            Ok((said, cookies, Redirect::to("/")).into_response())
        }
        Err(Error::NotFound(_)) => Ok((StatusCode::GONE, Page(Closed)).into_response()),
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["password"])?;
            let (cookies, csrf) = csrf::anonymous(&platform, cookies);
            let page = Reset {
                csrf,
                token: form.token,
                faults,
            };
            Ok((status, cookies, Page(page)).into_response())
        }
    }
}

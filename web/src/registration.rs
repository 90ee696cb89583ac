//! `/sign-up` and `/sign-up/confirm`: making an account by oneself, where the operator lets people.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use axum_extra::extract::CookieJar;
use control::{
    Error, Platform,
    registration::{self, Mode, Registered},
};
use domain::user::Password;
use serde::Deserialize;

use crate::{
    csrf::{self, Form},
    errors::{self, Result},
    extract::{From, Query},
    flash,
    forms::{self, Faults},
    invitations::newcomer,
    page::Page,
    session,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/sign-up", get(ask).post(register))
        .route("/sign-up/confirm", get(ask_again).post(confirm))
}

pub(crate) fn is_open(platform: &Platform) -> bool {
    platform.config.registration == Mode::Open
}

#[derive(Template)]
#[template(path = "registration/form.html")]
struct SignUp {
    csrf: String,
    form: Account,
    faults: Faults,
    is_open: bool,
    sent: bool,
}

#[derive(Default, Deserialize)]
struct Account {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

async fn ask(State(platform): State<Platform>, cookies: CookieJar) -> impl IntoResponse {
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = SignUp {
        csrf,
        form: Account::default(),
        faults: Faults::default(),
        is_open: is_open(&platform),
        sent: false,
    };
    (cookies, Page(page))
}

async fn register(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(mut form): Form<Account>,
) -> Result<Response> {
    let made = match newcomer(&form.name, &form.email, &form.password) {
        Ok(newcomer) => registration::register(&platform, newcomer, &origin).await,
        Err(problems) => Err(problems.into()),
    };
    let (status, faults) = match made {
        Ok(Registered::SignedIn(signed_in)) => return Ok(welcome(&platform, *signed_in)),
        Ok(Registered::Mailed) => (StatusCode::OK, None),
        Err(error) => {
            let status = errors::status(&error);
            let fields = &["email", "name", "password"];
            (status, Some(forms::mendable(error, fields)?))
        }
    };
    form.password.clear();
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = SignUp {
        csrf,
        form,
        sent: faults.is_none(),
        faults: faults.unwrap_or_default(),
        is_open: is_open(&platform),
    };
    Ok((status, cookies, Page(page)).into_response())
}

fn welcome(platform: &Platform, signed_in: control::sessions::SignedIn) -> Response {
    let said = flash::say(platform, "Your account is made. Make a tenant next.");
    let cookies = session::signed_in_cookie(platform, signed_in);
    (said, cookies, Redirect::to("/tenants")).into_response()
}

#[derive(Template)]
#[template(path = "registration/confirm.html")]
struct Confirm {
    csrf: String,
    token: String,
    email: String,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "registration/closed.html")]
struct Closed;

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

async fn ask_again(
    State(platform): State<Platform>,
    cookies: CookieJar,
    Query(link): Query<Link>,
) -> Result<Response> {
    confirm_page(&platform, cookies, link.token, Faults::default()).await
}

async fn confirm_page(
    platform: &Platform,
    cookies: CookieJar,
    token: String,
    faults: Faults,
) -> Result<Response> {
    let email = match registration::look(platform, &token).await {
        Ok(email) => email.to_string(),
        Err(Error::NotFound(_)) => return Ok((StatusCode::GONE, Page(Closed)).into_response()),
        Err(error) => return Err(error.into()),
    };
    let (cookies, csrf) = csrf::anonymous(platform, cookies);
    let page = Confirm {
        csrf,
        token,
        email,
        faults,
    };
    Ok((cookies, Page(page)).into_response())
}

#[derive(Deserialize)]
struct Confirmed {
    token: String,
    #[serde(default)]
    password: String,
}

async fn confirm(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(form): Form<Confirmed>,
) -> Result<Response> {
    let password = Password::new(form.password);
    match registration::confirm(&platform, &form.token, &password, &origin).await {
        Ok(signed_in) => Ok(welcome(&platform, signed_in)),
        Err(error) => {
            let status = errors::status(&error);
            let faults = match error {
                Error::NotFound(_) => Faults::default(),
                error => forms::mendable(error, &["email"])?,
            };
            let page = confirm_page(&platform, cookies, form.token, faults).await?;
            let status = if page.status() == StatusCode::OK {
                status
            } else {
                page.status()
            };
            Ok((status, page).into_response())
        }
    }
}

//! `/invitations/accept`: the page behind a link into a tenant, for whoever is signed in and for newcomers.
//!
//! The token goes into a cookie and out of the address at once: the way may lead over the sign-in page, whose
//! address says where to come back to.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use control::{
    Error, Platform,
    invitations::{self, Found, Newcomer},
};
use domain::{
    Problems,
    name::display_name,
    user::{Email, Password},
};
use serde::Deserialize;
use time::Duration;

use crate::{
    csrf::{self, Form, Nothing},
    errors::{self, Result},
    extract::{From, Query, SignedIn, Visit},
    flash, format,
    forms::{self, Faults},
    page::Page,
    session,
    tenants::role_word,
};

const PAGE: &str = "/invitations/accept";

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route(PAGE, get(show).post(accept))
        .route("/invitations/register", post(register))
}

#[derive(Template)]
#[template(path = "invitations/show.html")]
struct Show {
    csrf: String,
    invitation: Shown,
    /// The address of who is signed in.
    user: Option<String>,
    form: Account,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "invitations/closed.html")]
struct Closed;

struct Shown {
    tenant: String,
    slug: String,
    role: String,
    inviter: Option<String>,
    email: Option<String>,
    until: String,
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

#[derive(Deserialize)]
struct Link {
    token: Option<String>,
}

fn cookie_name(platform: &Platform) -> &'static str {
    if session::is_https(platform) {
        "__Host-atoll_invitation"
    } else {
        "atoll_invitation"
    }
}

fn cookie(platform: &Platform, token: String) -> Cookie<'static> {
    Cookie::build((cookie_name(platform), token))
        .path("/")
        .http_only(true)
        .secure(session::is_https(platform))
        .same_site(SameSite::Lax)
        .max_age(Duration::hours(1))
        .build()
}

fn forget(platform: &Platform) -> CookieJar {
    let mut gone = cookie(platform, String::new());
    gone.set_max_age(Duration::ZERO);
    CookieJar::new().add(gone)
}

fn token(platform: &Platform, cookies: &CookieJar) -> String {
    let cookie = cookies.get(cookie_name(platform));
    cookie.map_or_else(String::new, |cookie| cookie.value().to_owned())
}

async fn show(
    State(platform): State<Platform>,
    cookies: CookieJar,
    signed_in: Result<SignedIn>,
    visit: Visit,
    Query(link): Query<Link>,
) -> Result<Response> {
    if let Some(token) = link.token {
        // What is no token of ours must not become a header.
        let plain = token.len() <= 100
            && token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let token = if plain { token } else { String::new() };
        let cookies = CookieJar::new().add(cookie(&platform, token));
        return Ok((cookies, Redirect::to(PAGE)).into_response());
    }
    let found = match invitations::look(&platform, &token(&platform, &cookies)).await {
        Ok(found) => found,
        Err(Error::NotFound(_)) => return Ok(closed()),
        Err(error) => return Err(error.into()),
    };
    let form = Account {
        email: found.email.clone().map(String::from).unwrap_or_default(),
        ..Account::default()
    };
    let user = who(&platform, signed_in).await?;
    let at = At { cookies, visit };
    page(&platform, at, found, user, form, Faults::default())
}

fn closed() -> Response {
    (StatusCode::GONE, Page(Closed)).into_response()
}

/// Somebody unknown is no failure here.
async fn who(platform: &Platform, signed_in: Result<SignedIn>) -> Result<Option<String>> {
    match signed_in {
        Ok(SignedIn(actor)) => {
            let user = control::sessions::me(platform, &actor).await?;
            Ok(Some(user.email.to_string()))
        }
        Err(errors::Problem::SignIn { .. }) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// What a page's forms are bound to.
struct At {
    cookies: CookieJar,
    visit: Visit,
}

fn page(
    platform: &Platform,
    at: At,
    found: Found,
    user: Option<String>,
    form: Account,
    faults: Faults,
) -> Result<Response> {
    let (cookies, csrf) = match user {
        Some(_) => (CookieJar::new(), at.visit.csrf),
        None => csrf::anonymous(platform, at.cookies),
    };
    let page = Show {
        csrf,
        invitation: Shown {
            tenant: found.tenant_name,
            slug: found.slug.to_string(),
            role: role_word(found.role).to_lowercase(),
            inviter: found.inviter,
            email: found.email.map(String::from),
            until: format::day(found.expires_at),
        },
        user,
        form,
        faults,
    };
    Ok((cookies, Page(page)).into_response())
}

async fn accept(
    State(platform): State<Platform>,
    cookies: CookieJar,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    let token = token(&platform, &cookies);
    let error = match invitations::accept(&platform, &actor, &token).await {
        Ok(found) => return Ok(joined(&platform, &found).into_response()),
        Err(Error::NotFound(_)) => return Ok(closed()),
        Err(error) => error,
    };
    let status = errors::status(&error);
    let faults = forms::mendable(error, &[])?;
    let found = invitations::look(&platform, &token).await?;
    let user = who(&platform, Ok(SignedIn(actor))).await?;
    let at = At { cookies, visit };
    let page = page(&platform, at, found, user, Account::default(), faults)?;
    Ok((status, page).into_response())
}

async fn register(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    visit: Visit,
    Form(mut form): Form<Account>,
) -> Result<Response> {
    let token = token(&platform, &cookies);
    let made = match form.newcomer() {
        Ok(newcomer) => invitations::register(&platform, &token, newcomer, &origin).await,
        Err(problems) => Err(problems.into()),
    };
    let error = match made {
        Ok((found, signed_in)) => {
            let cookies = session::signed_in_cookie(&platform, signed_in);
            return Ok((cookies, joined(&platform, &found)).into_response());
        }
        Err(Error::NotFound(_)) => return Ok(closed()),
        Err(error) => error,
    };
    let status = errors::status(&error);
    let faults = forms::mendable(error, &["email", "name", "password"])?;
    form.password.clear();
    let found = match invitations::look(&platform, &token).await {
        Ok(found) => found,
        Err(Error::NotFound(_)) => return Ok(closed()),
        Err(error) => return Err(error.into()),
    };
    let at = At { cookies, visit };
    let page = page(&platform, at, found, None, form, faults)?;
    Ok((status, page).into_response())
}

fn joined(platform: &Platform, found: &Found) -> impl IntoResponse {
    let said = format!("You are a member of {} now.", found.tenant_name);
    let address = format!("/tenants/{}", found.slug);
    (
        flash::say(platform, &said),
        forget(platform),
        Redirect::to(&address),
    )
}

impl Account {
    fn newcomer(&self) -> Result<Newcomer, Problems> {
        newcomer(&self.name, &self.email, &self.password)
    }
}

/// All problems at once.
pub(crate) fn newcomer(name: &str, email: &str, password: &str) -> Result<Newcomer, Problems> {
    let mut problems = Problems::default();
    let name = problems.keep("name", display_name("name", name));
    let email = problems.keep("email", Email::parse(email));
    let password = Password::new(password);
    problems.keep("password", password.check());
    let (Some(name), Some(email), true) = (name, email, problems.0.is_empty()) else {
        return Err(problems);
    };
    Ok(Newcomer {
        name,
        email,
        password,
    })
}

//! `/`, `/sign-in` and `/sign-out`, and the cookie between them.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use control::{Error, Platform, sessions};
use domain::{
    page::PageRequest,
    user::{Email, Password},
};
use serde::Deserialize;

use crate::{
    csrf::{self, Form, Nothing},
    errors::{self, Result},
    extract::{From, Query, SignedIn, Visit},
    forms::{self, Faults},
    page::Page,
    registration,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/", get(home))
        .route("/sign-in", get(ask).post(sign_in))
        .route("/sign-out", post(sign_out))
}

/// Leads to where the person left off: the only tenant there is, or the choice.
async fn home(State(platform): State<Platform>, signed_in: Result<SignedIn>) -> Result<Response> {
    let SignedIn(actor) = match signed_in {
        Ok(signed_in) => signed_in,
        Err(problem) if control::setup::is_done(&platform).await? => return Err(problem),
        Err(_) => return Ok(Redirect::to("/setup").into_response()),
    };
    let tenants = control::tenants::list(&platform, &actor, &PageRequest::default()).await?;
    let address = match tenants.items.as_slice() {
        [(only, _)] if only.deleted_at.is_none() => format!("/tenants/{}", only.slug),
        _ => "/tenants".to_owned(),
    };
    Ok(Redirect::to(&address).into_response())
}

#[derive(Template)]
#[template(path = "session/sign_in.html")]
struct SignIn {
    csrf: String,
    flash: Option<String>,
    email: String,
    next: String,
    faults: Faults,
    can_sign_up: bool,
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

async fn ask(
    State(platform): State<Platform>,
    cookies: CookieJar,
    visit: Visit,
    Query(asked): Query<Asked>,
) -> impl IntoResponse {
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = SignIn {
        csrf,
        flash: visit.flash,
        email: String::new(),
        next: asked.next,
        faults: Faults::default(),
        can_sign_up: registration::is_open(&platform),
    };
    (cookies, Page(page))
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(form): Form<Credentials>,
) -> Result<Response> {
    let error = match Email::parse(&form.email) {
        Ok(email) => {
            let password = Password::new(form.password);
            match sessions::sign_in(&platform, &email, &password, &origin).await {
                Ok(signed_in) => {
                    let next = Redirect::to(within_the_console(&form.next));
                    return Ok((signed_in_cookie(&platform, signed_in), next).into_response());
                }
                Err(error) => error,
            }
        }
        Err(problem) => problem.into(),
    };
    let status = errors::status(&error);
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = SignIn {
        csrf,
        flash: None,
        email: form.email,
        next: form.next,
        faults: forms::mendable(error, &["email"])?,
        can_sign_up: registration::is_open(&platform),
    };
    Ok((status, cookies, Page(page)).into_response())
}

async fn sign_out(
    State(platform): State<Platform>,
    signed_in: Result<SignedIn>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    if let Ok(SignedIn(actor)) = signed_in {
        match sessions::sign_out(&platform, &actor).await {
            Ok(()) | Err(Error::Unauthenticated) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut gone = cookie(&platform, String::new());
    gone.set_max_age(time::Duration::ZERO);
    let cookies = CookieJar::new().add(gone);
    Ok((cookies, Redirect::to("/sign-in")).into_response())
}

pub(crate) fn is_https(platform: &Platform) -> bool {
    platform.config.public_url.scheme() == "https"
}

/// Browsers keep a `__Host-` cookie from being set by another host or over plain HTTP.
pub(crate) fn cookie_name(platform: &Platform) -> &'static str {
    if is_https(platform) {
        "__Host-atoll_session"
    } else {
        "atoll_session"
    }
}

fn cookie(platform: &Platform, secret: String) -> Cookie<'static> {
    Cookie::build((cookie_name(platform), secret))
        .path("/")
        .http_only(true)
        .secure(is_https(platform))
        .same_site(SameSite::Lax)
        .build()
}

pub(crate) fn signed_in_cookie(platform: &Platform, signed_in: sessions::SignedIn) -> CookieJar {
    let mut cookie = cookie(platform, signed_in.secret);
    cookie.set_expires(signed_in.expires_at);
    CookieJar::new().add(cookie)
}

/// A path of ours, or the start: whoever made the link to the sign-in page chose `next`.
fn within_the_console(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::within_the_console;

    #[test]
    fn signing_in_leads_nowhere_outside() {
        assert_eq!(within_the_console("/tenants/acme?a=b"), "/tenants/acme?a=b");
        for outside in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
        ] {
            assert_eq!(within_the_console(outside), "/", "{outside}");
        }
    }
}

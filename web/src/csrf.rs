//! No form is taken that one of our own pages did not make for this very browser.
//!
//! A form's token is a keyed hash of a cookie: the session's, or one made for the form where
//! nobody is signed in. The only ways to a form's content check it first, and refuse what the
//! browser itself says came from another site.

use axum::{
    RequestExt,
    extract::{FromRequest, Multipart, Request, multipart::Field},
    http::{
        StatusCode,
        header::{HOST, ORIGIN},
    },
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use bytes::Bytes;
use control::Platform;
use serde::{Deserialize, de::DeserializeOwned};
use subtle::ConstantTimeEq;

use crate::{errors::Problem, session};

fn form_cookie_name(platform: &Platform) -> &'static str {
    if session::is_https(platform) {
        "__Host-atoll_form"
    } else {
        "atoll_form"
    }
}

fn token(platform: &Platform, kind: &str, cookie: &str) -> String {
    let key = platform.config.keys.derive("console csrf");
    let bound_to = format!("{kind}:{cookie}");
    blake3::keyed_hash(&key, bound_to.as_bytes())
        .to_hex()
        .to_string()
}

/// For the forms of somebody who is signed in; empty, and so never right, where nobody is.
pub(crate) fn session_token(platform: &Platform, cookies: &CookieJar) -> String {
    cookies
        .get(session::cookie_name(platform))
        .map(|cookie| token(platform, "session", cookie.value()))
        .unwrap_or_default()
}

/// For the forms of somebody unknown: the token, and the cookie that must go with the page.
pub(crate) fn anonymous(platform: &Platform, cookies: CookieJar) -> (CookieJar, String) {
    let name = form_cookie_name(platform);
    let known = cookies.get(name).map(|cookie| cookie.value().to_owned());
    let value = known.unwrap_or_else(|| hex::encode(rand::random::<[u8; 16]>()));
    let token = token(platform, "form", &value);
    let cookie = Cookie::build((name, value))
        .path("/")
        .http_only(true)
        .secure(session::is_https(platform))
        .same_site(SameSite::Lax)
        .build();
    (cookies.add(cookie), token)
}

/// A form's fields, once it is known to be ours.
pub(crate) struct Form<T>(pub(crate) T);

/// The fields of a form that is but a button.
#[derive(Deserialize)]
pub(crate) struct Nothing {}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Platform> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, platform: &Platform) -> Result<Self, Problem> {
        check_origin(&request)?;
        let cookies = CookieJar::from_headers(request.headers());
        let body: Bytes = request.extract().await.map_err(|_| {
            Problem::Form(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The form is larger than this page takes.",
            )
        })?;
        let form: Token = serde_urlencoded::from_bytes(&body).map_err(|_| UNREADABLE)?;
        check_token(platform, &cookies, &form.csrf)?;
        serde_urlencoded::from_bytes(&body)
            .map(Self)
            .map_err(|_| UNREADABLE)
    }
}

/// A form with a file. The token is its first field, so that it is checked before the file is read.
pub(crate) struct Upload(pub(crate) Multipart);

impl FromRequest<Platform> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, platform: &Platform) -> Result<Self, Problem> {
        check_origin(&request)?;
        let cookies = CookieJar::from_headers(request.headers());
        let mut parts: Multipart = request.extract().await.map_err(|_| UNREADABLE)?;
        let first = parts.next_field().await.map_err(|_| UNREADABLE)?;
        let given = match first {
            Some(field) if field.name() == Some("csrf") => text(field).await?,
            _ => String::new(),
        };
        check_token(platform, &cookies, &given)?;
        Ok(Self(parts))
    }
}

/// A field of an upload that is no file.
pub(crate) async fn text(mut field: Field<'_>) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|_| UNREADABLE)? {
        bytes.extend(chunk);
        if bytes.len() > TEXT_MAX_BYTES {
            return Err(UNREADABLE);
        }
    }
    String::from_utf8(bytes).map_err(|_| UNREADABLE)
}

const TEXT_MAX_BYTES: usize = 16 << 10;

pub(crate) const UNREADABLE: Problem = Problem::Form(
    StatusCode::BAD_REQUEST,
    "The form could not be read. Go back, reload the page and try again.",
);

const FOREIGN: Problem = Problem::Form(
    StatusCode::FORBIDDEN,
    "The form did not come from this console, so nothing was done.",
);

const STALE: Problem = Problem::Form(
    StatusCode::FORBIDDEN,
    "The form belongs to an earlier sign-in, so nothing was done. Go back, reload the page and try again.",
);

/// What browsers say of a request's source (Fetch Metadata, RFC 6454). Other clients say nothing.
fn check_origin(request: &Request) -> Result<(), Problem> {
    let text = |name: &str| {
        let value = request.headers().get(name);
        value.map(|value| value.to_str().unwrap_or("?"))
    };
    if let Some(site) = text("sec-fetch-site")
        && !matches!(site, "same-origin" | "none")
    {
        return Err(FOREIGN);
    }
    // HTTP/2 has the host in the request's target.
    let target = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    let host = target.or_else(|| text(HOST.as_str()));
    if let Some(origin) = text(ORIGIN.as_str()) {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if authority.is_none() || authority != host {
            return Err(FOREIGN);
        }
    }
    Ok(())
}

fn check_token(platform: &Platform, cookies: &CookieJar, given: &str) -> Result<(), Problem> {
    let bindings = [
        ("session", session::cookie_name(platform)),
        ("form", form_cookie_name(platform)),
    ];
    for (kind, name) in bindings {
        let Some(cookie) = cookies.get(name) else {
            continue;
        };
        let right = token(platform, kind, cookie.value());
        if right.as_bytes().ct_eq(given.as_bytes()).into() {
            return Ok(());
        }
    }
    Err(STALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comes_from_us(pairs: &[(&str, &str)]) -> bool {
        let mut request = Request::builder();
        for &(name, value) in pairs {
            request = request.header(name, value);
        }
        check_origin(&request.body(axum::body::Body::empty()).unwrap()).is_ok()
    }

    #[test]
    fn what_a_browser_sends_for_another_site_is_refused() {
        let host = ("host", "127.0.0.1:8080");
        assert!(comes_from_us(&[host]));
        assert!(comes_from_us(&[host, ("origin", "http://127.0.0.1:8080")]));
        assert!(comes_from_us(&[host, ("sec-fetch-site", "same-origin")]));
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "http://127.0.0.1:9090"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!comes_from_us(&[host, foreign]), "{foreign:?}");
        }
    }
}

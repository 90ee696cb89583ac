//! A sentence for the next page: set with a redirect, shown once.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header::SET_COOKIE},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::{
    CookieJar,
    cookie::{Cookie, SameSite},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use control::Platform;
use time::Duration;

use crate::session;

fn name(platform: &Platform) -> &'static str {
    if session::is_https(platform) {
        "__Host-atoll_flash"
    } else {
        "atoll_flash"
    }
}

/// The cookie that carries `text` to the next page.
pub(crate) fn say(platform: &Platform, text: &str) -> CookieJar {
    CookieJar::new().add(cookie(platform, URL_SAFE_NO_PAD.encode(text)))
}

fn cookie(platform: &Platform, value: String) -> Cookie<'static> {
    Cookie::build((name(platform), value))
        .path("/")
        .http_only(true)
        .secure(session::is_https(platform))
        .same_site(SameSite::Lax)
        .max_age(Duration::minutes(1))
        .build()
}

pub(crate) fn read(platform: &Platform, cookies: &CookieJar) -> Option<String> {
    let text = URL_SAFE_NO_PAD.decode(cookies.get(name(platform))?.value());
    String::from_utf8(text.ok()?).ok()
}

/// Takes the message away once a page was shown with it.
pub(crate) async fn told_once(
    State(platform): State<Platform>,
    request: Request,
    next: Next,
) -> Response {
    let had_one = CookieJar::from_headers(request.headers())
        .get(name(&platform))
        .is_some();
    let mut response = next.run(request).await;
    let is_page = response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if had_one && is_page {
        let mut gone = cookie(&platform, String::new());
        gone.set_max_age(Duration::ZERO);
        if let Ok(value) = HeaderValue::from_str(&gone.to_string()) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

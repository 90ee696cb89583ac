//! Who may open a private preview, or choose a version: whoever has a token of the function for that,
//! signed by the platform. A link brings it to the preview's host, which keeps it in a cookie of its
//! own; a program sends it as a header.

use domain::{Failure, FunctionId, feed::Claims};
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use crate::{body::ResponseBody, clock, feed::Keys, outcome::Failed, route};

/// In a link's query.
const LINK: &str = "atoll-preview=";
const HEADER: &str = "x-atoll-preview";
/// `__Host-` keeps it from every other host (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-atoll-preview";
/// By which clocks may differ.
const LEEWAY_SECONDS: i64 = 5;

/// Whether a request carries a token that opens the function's previews.
pub(crate) fn is_open_for(headers: &HeaderMap, function: FunctionId, keys: &Keys) -> bool {
    let header = headers.get(HEADER).and_then(|value| value.to_str().ok());
    header
        .or_else(|| cookie(headers))
        .is_some_and(|token| check(token, "preview", function, keys) == Token::Valid)
}

/// What a token of the platform's is worth, for one function and one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Valid,
    /// It was valid once.
    Expired,
    /// Not of our making, or made for something else.
    Foreign,
}

pub(crate) fn check(token: &str, audience: &str, function: FunctionId, keys: &Keys) -> Token {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "sub"]);
    validation.sub = Some(function.to_string());
    // Below: only for whom the token was made is told that it has expired.
    validation.validate_exp = false;
    let key = DecodingKey::from_ed_der(&keys.invoke);
    match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
        Ok(token) if token.claims.exp + LEEWAY_SECONDS >= clock::now().unix_timestamp() => {
            Token::Valid
        }
        Ok(_) => Token::Expired,
        Err(_) => Token::Foreign,
    }
}

/// The answer to a link: the token goes into a cookie and out of the address.
pub(crate) fn opened_by_link(
    uri: &Uri,
    function: FunctionId,
    keys: &Keys,
) -> Option<Result<Response<ResponseBody>, Failed>> {
    let query = uri.query()?;
    let token = query.split('&').find_map(|pair| pair.strip_prefix(LINK))?;
    match check(token, "preview", function, keys) {
        Token::Valid => {}
        Token::Expired => {
            let detail = "this link to a preview has expired; ask its tenant for another";
            return Some(Err(Failed::new(Failure::Forbidden, detail)));
        }
        Token::Foreign => return Some(Err(route::not_found())),
    }
    let rest: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.starts_with(LINK))
        .collect();
    // A path of two slashes would be another host's.
    let path = format!("/{}", uri.path().trim_start_matches('/'));
    let location = match rest[..] {
        [] => path,
        _ => format!("{path}?{}", rest.join("&")),
    };
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Lax");
    let mut response = Response::new(ResponseBody::from(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SEE_OTHER;
    for (name, value) in [
        (header::LOCATION, location),
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::try_from(value).ok()?);
    }
    Some(Ok(response))
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::COOKIE).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    named(headers, COOKIE)
}

/// The value of the first cookie of that name.
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// The guest's code is not who the token was given to.
pub(crate) fn hide_cookie(headers: &mut HeaderMap) {
    if cookie(headers).is_none() {
        return;
    }
    let rest: Vec<_> = cookies(headers)
        .filter(|pair| !pair.starts_with(COOKIE))
        .collect();
    let rest = HeaderValue::try_from(rest.join("; "));
    headers.remove(header::COOKIE);
    if let Ok(rest) = rest
        && !rest.is_empty()
    {
        headers.insert(header::COOKIE, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_sees_its_cookies_without_ours() {
        let mut headers = HeaderMap::new();
        let both = "a=1; __Host-atoll-preview=secret; b=2";
        headers.insert(header::COOKIE, HeaderValue::from_static(both));
        assert_eq!(cookie(&headers), Some("secret"));
        hide_cookie(&mut headers);
        assert_eq!(headers[header::COOKIE], "a=1; b=2");
        let alone = HeaderValue::from_static("__Host-atoll-preview=secret");
        headers.insert(header::COOKIE, alone);
        hide_cookie(&mut headers);
        assert!(!headers.contains_key(header::COOKIE));
    }
}

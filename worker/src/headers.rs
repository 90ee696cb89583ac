//! Which headers pass the edge, in both directions, and which the platform adds.
//!
//! What a guest reads about its caller must come from us, and the framing of a response is ours:
//! a header that a guest or a caller could smuggle in would make either a lie.

use std::net::SocketAddr;

use domain::{Failure, RequestId};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{cookie, outcome::Failed, preview, route::Target};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const X_ATOLL_FUNCTION: HeaderName = HeaderName::from_static("x-atoll-function");
const X_ATOLL_VERSION: HeaderName = HeaderName::from_static("x-atoll-version");
const SPIN_PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const SPIN_FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const SPIN_MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const SPIN_RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const SPIN_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const SPIN_BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const SPIN_CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// As many as [`for_guest`] adds.
const ADDED: usize = 16;

/// Of one hop only (RFC 9110 §7.6.1), besides those that `Connection` names.
static HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// What is told of a request besides its target.
pub(crate) struct Origin<'a> {
    pub(crate) id: RequestId,
    pub(crate) client: SocketAddr,
    /// Which the caller spoke, to us or to the proxy before us.
    pub(crate) scheme: &'static str,
    pub(crate) authority: &'a str,
    pub(crate) version: u32,
}

/// Makes a caller's headers those that the function sees.
pub(crate) fn for_guest(headers: &mut HeaderMap, target: &Target, origin: &Origin<'_>) {
    remove_hop_by_hop(headers);
    remove_where(headers, is_ours);
    preview::hide_cookie(headers);
    let prefix = &target.prefix;
    let full_url = format!(
        "{}://{}{prefix}{}",
        origin.scheme, origin.authority, target.path_and_query
    );
    let path = target.path_and_query.split('?').next().unwrap_or_default();
    headers.reserve(ADDED);
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(X_REQUEST_ID, &origin.id.to_string());
    set(
        X_FORWARDED_FOR,
        &origin.client.ip().to_canonical().to_string(),
    );
    set(X_FORWARDED_PROTO, origin.scheme);
    set(X_FORWARDED_HOST, origin.authority);
    if !prefix.is_empty() {
        set(X_FORWARDED_PREFIX, prefix);
    }
    set(X_ATOLL_FUNCTION, &target.function.name);
    set(X_ATOLL_VERSION, &origin.version.to_string());
    // Spin's names, for guests built for Spin: the function stands for a component at its route.
    set(SPIN_PATH_INFO, if path == "/" { "" } else { path });
    set(SPIN_FULL_URL, &full_url);
    set(SPIN_MATCHED_ROUTE, &target.pattern);
    set(SPIN_RAW_COMPONENT_ROUTE, &target.pattern);
    let route = target.pattern.strip_suffix("/...");
    set(SPIN_COMPONENT_ROUTE, route.unwrap_or(&target.pattern));
    set(SPIN_BASE_PATH, "/");
    set(SPIN_CLIENT_ADDR, &origin.client.to_string());
    set(header::HOST, origin.authority);

    let mut traces = headers.get_all(&TRACEPARENT).iter();
    let passed = matches!((traces.next(), traces.next()), (Some(one), None) if is_traceparent(one));
    if !passed {
        headers.remove("tracestate");
        let made =
            HeaderValue::from_str(&new_traceparent()).expect("hexadecimal digits and dashes");
        headers.insert(TRACEPARENT, made);
    }
}

fn is_ours(name: &HeaderName) -> bool {
    let name = name.as_str();
    name == "x-request-id"
        || name == "forwarded"
        || ["x-atoll-", "x-forwarded-", "spin-"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

pub(crate) fn remove_where(headers: &mut HeaderMap, is_to_go: impl Fn(&HeaderName) -> bool) {
    let names: Vec<_> = headers
        .keys()
        .filter(|name| is_to_go(name))
        .cloned()
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in &named {
        headers.remove(name);
    }
    remove_where(headers, |name| HOP_BY_HOP.contains(name));
}

/// W3C Trace Context, version 00.
fn is_traceparent(value: &HeaderValue) -> bool {
    let is_hex = |part: &str, len: usize| {
        part.len() == len
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    match text.split('-').collect::<Vec<_>>()[..] {
        ["00", trace, span, flags] => {
            let zero = |part: &str| part.bytes().all(|b| b == b'0');
            is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2) && !zero(trace) && !zero(span)
        }
        _ => false,
    }
}

fn new_traceparent() -> String {
    // Never zero, which would mean "none".
    let trace = rand::random::<u128>() | 1;
    let span = rand::random::<u64>() | 1;
    format!("00-{trace:032x}-{span:016x}-00")
}

/// Makes a guest's response headers those that the caller sees. The declared length is returned:
/// whoever sends the body holds it to that.
pub(crate) fn for_caller(headers: &mut HeaderMap, host: &str) -> Result<Option<u64>, Failed> {
    let length = content_length(headers)?;
    remove_hop_by_hop(headers);
    remove_where(headers, is_ours);
    let cookies: Vec<_> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .cloned()
        .collect();
    if !cookies.is_empty() {
        headers.remove(header::SET_COOKIE);
        for cookie in cookies
            .into_iter()
            .filter(|cookie| cookie::stays_with(cookie, host))
        {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    Ok(length)
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Failed> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    match (digits.and_then(|text| text.parse().ok()), values.next()) {
        (Some(length), None) => Ok(Some(length)),
        _ => Err(Failed::new(
            Failure::InvalidResponse,
            "the function's response has an invalid Content-Length",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_one_hop_says_to_the_next_does_not_pass() {
        let mut headers = map(&[
            ("connection", "close, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("te", "trailers"),
            ("upgrade", "websocket"),
            ("accept", "*/*"),
        ]);
        remove_hop_by_hop(&mut headers);
        assert_eq!(
            headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
    }

    #[test]
    fn a_response_cannot_speak_in_the_platforms_name() {
        let mut headers = map(&[
            ("x-atoll-error", "internal"),
            ("x-request-id", "forged"),
            ("content-length", "3"),
            ("set-cookie", "a=1; Path=/"),
            ("set-cookie", "b=2; Domain=localhost"),
        ]);
        assert_eq!(for_caller(&mut headers, "acme.localhost").unwrap(), Some(3));
        assert!(!headers.contains_key("x-atoll-error") && !headers.contains_key("x-request-id"));
        assert_eq!(headers.get_all("set-cookie").iter().count(), 1);
    }

    #[test]
    fn a_response_of_two_lengths_is_invalid() {
        for lengths in [
            &[("content-length", "3"), ("content-length", "3")][..],
            &[("content-length", "+3")],
        ] {
            assert!(for_caller(&mut map(lengths), "acme.localhost").is_err());
        }
    }

    #[test]
    fn a_trace_is_continued_only_if_it_is_one() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(&HeaderValue::from_static(valid)));
        assert!(is_traceparent(&new_traceparent().parse().unwrap()));
        for bad in [
            "",
            "00-0-0-01",
            &valid.to_uppercase(),
            &valid.replace("00-4", "01-4"),
        ] {
            assert!(!is_traceparent(&bad.parse().unwrap()), "{bad}");
        }
    }
}

//! What a caller reads where the platform, not the function, answers: RFC 9457 `problem+json`, or a
//! small page for a browser.

use bytes::Bytes;
use domain::{Failure, RequestId};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::outcome::Failed;

#[derive(Serialize)]
struct Problem<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<u64>,
}

pub(crate) fn response(failed: &Failed, id: RequestId, html: bool) -> Response<Bytes> {
    let failure = failed.failure;
    let (kind, body) = if html {
        ("text/html; charset=utf-8", page(failed, id))
    } else {
        ("application/problem+json", json(failed, id))
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() =
        StatusCode::from_u16(failure.status()).expect("the table holds valid statuses");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-atoll-error", HeaderValue::from_static(failure.code()));
    if matches!(failure.status(), 429 | 503) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if failure == Failure::Unauthenticated {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn json(failed: &Failed, id: RequestId) -> String {
    let problem = Problem {
        kind: format!("urn:atoll:error:{}", failed.failure.code()),
        title: failed.failure.title(),
        status: failed.failure.status(),
        detail: &failed.detail,
        code: failed.failure.code(),
        request_id: id,
        limit: failed.limit,
        observed: failed.observed,
    };
    serde_json::to_string(&problem).expect("a problem holds strings and numbers")
}

fn page(failed: &Failed, id: RequestId) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><meta name=color-scheme content=\"light dark\">\
         <title>{status} {title}</title><h1>{title}</h1><p>{detail}</p><p><code>{code}</code> <code>{id}</code></p>",
        status = failed.failure.status(),
        title = escape(failed.failure.title()),
        detail = escape(&failed.detail),
        code = failed.failure.code(),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Whether `Accept` ranks HTML above JSON.
pub(crate) fn prefers_html(accept: Option<&HeaderValue>) -> bool {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let json = [
        "application/problem+json",
        "application/json",
        "application/*",
        "*/*",
    ];
    quality(accept, &["text/html", "text/*", "*/*"]) > quality(accept, &json)
}

/// Of the first of `ranges` that is listed, in thousandths.
fn quality(accept: &str, ranges: &[&str]) -> u32 {
    let listed = |wanted: &str| {
        accept.split(',').find_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            if !parts.next()?.eq_ignore_ascii_case(wanted) {
                return None;
            }
            let q = parts.find_map(|part| part.strip_prefix("q="));
            let q: f32 = q.map_or(1.0, |q| q.parse().unwrap_or(0.0));
            Some((q.clamp(0.0, 1.0) * 1000.0) as u32)
        })
    };
    ranges.iter().find_map(|range| listed(range)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(accept: &str) -> bool {
        prefers_html(Some(&accept.parse().unwrap()))
    }

    #[test]
    fn a_browser_gets_a_page_and_everybody_else_json() {
        assert!(html(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(!html("*/*"));
        assert!(!html("application/json, text/html;q=0.5"));
        assert!(!prefers_html(None));
    }

    #[test]
    fn a_problem_names_the_limit_and_what_was_seen() {
        let failed = Failed::new(Failure::RequestTooLarge, "too <large>").over(10, 12);
        let id = RequestId::generate();
        let body: serde_json::Value =
            serde_json::from_slice(response(&failed, id, false).body()).unwrap();
        assert_eq!(body["code"], "request_too_large");
        assert_eq!(body["status"], 413);
        assert_eq!(body["limit"], 10);
        assert_eq!(body["observed"], 12);
        assert_eq!(body["request_id"], id.to_string());
        assert!(page(&failed, id).contains("too &lt;large&gt;"));
    }
}

//! `/docs/errors/<code>`: what a problem's `type` points to.
//!
//! The pages are Markdown in the repository, and compiled in.

use axum::{
    Router,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use control::{Error, Platform};

use crate::{params::Path, problem::Problem};

macro_rules! pages {
    ($($code:literal)*) => {
        /// The pages of `docs/errors`, by code.
        const PAGES: &[(&str, &str)] = &[
            $(($code, include_str!(concat!("../../docs/errors/", $code, ".md"))),)*
        ];
    };
}

pages! {
    "artifact_unavailable"
    "bad_request"
    "conflict"
    "cpu_limit_exceeded"
    "draining"
    "forbidden"
    "function_concurrency"
    "function_disabled"
    "function_trapped"
    "headers_too_large"
    "incomplete_body"
    "instantiation_failed"
    "internal"
    "invalid"
    "invalid_response"
    "loop_detected"
    "memory_limit_exceeded"
    "method_not_allowed"
    "misdirected"
    "module_refused"
    "no_capacity"
    "not_found"
    "position_gone"
    "precondition_failed"
    "precondition_required"
    "quota_exceeded"
    "quota_exhausted"
    "rate_limited"
    "request_timeout"
    "request_too_large"
    "route_conflict"
    "response_too_large"
    "taken"
    "tenant_concurrency"
    "tenant_suspended"
    "too_many_attempts"
    "unauthenticated"
    "unavailable"
    "unsupported_feature"
    "unsupported_media_type"
    "uri_too_long"
    "version_gone"
    "wall_timeout"
    "wrong_credentials"
}

pub(crate) fn routes() -> Router<Platform> {
    Router::new().route("/docs/errors/{code}", get(show))
}

async fn show(Path(code): Path<String>) -> Result<Response, Problem> {
    let page = PAGES.iter().find(|(name, _)| *name == code);
    let (_, text) = page.ok_or(Error::NotFound("page"))?;
    Ok(document(&code, &render(text)))
}

fn document(title: &str, body: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{} · Atoll</title>\n{body}</html>\n",
        escape(title)
    );
    Html(page).into_response()
}

/// The little of Markdown that the pages use: a heading, paragraphs, lists, `code`.
fn render(markdown: &str) -> String {
    let blocks = markdown.trim().split("\n\n").map(|block| {
        if let Some(heading) = block.strip_prefix("# ") {
            return format!("<h1>{}</h1>\n", inline(heading));
        }
        if let Some(list) = block.strip_prefix("- ") {
            let items = list.split("\n- ");
            let items: String = items
                .map(|item| format!("<li>{}</li>\n", inline(item)))
                .collect();
            return format!("<ul>\n{items}</ul>\n");
        }
        format!("<p>{}</p>\n", inline(block))
    });
    blocks.collect()
}

fn inline(text: &str) -> String {
    let parts = escape(text);
    let parts = parts.split('`').enumerate();
    parts
        .map(|(index, part)| match index % 2 {
            0 => part.to_owned(),
            _ => format!("<code>{part}</code>"),
        })
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::Failure;

    use super::*;
    use crate::problem::Code;

    #[test]
    fn each_code_has_its_page_and_each_page_a_code() {
        let codes: BTreeSet<_> = Code::ALL
            .iter()
            .map(|code| code.as_str())
            .chain(Failure::ALL.iter().map(|failure| failure.code()))
            .collect();
        let pages: BTreeSet<_> = PAGES.iter().map(|(code, _)| *code).collect();
        assert_eq!(pages, codes);

        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors");
        for file in std::fs::read_dir(folder).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let code = name.strip_suffix(".md").unwrap();
            assert!(codes.contains(code), "{name} is the page of no code");
        }
    }

    #[test]
    fn a_page_is_named_by_its_code() {
        for (code, text) in PAGES {
            assert!(text.starts_with(&format!("# `{code}`: ")), "{code}");
        }
    }

    #[test]
    fn a_page_is_written_in_the_little_markdown_that_is_rendered() {
        let html = render("# `a`: <b>\n\nOne `two`\nthree.\n\n- four\n- `five`\n");
        assert_eq!(
            html,
            "<h1><code>a</code>: &lt;b&gt;</h1>\n<p>One <code>two</code>\nthree.</p>\n\
             <ul>\n<li>four</li>\n<li><code>five</code></li>\n</ul>\n"
        );
    }
}

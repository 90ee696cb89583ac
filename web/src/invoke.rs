//! `…/try`: calls the function as its URL would, and shows what came back.

use std::time::{Duration, Instant};

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use control::{
    Developer, Member, Platform, functions,
    invocations::{self, Answer, Call},
};
use domain::Problems;
use http_body_util::BodyExt;
use serde::Deserialize;

use crate::{
    csrf::Form,
    errors::{self, Result},
    extract::{As, Path, Visit},
    format,
    forms::{self, Faults},
    frame::Frame,
    function_page::Heading,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route(
            "/tenants/{tenant}/functions/{function}/try",
            get(ask).post(call),
        )
        .layer(DefaultBodyLimit::max(FORM_MAX_BYTES))
}

const FORM_MAX_BYTES: usize = 1 << 20;
/// How much of an answer's body the page shows.
const SHOWN_BYTES: usize = 64 << 10;

#[derive(Deserialize)]
pub(crate) struct TryForm {
    pub(crate) method: String,
    pub(crate) path: String,
    /// One `name: value` a line.
    #[serde(default)]
    pub(crate) headers: String,
    #[serde(default)]
    pub(crate) body: String,
}

impl Default for TryForm {
    fn default() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            headers: String::new(),
            body: String::new(),
        }
    }
}

impl TryForm {
    pub(crate) const METHODS: &[&str] =
        &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    fn call(&self) -> Result<Call, Problems> {
        let mut problems = Problems::default();
        if !Self::METHODS.contains(&self.method.as_str()) {
            problems.push("method", "choose one of the list");
        }
        if !self.path.starts_with('/') {
            problems.push("path", "start it with a slash");
        }
        let mut headers = Vec::new();
        for line in self.headers.lines().filter(|line| !line.trim().is_empty()) {
            match line.split_once(':') {
                Some((name, value)) => {
                    headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
                None => problems.push("headers", format!("`{line}` is not `name: value`")),
            }
        }
        problems.into_result()?;
        Ok(Call {
            method: self.method.clone(),
            path: self.path.clone(),
            headers,
            body: self.body.clone().into(),
            tail_logs: true,
        })
    }
}

#[derive(Template)]
#[template(path = "functions/try.html")]
struct Try {
    frame: Frame,
    heading: Heading,
    form: TryForm,
    faults: Faults,
    answer: Option<AnswerView>,
}

struct AnswerView {
    status: u16,
    reason: &'static str,
    class: &'static str,
    head_after: String,
    whole_after: String,
    request_id: String,
    version: String,
    /// The platform's code, where the failure is not the function's own answer.
    error: Option<String>,
    headers: Vec<(String, String)>,
    /// Its last lines; absent where the worker told none.
    logs: Option<String>,
    kind: String,
    size: String,
    /// Absent where the body is no text.
    text: Option<String>,
    is_empty: bool,
    is_cut: bool,
    is_broken: bool,
}

async fn ask(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
) -> Result<Page<Try>> {
    let form = TryForm::default();
    let faults = Faults::default();
    page(&platform, &developer, visit, &function, form, faults, None).await
}

async fn page(
    platform: &Platform,
    developer: &Member<Developer>,
    visit: Visit,
    function: &str,
    form: TryForm,
    faults: Faults,
    answer: Option<AnswerView>,
) -> Result<Page<Try>> {
    let overview = functions::get(platform, &developer.as_viewer(), function).await?;
    Ok(Page(Try {
        heading: Heading::new(developer, &overview, "try"),
        form,
        faults,
        answer,
        frame: Frame::in_tenant(platform, developer, visit, "functions").await?,
    }))
}

async fn call(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<TryForm>,
) -> Result<Response> {
    let answered = match form.call() {
        Ok(call) => invocations::call(&platform, &developer, &function, call).await,
        Err(problems) => Err(problems.into()),
    };
    let (status, faults, answer) = match answered {
        Ok(answer) => {
            let view = AnswerView::read(answer).await;
            (StatusCode::OK, Faults::default(), Some(view))
        }
        Err(error) => {
            let fields = ["path", "method", "headers", "body"];
            (
                errors::status(&error),
                forms::mendable(error, &fields)?,
                None,
            )
        }
    };
    let page = page(
        &platform, &developer, visit, &function, form, faults, answer,
    )
    .await?;
    Ok((status, page).into_response())
}

impl AnswerView {
    async fn read(answer: Answer) -> Self {
        let head = Instant::now();
        let header = |name: &str| {
            let found = answer
                .headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let (request_id, version) = (header("x-request-id"), header("x-atoll-version"));
        let (error, kind) = (header("x-atoll-error"), header("content-type"));
        let logs = header(invocations::LOGS).and_then(|value| logs(&value));
        let is_logs = |name: &str| name.eq_ignore_ascii_case(invocations::LOGS);
        let headers = answer.headers.into_iter();
        let headers = headers.filter(|(name, _)| !is_logs(name)).collect();
        let body = Shown::read(answer.body).await;
        Self {
            status: answer.status,
            reason: status.canonical_reason().unwrap_or_default(),
            class: match answer.status {
                ..400 => "good",
                400..500 => "warn",
                _ => "bad",
            },
            head_after: millis(answer.head_after),
            whole_after: millis(answer.head_after + head.elapsed()),
            request_id: request_id.unwrap_or_default(),
            version: version.unwrap_or_default(),
            error,
            headers,
            logs,
            kind: kind.unwrap_or_else(|| "unknown kind".to_owned()),
            size: format::bytes(body.bytes.len() as u64),
            is_empty: body.bytes.is_empty(),
            is_cut: body.is_cut,
            is_broken: body.is_broken,
            text: body.text(),
        }
    }
}

fn logs(header: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(header).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (!text.is_empty()).then_some(text)
}

fn millis(duration: Duration) -> String {
    format::millis(duration.as_secs_f64() * 1000.0)
}

/// The beginning of a body.
struct Shown {
    bytes: Vec<u8>,
    /// There was more.
    is_cut: bool,
    /// It ended without its end.
    is_broken: bool,
}

impl Shown {
    async fn read<B>(mut body: B) -> Self
    where
        B: axum::body::HttpBody<Data = bytes::Bytes> + Unpin,
    {
        let mut shown = Self {
            bytes: Vec::new(),
            is_cut: false,
            is_broken: false,
        };
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                shown.is_broken = true;
                break;
            };
            let Ok(chunk) = frame.into_data() else {
                continue;
            };
            let room = SHOWN_BYTES - shown.bytes.len();
            shown.bytes.extend(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                shown.is_cut = true;
                break;
            }
        }
        shown
    }

    fn text(self) -> Option<String> {
        let end = match std::str::from_utf8(&self.bytes) {
            Ok(_) => self.bytes.len(),
            // The cut may have gone through a character.
            Err(error) if self.is_cut && error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return None,
        };
        let text = std::str::from_utf8(&self.bytes[..end]).ok()?;
        let is_readable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
        text.chars().all(is_readable).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn shown(bytes: &[u8]) -> Shown {
        Shown::read(axum::body::Body::from(bytes.to_vec())).await
    }

    #[tokio::test]
    async fn a_long_text_is_cut_between_characters_and_binary_is_not_shown() {
        let long = format!("{}ä and more", "a".repeat(SHOWN_BYTES - 1));
        let cut = shown(long.as_bytes()).await;
        assert!(cut.is_cut);
        assert_eq!(cut.text().unwrap().len(), SHOWN_BYTES - 1);
        assert!(shown(&[0, 159, 146, 150]).await.text().is_none());
        assert_eq!(shown(b"hello\n").await.text().as_deref(), Some("hello\n"));
    }

    #[test]
    fn the_tail_of_the_log_is_read_as_it_was_told() {
        assert_eq!(logs("c3Rkb3V0IGhlbGxv").as_deref(), Some("stdout hello"));
        assert_eq!(logs(""), None);
        assert_eq!(logs("not base64"), None);
    }

    #[test]
    fn headers_are_given_a_line_each() {
        let form = TryForm {
            headers: "accept: text/plain\n\n x-a : b:c \n".to_owned(),
            ..TryForm::default()
        };
        let headers = form.call().unwrap().headers;
        let expected = [("accept", "text/plain"), ("x-a", "b:c")];
        assert_eq!(headers, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let form = TryForm {
            headers: "nonsense".to_owned(),
            ..TryForm::default()
        };
        let problems = form.call().unwrap_err();
        assert_eq!(
            problems.to_string(),
            "headers: `nonsense` is not `name: value`"
        );
    }
}

//! The REST API as the client asks it. An answer is kept as it came, so that `--json` passes on what this release
//! does not know yet.

use std::{error::Error as _, path::Path, time::Duration};

use domain::{page::PageRequest, rest::problem::ProblemView};
use reqwest::{Certificate, Client, Method, RequestBuilder, Response, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::failure::Failure;

/// Of an answer that is more than a look into the database, such as the inspection of an upload.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
const TIMEOUT: Duration = Duration::from_secs(60);
/// What is shown of an answer that is not the API's.
const FOREIGN: usize = 300;

#[derive(Clone)]
pub(crate) struct Api {
    http: Client,
    origin: Url,
    /// Sent to `origin` alone: the client follows no redirects.
    secret: Option<String>,
}

/// A successful answer.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) raw: Value,
    /// The revision that a change has to name.
    pub(crate) etag: Option<String>,
}

impl Told {
    pub(crate) fn view<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        read(&self.raw)
    }
}

/// Reads what the server wrote.
pub(crate) fn read<T: DeserializeOwned>(raw: &Value) -> Result<T, Failure> {
    T::deserialize(raw).map_err(|error| {
        Failure::Failed(format!(
            "the server's answer is not understood: {error}\n  It may be newer than this `atoll`; --json shows it as it is."
        ))
    })
}

impl Api {
    pub(crate) fn new(origin: Url, ca: Option<&Path>) -> Result<Self, Failure> {
        let mut http = Client::builder()
            .user_agent(concat!("atoll/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(path) = ca {
            http = http.tls_certs_only(authorities(path)?);
        }
        let http = http.build();
        let http =
            http.map_err(|error| Failure::Usage(format!("TLS cannot be set up: {error}")))?;
        Ok(Self {
            http,
            origin,
            secret: None,
        })
    }

    pub(crate) fn presenting(self, secret: impl Into<String>) -> Self {
        Self {
            secret: Some(secret.into()),
            ..self
        }
    }

    pub(crate) fn secret(&self) -> Option<&str> {
        self.secret.as_deref()
    }

    /// How people know the server: `https://console.example.com`.
    pub(crate) fn origin(&self) -> &str {
        self.origin.as_str().trim_end_matches('/')
    }

    /// `path` is below `/v1` and made of names, ids and words of the API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1{path}", self.origin());
        let request = self.http.request(method, url);
        match &self.secret {
            Some(secret) => request.bearer_auth(secret),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Told, Failure> {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(
        &self,
        path: &str,
        body: &impl serde::Serialize,
    ) -> Result<Told, Failure> {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Changes what was read before, unless somebody else did meanwhile.
    pub(crate) async fn patch(
        &self,
        path: &str,
        read: &Told,
        body: &impl serde::Serialize,
    ) -> Result<Told, Failure> {
        let request = self.request(Method::PATCH, path).json(body);
        self.send(based_on(request, read)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Told, Failure> {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// As [`Self::patch`].
    pub(crate) async fn delete_read(&self, path: &str, read: &Told) -> Result<Told, Failure> {
        let request = self.request(Method::DELETE, path);
        self.send(based_on(request, read)).await
    }

    /// Items of a list from its start, as many as are wanted.
    pub(crate) async fn list(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor = None::<String>;
        while items.len() < limit {
            let count = (limit - items.len()).min(PageRequest::MAX_LIMIT as usize);
            let request = self.request(Method::GET, path).query(query);
            let request = request.query(&[("limit", count)]);
            let request = match &cursor {
                Some(cursor) => request.query(&[("cursor", cursor)]),
                None => request,
            };
            let page: domain::page::Page<Value> = self.send(request).await?.view()?;
            items.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Told, Failure> {
        let response = self.answer(request.timeout(TIMEOUT)).await?;
        told(response).await
    }

    /// As [`Self::send`], for what takes long.
    pub(crate) async fn send_patiently(&self, request: RequestBuilder) -> Result<Told, Failure> {
        told(self.answer(request.timeout(PATIENCE)).await?).await
    }

    /// A successful answer whose body is still to come.
    pub(crate) async fn answer(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = self.whatever(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(response, self.origin()).await)
    }

    /// The answer, whatever its status.
    pub(crate) async fn whatever(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let sent = request.send().await;
        sent.map_err(|error| unreachable(self.origin(), &error))
    }
}

pub(crate) fn based_on(request: RequestBuilder, read: &Told) -> RequestBuilder {
    match &read.etag {
        Some(etag) => request.header(header::IF_MATCH, etag),
        None => request,
    }
}

async fn told(response: Response) -> Result<Told, Failure> {
    let status = response.status();
    let etag = response.headers().get(header::ETAG);
    let etag = etag.and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    let broken = |error: reqwest::Error| {
        Failure::Unreachable(format!("the answer broke off: {}", chain(&error)))
    };
    let body = response.bytes().await.map_err(broken)?;
    let raw = match body.is_empty() {
        true => Value::Null,
        false => serde_json::from_slice(&body)
            .map_err(|_| foreign(status, &String::from_utf8_lossy(&body)))?,
    };
    Ok(Told { status, raw, etag })
}

/// What an unsuccessful answer says.
pub(crate) async fn refusal(response: Response, origin: &str) -> Failure {
    let status = response.status();
    let location = response.headers().get(header::LOCATION).cloned();
    let body = response.bytes().await.unwrap_or_default();
    if let Ok(problem) = serde_json::from_slice::<ProblemView>(&body) {
        return Failure::Refused(Box::new(problem));
    }
    if let (true, Some(location)) = (status.is_redirection(), location) {
        let to = super::output::printable(&String::from_utf8_lossy(location.as_bytes()));
        return Failure::Failed(format!(
            "{origin} sends elsewhere, to {to}\n  Give the server's own address with --api."
        ));
    }
    foreign(status, &String::from_utf8_lossy(&body))
}

fn foreign(status: StatusCode, body: &str) -> Failure {
    let shown: String = body.trim().chars().take(FOREIGN).collect();
    let shown = super::output::printable(&shown);
    Failure::Failed(format!(
        "this does not look like an Atoll server: it answered {status}\n  {shown}"
    ))
}

fn unreachable(origin: &str, error: &reqwest::Error) -> Failure {
    let text = format!("{origin} cannot be reached: {}", chain(error));
    // The usual case of a local installation.
    let hint = match text.contains("UnknownIssuer") {
        true => "\n  If it has an authority of its own, name that with --ca FILE.",
        false => "",
    };
    Failure::Unreachable(text + hint)
}

/// The causes alone: what reqwest puts before them repeats the URL.
fn chain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    match causes.is_empty() {
        true if error.is_timeout() => "it took too long to answer".to_owned(),
        true => error.to_string(),
        false => causes.join(": "),
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, Failure> {
    let unusable =
        |what: &str| Failure::Usage(format!("--ca (ATOLL_CA): `{}` {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| unusable(&format!("cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(unusable("holds no certificate in PEM")),
    }
}

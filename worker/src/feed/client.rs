//! The calls of `/internal/v1`, each one HTTP request.

use std::time::Duration;

use anyhow::Context as _;
use domain::{
    feed::{Heard, Heartbeat, Join, Joined, LONG_POLL_SECONDS},
    snapshot::Position,
    telemetry::Batch,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::{Settings, apply::Received};

const TIMEOUT: Duration = Duration::from_secs(10);
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);
/// More than any sane state: what is larger is not read into memory.
const MAX_STATE_BYTES: usize = 512 << 20;

pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    join_token: String,
    join: Join,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The token is not taken any more.
    #[error("the API server does not know this worker")]
    Unknown,
    #[error("the API server has another history; the whole snapshot is needed")]
    Gone,
    /// What was sent will never be taken.
    #[error("{0}")]
    Refused(String),
    #[error("{0:#}")]
    Other(anyhow::Error),
}

impl Client {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("the client of the API servers")?;
        Ok(Self {
            http,
            base: settings.api_url.clone(),
            join_token: settings.join_token.clone(),
            join: Join {
                name: settings.name.clone(),
                engine_tag: engine::TAG.to_owned(),
                internal_url: settings.internal_url.to_string(),
                features: crate::table::FEATURES
                    .iter()
                    .map(|&name| name.to_owned())
                    .collect(),
            },
        })
    }

    pub(super) async fn join(&self) -> Result<Joined, Trouble> {
        let request = self
            .request(Method::POST, "join", &self.join_token)
            .json(&self.join);
        json(send(request, TIMEOUT).await?).await
    }

    pub(super) async fn renew(&self, token: &str) -> Result<Joined, Trouble> {
        json(send(self.request(Method::POST, "token", token), TIMEOUT).await?).await
    }

    pub(super) async fn heartbeat(
        &self,
        token: &str,
        heartbeat: &Heartbeat,
    ) -> Result<Heard, Trouble> {
        let request = self
            .request(Method::POST, "heartbeat", token)
            .json(heartbeat);
        let response = send(request, TIMEOUT).await?;
        if response.status() == StatusCode::NO_CONTENT {
            // An API server of the release before: as if this worker were alone.
            return Ok(Heard::default());
        }
        json(response).await
    }

    pub(crate) async fn telemetry(&self, token: &str, batch: &Batch) -> Result<(), Trouble> {
        let request = self.request(Method::POST, "telemetry", token).json(batch);
        send(request, TIMEOUT).await.map(|_| ())
    }

    pub(super) async fn snapshot(&self, token: &str) -> Result<Received, Trouble> {
        let request = self.request(Method::GET, "snapshot", token);
        state(send(request, SNAPSHOT_TIMEOUT).await?).await
    }

    /// `None` when nothing changed within the wait.
    pub(super) async fn changes(
        &self,
        token: &str,
        after: Position,
    ) -> Result<Option<Received>, Trouble> {
        let request = self.request(Method::GET, "changes", token).query(&[
            ("generation", after.generation.to_string()),
            ("after", after.epoch.to_string()),
        ]);
        let wait = Duration::from_secs(LONG_POLL_SECONDS) + TIMEOUT;
        let response = send(request, wait).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        state(response).await.map(Some)
    }

    fn request(&self, method: Method, call: &str, token: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        let url = format!("{base}/internal/v1/{call}");
        self.http.request(method, url).bearer_auth(token)
    }
}

async fn send(request: RequestBuilder, timeout: Duration) -> Result<Response, Trouble> {
    // Its error names the URL, which holds no secret.
    let response = request.timeout(timeout).send().await;
    let response = response.map_err(|error| Trouble::Other(error.into()))?;
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::UNAUTHORIZED => Err(Trouble::Unknown),
        StatusCode::GONE => Err(Trouble::Gone),
        status => {
            let url = response.url().path().to_owned();
            let mut body = response.text().await.unwrap_or_default();
            body.truncate(body.floor_char_boundary(500));
            let told = format!("{url} answered {status}: {body}");
            Err(match status {
                StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                    Trouble::Refused(told)
                }
                _ => Trouble::Other(anyhow::anyhow!(told)),
            })
        }
    }
}

async fn json<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, Trouble> {
    response
        .json()
        .await
        .map_err(|error| Trouble::Other(error.into()))
}

async fn state(mut response: Response) -> Result<Received, Trouble> {
    let other = |error: anyhow::Error| Trouble::Other(error);
    let mut bytes = Vec::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| other(error.into()))?
    {
        if bytes.len() + chunk.len() > MAX_STATE_BYTES {
            return Err(other(anyhow::anyhow!(
                "the state has more than {MAX_STATE_BYTES} bytes"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes)
        .map_err(|error| other(anyhow::Error::from(error).context("the state does not decode")))
}

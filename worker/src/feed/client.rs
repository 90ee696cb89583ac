//! The calls of `/internal/v1`, each one HTTP request.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use domain::{
    feed::{Heard, Heartbeat, Join, Joined, LONG_POLL_SECONDS, StateHash},
    snapshot::Position,
    telemetry::Batch,
};
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::{Settings, body::Body};

const TIMEOUT: Duration = Duration::from_secs(10);
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);

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
        let mut http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        if let Some(path) = &settings.api_ca {
            let authorities = authorities(path);
            http = http.tls_certs_only(authorities.with_context(|| path.display().to_string())?);
        }
        let http = http.build().context("the client of the API servers")?;
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

    /// `None` from a release before this one, which says nothing of the others.
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

    pub(super) async fn hash(&self, token: &str) -> Result<StateHash, Trouble> {
        json(send(self.request(Method::GET, "hash", token), TIMEOUT).await?).await
    }

    pub(super) async fn snapshot(&self, token: &str) -> Result<Body, Trouble> {
        let request = self.request(Method::GET, "snapshot", token);
        send(request, SNAPSHOT_TIMEOUT).await.map(Body::of_response)
    }

    /// `None` when nothing changed within the wait.
    pub(super) async fn changes(
        &self,
        token: &str,
        after: Position,
    ) -> Result<Option<Body>, Trouble> {
        let request = self.request(Method::GET, "changes", token).query(&[
            ("generation", after.generation.to_string()),
            ("after", after.epoch.to_string()),
        ]);
        let wait = Duration::from_secs(LONG_POLL_SECONDS) + TIMEOUT;
        let response = send(request, wait).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        Ok(Some(Body::of_response(response)))
    }

    fn request(&self, method: Method, call: &str, token: &str) -> RequestBuilder {
        let base = self.base.as_str().trim_end_matches('/');
        let url = format!("{base}/internal/v1/{call}");
        self.http.request(method, url).bearer_auth(token)
    }
}

/// The only ones then: who has an authority of his own wants no other to vouch for his servers.
fn authorities(path: &Path) -> anyhow::Result<Vec<Certificate>> {
    let authorities = Certificate::from_pem_bundle(&fs::read(path)?)?;
    ensure!(!authorities.is_empty(), "it holds no certificate in PEM");
    Ok(authorities)
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

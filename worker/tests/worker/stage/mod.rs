//! A real worker, an API server of a few lines that feeds it, and a client that verifies the
//! certificates of the development CA.

pub(crate) mod api;
mod guests;
mod upstream;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use domain::{
    FunctionId, Limits, TenantId, VersionId,
    deployment::Share,
    function::Access,
    limits::TenantLimits,
    snapshot::{FunctionEntry, TenantEntry, VersionEntry},
    tenant::TenantState,
};
use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response};
use worker::{CacheLimits, Certificates, Config, NodeLimits, Worker};

pub(crate) use api::Api;
pub(crate) use guests::{artifact, signing_key};
pub(crate) use upstream::{Names, Upstream};

pub(crate) struct Stage {
    pub(crate) api: Api,
    pub(crate) worker: Worker,
    pub(crate) http: Client,
    pub(crate) folder: tempfile::TempDir,
}

impl Stage {
    /// A worker that serves what `tenants` say.
    pub(crate) async fn start(tenants: Vec<TenantEntry>) -> Self {
        Self::start_with(tenants, |_| {}).await
    }

    pub(crate) async fn start_with(
        tenants: Vec<TenantEntry>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let api = Api::start(folder.path()).await;
        api.set(tenants);
        let worker = start(&api, folder.path(), change).await;
        worker.ready().await;
        Self {
            http: client(folder.path(), worker.functions_addr()),
            api,
            worker,
            folder,
        }
    }

    /// Ends the worker, and starts another one on what its disk kept and `between` left of it.
    pub(crate) async fn restart(self, between: impl FnOnce(&std::path::Path)) -> Self {
        self.worker.shutdown().await;
        between(self.folder.path());
        let worker = start(&self.api, self.folder.path(), |_| {}).await;
        Self {
            http: client(self.folder.path(), worker.functions_addr()),
            worker,
            ..self
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!(
            "https://acme.localhost:{}{path}",
            self.worker.functions_addr().port()
        )
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.url(path))).await
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::of(request.send().await.unwrap()).await
    }

    /// `502 function_trapped`, or the status and the body of a function's own answer.
    pub(crate) async fn told(&self, path: &str) -> String {
        self.get(path).await.told()
    }
}

pub(crate) async fn start(
    api: &Api,
    folder: &std::path::Path,
    change: impl FnOnce(&mut Config),
) -> Worker {
    worker::development_ca::ensure(&folder.join("ca"), "localhost").unwrap();
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut config = Config {
        name: "test".to_owned(),
        functions: loopback,
        functions_plain: Some(loopback),
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        internal: loopback,
        internal_url: None,
        api_url: api.url.clone(),
        api_ca: None,
        join_token: "join".to_owned(),
        blobs_url: api::blobs_url(folder),
        cache: folder.join("cache"),
        cache_limits: CacheLimits::default(),
        compare_every: Config::COMPARE_EVERY,
        apps_domain: "localhost".to_owned(),
        certificates: Certificates::DevelopmentCa(folder.join("ca")),
        egress: worker::egress::Settings::default(),
        limits: NodeLimits {
            threads: 2,
            instances: 20,
            stall: Duration::from_secs(2),
            ..NodeLimits::default()
        },
    };
    change(&mut config);
    Worker::start(config).await.unwrap()
}

pub(crate) fn client(folder: &std::path::Path, functions: SocketAddr) -> Client {
    trusting(folder, functions).build().unwrap()
}

/// One that offers no HTTP/2 at the handshake.
pub(crate) fn client_of_http_1(folder: &std::path::Path, functions: SocketAddr) -> Client {
    trusting(folder, functions).http1_only().build().unwrap()
}

fn trusting(folder: &std::path::Path, functions: SocketAddr) -> ClientBuilder {
    let ca = std::fs::read(folder.join("ca/ca.pem")).unwrap();
    let mut builder = Client::builder()
        .tls_certs_only([Certificate::from_pem(&ca).unwrap()])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(20));
    for tenant in ["acme", "globex", "nobody"] {
        builder = builder.resolve(&format!("{tenant}.localhost"), functions);
    }
    builder
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response
                .text()
                .await
                .unwrap_or_else(|_| "BROKEN OFF".to_owned()),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn told(&self) -> String {
        let body = match self.header("x-atoll-error") {
            "" => self.body.trim(),
            code => code,
        };
        format!("{} {body}", self.status)
    }
}

/// The tenant `acme` with these functions.
pub(crate) fn acme(functions: Vec<FunctionEntry>) -> TenantEntry {
    TenantEntry {
        id: TenantId::generate(),
        slug: "acme".parse().unwrap(),
        state: TenantState::Active,
        limits: TenantLimits::DEFAULT,
        routes: Vec::new(),
        domains: Vec::new(),
        former_slugs: Vec::new(),
        functions,
    }
}

/// A public function whose one version runs a prebuilt guest.
pub(crate) fn function(name: &str, guest: &str) -> FunctionEntry {
    let version = version(1, guest);
    FunctionEntry {
        id: FunctionId::generate(),
        name: name.parse().unwrap(),
        access: Access::Public,
        enabled: true,
        limits: Limits {
            cpu_ms: 300,
            wall_ms: 1_500,
            memory_bytes: 32 << 20,
            request_body_bytes: 1 << 20,
            response_body_bytes: 1 << 20,
            log_bytes: 4 << 10,
            ..Limits::DEFAULT
        },
        allowed_outbound_hosts: Vec::new(),
        reuse: None,
        aliases: Vec::new(),
        traffic: vec![Share {
            version: 1,
            percent: 100,
        }],
        versions: vec![version],
        prepare: Vec::new(),
        requires: Vec::new(),
    }
}

pub(crate) fn version(number: u32, guest: &str) -> VersionEntry {
    let (handler, artifact) = artifact(guest);
    VersionEntry {
        id: VersionId::generate(),
        number,
        module: artifact.module,
        handler,
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        artifacts: vec![artifact],
    }
}

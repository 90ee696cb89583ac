//! A whole platform for one scenario: API server and worker on free ports, a database and folders
//! of their own. Both are the product's own code, started as `atoll api` and `atoll worker` start it.

use std::{net::SocketAddr, path::Path, time::Duration};

use control::{Clock, Keys, Platform};
use reqwest::{Certificate, Client, redirect};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};
use url::Url;
use worker::{CacheLimits, Certificates, NodeLimits, Worker};

use super::{Answer, Person, cluster, line::Line};

pub(crate) const OPERATOR_EMAIL: &str = "operator@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery";
pub(crate) const SECRET_KEY: &str =
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
pub(crate) const JOIN_TOKEN: &str = "scenario-join-token-0123456789abcdef";

pub(crate) struct TestPlatform {
    pub(crate) platform: Platform,
    pub(crate) database_url: Url,
    /// Trusts the development CA alone, and finds `acme.localhost` on this machine.
    pub(crate) http: Client,
    pub(crate) api: SocketAddr,
    pub(crate) functions: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    // Last, so that nothing writes into it when it goes.
    pub(crate) folder: TempDir,
}

impl TestPlatform {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// `adjust` may change how the API server is set up.
    pub(crate) async fn start_with(adjust: impl FnOnce(&mut control::Config)) -> Self {
        let database = cluster::database()
            .await
            .parse()
            .expect("a database has a URL");
        let mut platform = Self::serve_api(database, adjust).await;
        platform.serve_functions().await;
        platform
    }

    /// A platform whose database can be cut off.
    pub(crate) async fn start_on_a_line() -> (Self, Line) {
        let database = cluster::database()
            .await
            .parse()
            .expect("a database has a URL");
        let line = Line::to_postgres(&database).await;
        let mut platform = Self::serve_api(line.through(&database), |_| ()).await;
        platform.serve_functions().await;
        (platform, line)
    }

    /// An API server alone.
    pub(crate) async fn start_api(database: &Url) -> Self {
        Self::serve_api(database.clone(), |_| ()).await
    }

    async fn serve_api(database_url: Url, adjust: impl FnOnce(&mut control::Config)) -> Self {
        // A second scenario of the same process finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        worker::development_ca::ensure(&folder.path().join("ca"), "localhost")
            .expect("the CA can be made");
        let [api, functions] = free_addresses();
        let mut config = config(folder.path(), &database_url, api, functions);
        adjust(&mut config);
        let platform = Platform::open(config, Clock::System)
            .await
            .expect("the configuration is valid");
        let server = api::Server::bind(platform.clone(), api, None)
            .await
            .expect("the port is free");

        let (stop, stopped) = watch::channel(false);
        let (jobs, until) = (platform.clone(), wait(stopped.clone()));
        let jobs = tokio::spawn(async move { jobs.run(until).await });
        let serving = tokio::spawn(async move {
            server.run(wait(stopped)).await;
        });
        let http = client(&folder.path().join("ca/ca.pem"), functions);
        Self {
            platform,
            database_url,
            http,
            api,
            functions,
            stop,
            tasks: vec![jobs, serving],
            folder,
        }
    }

    async fn serve_functions(&mut self) {
        let config = worker_config(self.folder.path(), self.api, self.functions);
        let worker = Worker::start(config).await.expect("the worker starts");
        worker.ready().await;
        let until = wait(self.stop.subscribe());
        self.tasks
            .push(tokio::spawn(async move { worker.run(until).await }));
    }

    /// The operator, who is the owner of the tenant `acme`: made by the set-up link, as a person does.
    pub(crate) async fn operator(&self) -> Person<'_> {
        let link = control::setup::link(&self.platform)
            .await
            .expect("the database answers")
            .expect("not set up yet");
        let token = link
            .split_once("token=")
            .expect("the link carries its token")
            .1;
        let body = json!({
            "token": token, "email": OPERATOR_EMAIL, "name": "Operator", "password": PASSWORD,
            "tenant_slug": "acme", "tenant_name": "Acme",
        });
        let answer = self.post("/v1/setup", body).await.expect(201).json();
        self.person(&answer, "acme")
    }

    /// Signs in as somebody who exists.
    pub(crate) async fn sign_in(&self, email: &str, tenant: &str) -> Person<'_> {
        let answer = self
            .post(
                "/v1/session",
                json!({ "email": email, "password": PASSWORD }),
            )
            .await;
        self.person(&answer.expect(201).json(), tenant)
    }

    fn person(&self, session: &Value, tenant: &str) -> Person<'_> {
        let token = session["access_token"]
            .as_str()
            .expect("a session has an access token")
            .to_owned();
        Person {
            platform: self,
            token,
            tenant: tenant.to_owned(),
        }
    }

    /// Somebody with a role in `acme`, or with none anywhere: put there by SQL, since people join by invitation.
    pub(crate) async fn somebody(&self, email: &str, role: Option<&str>) -> Person<'_> {
        let mut database = cluster::connect(&self.database_url).await;
        let user = domain::UserId::generate().uuid();
        sqlx::query(
            "insert into user_account (user_id, email, name, password_hash, created_at, updated_at)
             select $1, $2, $2, password_hash, now(), now() from user_account where email = $3",
        )
        .bind(user)
        .bind(email)
        .bind(OPERATOR_EMAIL)
        .execute(&mut database)
        .await
        .expect("the operator exists");
        sqlx::query(
            "insert into member (tenant_id, user_id, role, created_at)
             select tenant_id, $1, $2, now() from tenant where slug = 'acme' and $2 is not null",
        )
        .bind(user)
        .bind(role)
        .execute(&mut database)
        .await
        .expect("the tenant exists");
        self.sign_in(email, "acme").await
    }

    /// Ends somebody's membership of `acme`.
    pub(crate) async fn dismiss(&self, email: &str) {
        let mut database = cluster::connect(&self.database_url).await;
        sqlx::query(
            "delete from member
              where user_id = (select user_id from user_account where email = $1)",
        )
        .bind(email)
        .execute(&mut database)
        .await
        .expect("the account exists");
    }

    pub(crate) fn api_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    /// `https://<tenant>.localhost:<port><path>`
    pub(crate) fn function_url(&self, tenant: &str, path: &str) -> String {
        format!("https://{tenant}.localhost:{}{path}", self.functions.port())
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.answer(self.http.post(self.api_url(path)).json(&body))
            .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.answer(self.http.get(self.api_url(path))).await
    }

    /// A GET of a function's URL.
    pub(crate) async fn call(&self, tenant: &str, path: &str) -> Answer {
        self.answer(self.http.get(self.function_url(tenant, path)))
            .await
    }

    pub(crate) async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the server answers");
        Answer::read(response).await.expect("the answer is whole")
    }

    /// A client that speaks HTTP/1.1 only.
    pub(crate) fn http_1(&self) -> Client {
        let builder = trusting(&self.folder.path().join("ca/ca.pem"), self.functions);
        builder
            .http1_only()
            .build()
            .expect("the client's settings are valid")
    }

    /// Waits until every live worker has applied the newest epoch.
    pub(crate) async fn settle(&self) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let mut connection = cluster::connect(&self.database_url).await;
        let behind =
            "select count(*) from node, serving_epoch where applied_epoch is distinct from epoch";
        while sqlx::query_scalar::<_, i64>(behind)
            .fetch_one(&mut connection)
            .await
            .expect("nodes can be counted")
            > 0
        {
            assert!(
                tokio::time::Instant::now() < deadline,
                "the workers did not catch up within 10 s"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends everything in order and waits for it: what a scenario left running would be a bug of ours.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        for task in self.tasks.drain(..) {
            task.await.expect("no process panicked");
        }
    }
}

fn config(
    folder: &Path,
    database: &Url,
    api: SocketAddr,
    functions: SocketAddr,
) -> control::Config {
    control::Config {
        database_url: database.to_string(),
        blobs_url: blobs_url(folder),
        public_url: format!("http://{api}")
            .parse()
            .expect("an address makes a URL"),
        apps_domain: "localhost".to_owned(),
        functions_addr: functions,
        domains_target: None,
        dns_server: None,
        development_ca: Some(folder.join("ca/ca.pem")),
        keys: Keys::from_hex(SECRET_KEY).expect("64 digits"),
        join_token: Some(domain::Digest::of(JOIN_TOKEN.as_bytes()).to_string()),
        smtp: None,
        registration: control::registration::Mode::default(),
        upload_max_bytes: 8 << 20,
        compile_program: env!("CARGO_BIN_EXE_atoll-under-test").into(),
        compile_limits: engine::jail::Limits::COMPILE,
        retention: control::telemetry::Retention::DEFAULT,
    }
}

fn worker_config(folder: &Path, api: SocketAddr, functions: SocketAddr) -> worker::Config {
    worker::Config {
        api_ca: None,
        api_url: format!("http://{api}")
            .parse()
            .expect("an address makes a URL"),
        functions,
        functions_plain: None,
        trusted_proxies: Vec::new(),
        egress: worker::egress::Settings::default(),
        internal: "127.0.0.1:0".parse().expect("a literal address"),
        internal_url: None,
        blobs_url: blobs_url(folder),
        cache: folder.join("cache"),
        cache_limits: CacheLimits::default(),
        compare_every: worker::Config::COMPARE_EVERY,
        name: "scenario".to_owned(),
        join_token: JOIN_TOKEN.to_owned(),
        apps_domain: "localhost".to_owned(),
        certificates: Certificates::DevelopmentCa(folder.join("ca")),
        limits: NodeLimits {
            threads: 2,
            instances: 50,
            ..NodeLimits::default()
        },
    }
}

fn blobs_url(folder: &Path) -> Url {
    Url::from_directory_path(folder.join("blobs")).expect("a temporary folder's path is absolute")
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> SocketAddr {
    let [address] = free_addresses();
    address
}

/// No two alike, for each is held until all are found.
pub(crate) fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let listeners = [(); N]
        .map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"));
    listeners.each_ref().map(|listener| {
        listener
            .local_addr()
            .expect("a bound listener has an address")
    })
}

/// A client that verifies certificates against the development CA.
pub(crate) fn client(ca: &Path, functions: SocketAddr) -> Client {
    trusting(ca, functions)
        .build()
        .expect("the client's settings are valid")
}

fn trusting(ca: &Path, functions: SocketAddr) -> reqwest::ClientBuilder {
    // A second scenario of the same process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let pem = std::fs::read(ca).expect("the CA's certificate is on disk");
    let mut builder = Client::builder()
        .tls_certs_only([Certificate::from_pem(&pem).expect("it is PEM")])
        .redirect(redirect::Policy::none())
        .timeout(Duration::from_secs(60));
    let previews = [
        "v1--hello--acme",
        "v2--hello--acme",
        "next--hello--acme",
        "v1--hello--initech",
    ];
    for label in ["acme", "globex", "initech", "nobody"]
        .iter()
        .chain(&previews)
    {
        builder = builder.resolve(&format!("{label}.localhost"), functions);
    }
    builder
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    // An error means the scenario is gone, which stops everything as well.
    let _ = stopped.wait_for(|stop| *stop).await;
}

//! What every verb needs: the database, the blobs, the clock, the keys, the mail, the feed.

use std::{net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use domain::{FunctionName, TenantSlug};
use store::Fault;
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    Clock, Keys, Mail, SmtpSettings,
    dns::Dns,
    domains,
    feed::{self, Feed},
    hashing::Hashing,
    jobs, registration,
    telemetry::{self, Retention},
    tokens::Token,
};

/// Of one API server, over both roles: a few servers fit the hundred that Postgres allows by default.
const DATABASE_CONNECTIONS: u32 = 24;

/// How an API server is set up, once every part was validated.
#[derive(Clone)]
pub struct Config {
    pub database_url: String,
    /// `file:///path` or `s3://bucket?endpoint=…&region=…`
    pub blobs_url: Url,
    /// Where people reach the console and the API: links in mails, allowed host names, cookie flags.
    pub public_url: Url,
    /// Functions answer at `https://<tenant>.<apps_domain>[:port]/<function>`.
    pub apps_domain: String,
    pub functions_addr: SocketAddr,
    /// Where tenants' own domains are to point; each at its tenant's host if absent.
    pub domains_target: Option<String>,
    /// Who is asked about those domains; the system's name servers if absent.
    pub dns_server: Option<SocketAddr>,
    /// The development CA to name in curl lines; none where certificates are publicly trusted.
    pub development_ca: Option<PathBuf>,
    pub keys: Keys,
    /// Hash of a reusable join token that workers present, beside those in the database.
    pub join_token: Option<String>,
    pub smtp: Option<SmtpSettings>,
    /// Who may make an account without an invitation.
    pub registration: registration::Mode,
    /// Largest module taken, in bytes.
    pub upload_max_bytes: u64,
    /// The program that runs `compile`: the `atoll` binary itself.
    pub compile_program: PathBuf,
    /// CPU seconds, address space in bytes and wall seconds of one compile.
    pub compile_limits: engine::jail::Limits,
    /// Of what workers tell of invocations.
    pub retention: Retention,
}

/// Cheap to clone; shared by every handler and job.
#[derive(Clone)]
pub struct Platform(Arc<Parts>);

pub struct Parts {
    pub config: Config,
    pub db: store::Db,
    pub blobs: blobs::Blobs,
    pub clock: Clock,
    pub mail: Mail,
    pub jail: engine::jail::Jail,
    pub feed: Feed,
    /// For calls to workers.
    pub http: reqwest::Client,
    pub(crate) dns: Dns,
    pub(crate) hashing: Hashing,
    pub(crate) ingesting: Semaphore,
    prepared: watch::Sender<bool>,
}

impl Platform {
    /// Opens everything; fails only where the configuration can never work. A database or object
    /// store that is merely away is waited for by the requests that need it.
    pub async fn open(config: Config, clock: Clock) -> anyhow::Result<Self> {
        // Whoever was first in this process has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let platform = Self(Arc::new(Parts {
            db: store::Db::open(&config.database_url, DATABASE_CONNECTIONS)?,
            blobs: blobs::Blobs::open(&config.blobs_url)?,
            clock,
            mail: Mail::open(config.smtp.as_ref())?,
            jail: engine::jail::Jail::new(&config.compile_program, config.compile_limits),
            feed: Feed::default(),
            http: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(Duration::from_secs(2))
                .build()?,
            dns: Dns::open(config.dns_server),
            hashing: Hashing::new().await?,
            ingesting: Semaphore::new(telemetry::RECEIVERS),
            prepared: watch::Sender::new(false),
            config,
        }));
        match platform.prepare().await {
            Err(error) if Fault::of(&error) == Fault::Away => {
                tracing::warn!("the database is away: {error}; trying again until it is there");
            }
            prepared => prepared?,
        }
        Ok(platform)
    }

    /// Runs jobs, follows the epochs and publishes them until `shutdown` resolves, then lets running jobs finish.
    pub async fn run(&self, shutdown: impl Future<Output = ()> + Send) {
        let stop = CancellationToken::new();
        let work = async {
            if stop
                .run_until_cancelled(self.keep_preparing())
                .await
                .is_some()
            {
                tokio::join!(
                    feed::follow(self, &stop),
                    feed::publish(self, &stop),
                    domains::keep_checking(self, &stop),
                    jobs::run(self, &stop)
                );
            }
        };
        let stopping = async {
            shutdown.await;
            stop.cancel();
        };
        tokio::join!(work, stopping);
    }

    /// Resolves once the tables are up to date: at once where the database was there from the start.
    pub async fn prepared(&self) {
        let mut prepared = self.prepared.subscribe();
        let seen = prepared.wait_for(|prepared| *prepared).await;
        seen.expect("this platform holds the sender");
    }

    /// `https://acme.localhost:8443/hello`
    pub fn function_url(&self, tenant: &TenantSlug, function: &FunctionName) -> String {
        let apps_domain = &self.config.apps_domain;
        match self.config.functions_addr.port() {
            443 => format!("https://{tenant}.{apps_domain}/{function}"),
            port => format!("https://{tenant}.{apps_domain}:{port}/{function}"),
        }
    }

    /// `https://staging--hello--acme.localhost:8443/`, of an alias or a version such as `v12`.
    pub(crate) fn preview_url(
        &self,
        tenant: &TenantSlug,
        function: &FunctionName,
        name: &str,
    ) -> String {
        let apps_domain = &self.config.apps_domain;
        let host = format!("{name}--{function}--{tenant}.{apps_domain}");
        match self.config.functions_addr.port() {
            443 => format!("https://{host}/"),
            port => format!("https://{host}:{port}/"),
        }
    }

    /// A link of the console, whose token is told nowhere else.
    pub(crate) fn one_time_link(&self, path: &str, token: &Token) -> String {
        let mut link = self.config.public_url.clone();
        link.set_path(path);
        link.set_query(Some(&format!("token={}", token.text)));
        link.into()
    }

    async fn prepare(&self) -> Result<(), store::Error> {
        self.db.migrate().await?;
        self.prepared.send_replace(true);
        Ok(())
    }

    async fn keep_preparing(&self) {
        let mut wait = Duration::from_millis(500);
        while !*self.prepared.borrow() {
            if let Err(error) = self.prepare().await {
                tracing::warn!("the database cannot be used yet: {error}");
                sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(5));
            }
        }
    }
}

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

//! What every verb needs: the database, the blobs, the clock, the keys, the mail, the feed.

use std::{net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc};

use url::Url;

use crate::{Clock, Keys, Mail, SmtpSettings, feed::Feed};

/// How an API server is set up, once every part was validated.
#[derive(Clone, Debug)]
pub struct Config {
    pub database_url: String,
    /// `file:///path` or `s3://bucket?endpoint=…&region=…`
    pub blobs_url: Url,
    /// Where people reach the console and the API: links in mails, allowed host names, cookie flags.
    pub public_url: Url,
    /// Functions answer at `https://<tenant>.<apps_domain>[:port]/<function>`.
    pub apps_domain: String,
    pub functions_addr: SocketAddr,
    /// The development CA to name in curl lines; none where certificates are publicly trusted.
    pub development_ca: Option<PathBuf>,
    pub keys: Keys,
    /// Hash of a reusable join token that workers present, beside those in the database.
    pub join_token: Option<String>,
    pub smtp: Option<SmtpSettings>,
    /// Largest module taken, in bytes.
    pub upload_max_bytes: u64,
    /// The program that runs `compile`: the `atoll` binary itself.
    pub compile_program: PathBuf,
    /// CPU seconds, address space in bytes and wall seconds of one compile.
    pub compile_limits: engine::jail::Limits,
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
    pub feed: Feed,
    pub http: reqwest::Client,
}

impl Platform {
    /// Opens everything; fails only where the configuration can never work. A database or object
    /// store that is merely away is waited for by the requests that need it.
    pub async fn open(_config: Config, _clock: Clock) -> anyhow::Result<Self> {
        todo!()
    }

    /// Runs jobs and follows the epochs until `shutdown` resolves, then lets running jobs finish.
    pub async fn run(&self, _shutdown: impl Future<Output = ()> + Send) {
        todo!()
    }

    /// `https://acme.localhost:8443/hello`
    pub fn function_url(
        &self,
        _tenant: &domain::TenantSlug,
        _function: &domain::FunctionName,
    ) -> String {
        todo!()
    }
}

impl Deref for Platform {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

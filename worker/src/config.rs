//! What a worker is told when it starts. Parsed and validated by whoever starts it; a value here is
//! one that may be used.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use url::Url;

use crate::egress;

pub struct Config {
    /// What the operator calls the machine; not unique.
    pub name: String,
    /// Where callers reach the functions, over TLS.
    pub functions: SocketAddr,
    /// Where a proxy that has ended TLS reaches them over plain HTTP, if it does.
    pub functions_plain: Option<SocketAddr>,
    /// Whose `x-forwarded-for` and `x-forwarded-proto` are believed there.
    pub trusted_proxies: Vec<IpNet>,
    /// Where API servers call functions on behalf of members, and where health is told. Plain HTTP.
    pub internal: SocketAddr,
    /// What API servers are told of `internal`; `http://<bound address>` if absent.
    pub internal_url: Option<Url>,
    pub api_url: Url,
    /// Certificates (PEM) of the authorities of `api_url`; the system's if absent.
    pub api_ca: Option<PathBuf>,
    pub join_token: String,
    pub blobs_url: Url,
    /// A folder that may vanish: artifacts, and the last snapshot to serve from while no API answers.
    pub cache: PathBuf,
    pub cache_limits: CacheLimits,
    /// How often it asks whether what it serves is what the API servers say.
    pub compare_every: Duration,
    /// `localhost` in `https://acme.localhost:8443/hello`.
    pub apps_domain: String,
    pub certificates: Certificates,
    pub egress: egress::Settings,
    pub limits: NodeLimits,
}

impl Config {
    pub const COMPARE_EVERY: Duration = Duration::from_secs(60);
}

/// Where the certificates of the functions' hosts come from.
#[derive(Clone, Debug)]
pub enum Certificates {
    /// A chain and its key, PEM.
    Files { certificate: PathBuf, key: PathBuf },
    /// The folder of a development CA, which issues one for each name at the handshake.
    DevelopmentCa(PathBuf),
}

/// What this machine gives, whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    pub threads: usize,
    /// Invocations that may run at once.
    pub instances: u32,
    pub connections: u32,
    /// A stream that moves no byte for this long is ended.
    pub stall: Duration,
}

impl NodeLimits {
    /// However much one tenant asks for, a quarter of the machine is left to the others.
    pub(crate) fn tenant_ceiling(&self) -> u32 {
        (self.instances - self.instances / 4).max(1)
    }
}

impl Default for NodeLimits {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            instances: 500,
            connections: 10_000,
            stall: Duration::from_secs(60),
        }
    }
}

/// What is kept of versions, on disk and in memory.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Of artifacts; what the serving state names stays beyond it.
    pub disk_bytes: u64,
    /// Versions whose code is loaded.
    pub loaded_functions: usize,
    /// The artifacts of those together.
    pub loaded_bytes: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            disk_bytes: 10 << 30,
            loaded_functions: 2_000,
            loaded_bytes: 8 << 30,
        }
    }
}

//! The data plane: TLS, routing, sandbox.
//!
//! A worker is stateless and knows nothing of Postgres: it joins an API server, follows the serving
//! state, and runs the functions in it.

mod access;
mod admission;
mod ahead;
mod artifacts;
mod body;
mod clock;
mod config;
mod connection;
mod cookie;
pub mod development_ca;
pub mod egress;
mod feed;
mod forwarded;
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod internal;
mod invocation;
mod listener;
mod log;
mod moved;
mod nested;
mod node;
mod outcome;
mod preview;
mod problem;
mod put_off;
mod request;
mod response;
mod route;
mod sandbox;
mod socket;
mod stall;
mod sticky;
mod table;
mod tail;
mod telemetry;
mod tls;
mod version;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use blobs::Blobs;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use config::{CacheLimits, Certificates, Config, NodeLimits};

use admission::Admission;
use artifacts::Loader;
use connection::Purpose;
use egress::Egress;
use feed::{Feed, Settings};
use listener::Sockets;
use node::Node;
use sandbox::Sandbox;
use table::Table;
use telemetry::Telemetry;
use tls::Tls;

/// What is in flight when the worker stops may take as long as the longest plan gives it, and no more.
const DRAIN_WITHIN: Duration = Duration::from_secs(60);

/// A worker that serves.
pub struct Worker {
    functions_addr: SocketAddr,
    plain_addr: Option<SocketAddr>,
    internal_addr: SocketAddr,
    node: Arc<Node>,
    feed: Feed,
    threads: Vec<JoinHandle<()>>,
    /// Ends accepting, then the feed; the last ends connections that will not end.
    stop: CancellationToken,
    stop_feed: CancellationToken,
    abandon: CancellationToken,
}

impl Worker {
    /// Binds its addresses and serves what its disk remembers, if it does; the rest comes by the feed.
    /// Must be called within a multi-purpose tokio runtime, which loads what the functions' threads need.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        // For the HTTP clients, which look for the process's; another part may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let limits = config.limits;
        let functions = Sockets::bind(config.functions, limits.threads, "--functions")?;
        let internal = Sockets::bind(config.internal, limits.threads, "--internal")?;
        let (functions_addr, internal_addr) = (functions.addr, internal.addr);
        let mut sockets = vec![
            (Purpose::Functions, functions),
            (Purpose::Internal, internal),
        ];
        let mut plain_addr = None;
        if let Some(addr) = config.functions_plain {
            let plain = Sockets::bind(addr, limits.threads, "--functions-plain")?;
            plain_addr = Some(plain.addr);
            sockets.push((Purpose::FunctionsPlain, plain));
        }

        let own = sockets.iter().map(|(_, sockets)| sockets.addr).collect();
        let sandbox = Arc::new(Sandbox::new(&limits)?);
        let blobs = Blobs::open(&config.blobs_url)?;
        let table = Arc::new(ArcSwap::from_pointee(Table::default()));
        let node = Arc::new(Node {
            tls: Tls::load(&config.certificates, &config.apps_domain, &table)?,
            loader: Arc::new(Loader::new(
                blobs,
                &config.cache,
                &config.cache_limits,
                Arc::clone(&sandbox),
            )?),
            sandbox,
            table,
            admission: Admission::new(limits.instances),
            egress: Egress::new(config.egress, own)?,
            telemetry: Arc::new(Telemetry::default()),
            trusted_proxies: config.trusted_proxies,
            connections: Arc::new(Semaphore::new(limits.connections as usize)),
            apps_domain: config.apps_domain,
            limits,
        });
        let internal_url = match config.internal_url {
            Some(url) => url,
            None => Url::parse(&format!("http://{internal_addr}")).context("the internal URL")?,
        };
        let settings = Settings {
            api_url: config.api_url,
            api_ca: config.api_ca,
            compare_every: config.compare_every,
            join_token: config.join_token,
            name: config.name,
            internal_url,
        };
        let stop = CancellationToken::new();
        let (stop_feed, abandon) = Default::default();
        let feed = Feed::start(&node, &config.cache, settings, &stop_feed).await?;
        let (renewing, ends) = (Arc::clone(&node), stop.clone());
        tokio::spawn(async move { ends.run_until_cancelled(renewing.tls.keep_current()).await });
        let (caching, ends) = (Arc::clone(&node), stop.clone());
        tokio::spawn(async move {
            ends.run_until_cancelled(artifacts::keep_within_limit(caching))
                .await
        });
        let (watching, ends) = (Arc::clone(&node.admission.pressure), stop.clone());
        tokio::spawn(async move { ends.run_until_cancelled(watching.watch_memory()).await });
        let threads = listener::start(&node, sockets, &stop, &abandon)?;
        tracing::info!(
            functions = %functions_addr,
            functions_plain = plain_addr.map(tracing::field::display),
            internal = %internal_addr,
            "the worker listens"
        );
        Ok(Self {
            functions_addr,
            plain_addr,
            internal_addr,
            node,
            feed,
            threads,
            stop,
            stop_feed,
            abandon,
        })
    }

    pub fn functions_addr(&self) -> SocketAddr {
        self.functions_addr
    }

    /// Where a proxy reaches the functions, if one may.
    pub fn plain_addr(&self) -> Option<SocketAddr> {
        self.plain_addr
    }

    pub fn internal_addr(&self) -> SocketAddr {
        self.internal_addr
    }

    /// Waits until it knows what to serve.
    pub async fn ready(&self) {
        let mut status = self.feed.status.subscribe();
        // The sender is in `self`.
        let _ = status.wait_for(|status| status.applied.is_some()).await;
    }

    /// Serves until `shutdown`, then drains.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        shutdown.await;
        self.shutdown().await;
    }

    /// Says that it drains, takes no more connections, and ends those it has after their requests.
    pub async fn shutdown(self) {
        tracing::info!(
            in_flight = self.node.admission.in_flight(),
            "the worker drains"
        );
        self.feed
            .status
            .send_modify(|status| status.draining = true);
        self.stop.cancel();
        let abandon = self.abandon.clone();
        let impatient = tokio::spawn(async move {
            tokio::time::sleep(DRAIN_WITHIN).await;
            abandon.cancel();
        });
        let threads = self.threads;
        let joined = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
        });
        let _ = joined.await;
        impatient.abort();
        self.stop_feed.cancel();
        self.feed.ended().await;
    }
}

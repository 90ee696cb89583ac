//! What all threads of a worker share.

use std::sync::{Arc, atomic::AtomicU32};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::{artifacts::Loader, config::NodeLimits, sandbox::Sandbox, table::Table, tls::Tls};

pub(crate) struct Node {
    pub(crate) apps_domain: String,
    pub(crate) limits: NodeLimits,
    pub(crate) tls: Tls,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) loader: Arc<Loader>,
    /// Swapped whole by the feed; a request keeps the one it started with.
    pub(crate) table: ArcSwap<Table>,
    pub(crate) places: Arc<Semaphore>,
    pub(crate) in_flight: Arc<AtomicU32>,
    pub(crate) connections: Arc<Semaphore>,
}

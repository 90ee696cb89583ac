//! What all threads of a worker share.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use tokio::sync::Semaphore;

use crate::{
    admission::Admission, artifacts::Loader, config::NodeLimits, egress::Egress, sandbox::Sandbox,
    table::Table, telemetry::Telemetry, tls::Tls,
};

pub(crate) struct Node {
    pub(crate) apps_domain: String,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) limits: NodeLimits,
    pub(crate) tls: Tls,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) loader: Arc<Loader>,
    /// Swapped whole by the feed; a request keeps the one it started with.
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) admission: Admission,
    pub(crate) egress: Egress,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) connections: Arc<Semaphore>,
}

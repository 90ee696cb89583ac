//! Connections that are kept for the next request, apart for each tenant and each list of allowed
//! hosts: what a request may reach is judged when its connection is made, so one that was made under
//! another list must not serve it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::{TenantId, egress::AllowedHosts};
use hyper_util::{
    client::legacy::{self, ResponseFuture},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime_wasi_http::WasiBody;

use super::connect::{Connector, TenantConnector};

/// Of one tenant on this worker, those kept idle included.
const CONNECTIONS: usize = 128;
const IDLE_FOR: Duration = Duration::from_secs(30);
const IDLE_OF_A_HOST: usize = 8;
/// Lists of one tenant that have connections at a time; more than that come from changing them.
const LISTS: usize = 32;
/// Tenants that are remembered before those without a connection are forgotten.
const TENANTS: usize = 256;
const MAX_HEAD_BYTES: usize = 64 << 10;

/// Behind a function, for its type is a page long, and everything that holds the node would repeat it.
#[derive(Clone)]
pub(super) struct Client(Arc<dyn Fn(http::Request<WasiBody>) -> ResponseFuture + Send + Sync>);

pub(super) struct Pools {
    connector: Arc<Connector>,
    tenants: Mutex<HashMap<TenantId, Arc<TenantPool>>>,
}

pub(super) struct TenantPool {
    connections: Arc<Semaphore>,
    clients: Mutex<HashMap<Arc<AllowedHosts>, Client>>,
}

/// A client for one request. While it is there, its tenant is not forgotten.
pub(super) struct Lease {
    pub(super) client: Client,
    _pool: Arc<TenantPool>,
}

impl Pools {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector: Arc::new(connector),
            tenants: Mutex::default(),
        }
    }

    pub(super) fn lease(&self, tenant: TenantId, allowed: &Arc<AllowedHosts>) -> Lease {
        let pool = self.tenant(tenant);
        let mut clients = pool.clients();
        if clients.len() >= LISTS && !clients.contains_key(allowed) {
            clients.clear();
        }
        let client = clients.entry(Arc::clone(allowed)).or_insert_with(|| {
            client(TenantConnector {
                connector: Arc::clone(&self.connector),
                pool: Arc::downgrade(&pool),
            })
        });
        let client = client.clone();
        drop(clients);
        Lease {
            client,
            _pool: pool,
        }
    }

    fn tenant(&self, tenant: TenantId) -> Arc<TenantPool> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= TENANTS && !tenants.contains_key(&tenant) {
            tenants.retain(|_, pool| Arc::strong_count(pool) > 1 || pool.is_connected());
        }
        let pool = tenants.entry(tenant).or_insert_with(|| {
            Arc::new(TenantPool {
                connections: Arc::new(Semaphore::new(CONNECTIONS)),
                clients: Mutex::default(),
            })
        });
        Arc::clone(pool)
    }
}

impl TenantPool {
    /// A place for one more connection. Idle ones are given up for it.
    pub(super) async fn slot(&self) -> OwnedSemaphorePermit {
        let connections = Arc::clone(&self.connections);
        if let Ok(slot) = Arc::clone(&connections).try_acquire_owned() {
            return slot;
        }
        // Those in use go on, and are closed after their request.
        self.clients().clear();
        let slot = connections.acquire_owned().await;
        slot.expect("the semaphore is never closed")
    }

    fn is_connected(&self) -> bool {
        self.connections.available_permits() < CONNECTIONS
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Arc<AllowedHosts>, Client>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    pub(super) fn request(&self, request: http::Request<WasiBody>) -> ResponseFuture {
        (self.0)(request)
    }
}

fn client(connector: TenantConnector) -> Client {
    let client: legacy::Client<_, WasiBody> = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_FOR)
        .pool_max_idle_per_host(IDLE_OF_A_HOST)
        .http1_max_buf_size(MAX_HEAD_BYTES)
        .http2_max_header_list_size(MAX_HEAD_BYTES as u32)
        .build(connector);
    Client(Arc::new(move |request| client.request(request)))
}

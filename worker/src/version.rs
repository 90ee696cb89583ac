//! A version of a function on this worker: known from the snapshot, and loaded before it takes
//! traffic, or, after a restart, when the first request asks for it.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use domain::{Digest, Failure, VersionId, artifact::Artifact, version::Handler};
use tokio::sync::Mutex;

use crate::{
    artifacts::Loader,
    outcome::Failed,
    sandbox::{Guest, LITTLE},
};

/// A load that failed is not tried again by every request that comes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(crate) struct Version {
    pub(crate) id: VersionId,
    pub(crate) number: u32,
    pub(crate) module: Digest,
    pub(crate) handler: Handler,
    /// Compiled for this worker's engine; absent where only others have it.
    pub(crate) artifact: Option<Artifact>,
    guest: OnceLock<Arc<Guest>>,
    /// Microseconds of processor time that its calls used lately.
    cpu_us: AtomicU32,
    /// Held while loading, so that a hundred first requests load once. Holds the last failure.
    loading: Mutex<Option<(Instant, String)>>,
}

impl Version {
    pub(crate) fn new(
        id: VersionId,
        number: u32,
        module: Digest,
        handler: Handler,
        artifact: Option<Artifact>,
    ) -> Self {
        Self {
            id,
            number,
            module,
            handler,
            artifact,
            guest: OnceLock::new(),
            cpu_us: AtomicU32::new(0),
            loading: Mutex::new(None),
        }
    }

    /// Learns from a call that ended; one that comes between is lost, which does not matter.
    pub(crate) fn used(&self, cpu: Duration) {
        let before = u64::from(self.cpu_us.load(Relaxed));
        let now = (before * 7 + cpu.as_micros() as u64) / 8;
        self.cpu_us
            .store(u32::try_from(now).unwrap_or(u32::MAX), Relaxed);
    }

    /// Whether its calls use so much that they are no company for short ones.
    pub(crate) fn computes(&self) -> bool {
        Duration::from_micros(self.cpu_us.load(Relaxed).into()) > LITTLE
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.guest.get().is_some()
    }

    /// The loaded guest, after loading it if need be.
    pub(crate) async fn guest(
        self: &Arc<Self>,
        loader: &Arc<Loader>,
    ) -> Result<Arc<Guest>, Failed> {
        if let Some(guest) = self.guest.get() {
            return Ok(Arc::clone(guest));
        }
        let unavailable = || {
            Failed::new(
                Failure::ArtifactUnavailable,
                "the function's code is not on this worker yet; try again",
            )
        };
        // On a task of its own: a caller that goes away does not undo the work for the others.
        let (version, loading) = (Arc::clone(self), Arc::clone(loader));
        let loaded = loader
            .runtime
            .spawn(async move { version.load(&loading).await })
            .await;
        match loaded {
            Ok(Ok(guest)) => Ok(guest),
            Ok(Err(_)) | Err(_) => Err(unavailable()),
        }
    }

    /// Loads it if no other did; the reason of a failure is for the operator and the tenant.
    pub(crate) async fn load(&self, loader: &Loader) -> Result<Arc<Guest>, String> {
        let mut last = self.loading.lock().await;
        if let Some(guest) = self.guest.get() {
            return Ok(Arc::clone(guest));
        }
        if let Some((at, reason)) = last.as_ref()
            && at.elapsed() < RETRY_AFTER
        {
            return Err(reason.clone());
        }
        match loader.load(self).await {
            Ok(guest) => {
                *last = None;
                Ok(Arc::clone(self.guest.get_or_init(|| Arc::new(guest))))
            }
            Err(error) => {
                let reason = format!("{error:#}");
                tracing::warn!(version = %self.id, reason, "a version could not be loaded");
                *last = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
    }
}

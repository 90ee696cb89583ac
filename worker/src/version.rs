//! A version of a function on this worker: known from the snapshot, and loaded before it takes
//! traffic, or, after a restart, when the first request asks for it.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use domain::{Digest, Failure, VersionId, artifact::Artifact, version::Handler};
use tokio::sync::Mutex;

use crate::{artifacts::Loader, outcome::Failed, sandbox::Guest};

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
            loading: Mutex::new(None),
        }
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

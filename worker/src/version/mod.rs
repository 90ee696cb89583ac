//! A version of a function on this worker: known from the snapshot, and loaded before it takes
//! traffic, or, after a restart or a long rest, when the first request asks for it.

mod config;

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use domain::{Digest, Failure, VersionId, version::Handler};
use tokio::sync::Mutex;

pub(crate) use config::{Config, KeyMissing};

use crate::{
    artifacts::{Compiled, Loader},
    outcome::Failed,
    sandbox::{Guest, LITTLE},
};

/// A load that failed is not tried again by every request that comes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// When a load failed, and why.
type LastFailure = Option<(Instant, String)>;

pub(crate) struct Version {
    pub(crate) id: VersionId,
    pub(crate) number: u32,
    pub(crate) module: Digest,
    pub(crate) handler: Handler,
    /// Absent where only other engines have it.
    pub(crate) compiled: Option<Compiled>,
    guest: ArcSwapOption<Guest>,
    /// After which load of this worker it was called last.
    used: AtomicU32,
    /// Microseconds of processor time that its calls used lately.
    cpu_us: AtomicU32,
    /// What the guest reads through `wasi:config`.
    pub(crate) config: Config,
    /// Held while loading, so that a hundred first requests load once. Holds the last failure. Made by
    /// the first load, for most versions are never called.
    loading: OnceLock<Box<Mutex<LastFailure>>>,
}

impl Version {
    pub(crate) fn new(
        id: VersionId,
        number: u32,
        module: Digest,
        handler: Handler,
        compiled: Option<Compiled>,
        config: Config,
    ) -> Self {
        Self {
            id,
            number,
            module,
            handler,
            compiled,
            guest: ArcSwapOption::empty(),
            used: AtomicU32::new(0),
            cpu_us: AtomicU32::new(0),
            config,
            loading: OnceLock::new(),
        }
    }

    /// Whether it needs nothing that a newer state says.
    pub(crate) fn is_still(
        &self,
        id: VersionId,
        compiled: Option<&Compiled>,
        config: &Config,
    ) -> bool {
        self.id == id && self.compiled.as_ref() == compiled && self.config.is_as_good_as(config)
    }

    /// Learns from a call that ended; one that comes between is lost, which does not matter.
    pub(crate) fn spent(&self, cpu: Duration) {
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
        self.guest.load().is_some()
    }

    pub(crate) fn last_used(&self) -> u32 {
        self.used.load(Relaxed)
    }

    pub(crate) fn used_at(&self, load: u32) {
        if self.last_used() != load {
            self.used.store(load, Relaxed);
        }
    }

    /// Lets go of the code; calls that run keep it, and the next one loads it from disk.
    pub(crate) fn unload(&self) {
        self.guest.store(None);
    }

    /// The loaded guest, after loading it if need be.
    pub(crate) async fn guest(
        self: &Arc<Self>,
        loader: &Arc<Loader>,
    ) -> Result<Arc<Guest>, Failed> {
        if let Some(guest) = self.guest.load_full() {
            self.used_at(loader.loaded.now());
            return Ok(guest);
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
    pub(crate) async fn load(self: &Arc<Self>, loader: &Loader) -> Result<Arc<Guest>, String> {
        let mut last = self.loading.get_or_init(Box::default).lock().await;
        if let Some(guest) = self.guest.load_full() {
            return Ok(guest);
        }
        if let Some((at, reason)) = last.as_ref()
            && at.elapsed() < RETRY_AFTER
        {
            return Err(reason.clone());
        }
        match loader.load(self).await {
            Ok(guest) => {
                *last = None;
                let guest = Arc::new(guest);
                self.guest.store(Some(Arc::clone(&guest)));
                loader.loaded.enter(self);
                Ok(guest)
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

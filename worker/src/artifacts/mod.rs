//! From a version's digest to a guest that can be instantiated: the object store, the disk cache,
//! and between bytes and machine code the signature of the platform.

mod cache;
mod loaded;

use std::{
    fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc, time::Duration,
};

use anyhow::{Context as _, anyhow, ensure};
use arc_swap::ArcSwapOption;
use blobs::{BlobKey, Blobs};
use domain::{
    Digest,
    artifact::{Artifact, ArtifactHash},
};
use ed25519_dalek::{Signature, VerifyingKey};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    time::timeout,
};

use crate::{
    config::CacheLimits,
    feed::Keys,
    node::Node,
    sandbox::{Guest, Sandbox},
    version::{KeyMissing, Version},
};
use cache::Cache;
pub(crate) use loaded::Loaded;

const MAX_ARTIFACT_BYTES: u64 = 512 << 20;
/// Artifacts being fetched or verified at a time: each is in memory whole.
const LOADS_AT_ONCE: usize = 4;
/// At the disk, beside after each fetch: what was pinned or in use then may go later.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A version's artifact for this worker's engine. A table holds hundreds of thousands: without what is
/// the same for all of them, and without what follows from the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) bytes: u64,
    pub(crate) hash: ArtifactHash,
    signature: [u8; Signature::BYTE_SIZE],
}

impl Compiled {
    /// The one for `engine_tag`, if it is compiled from that module.
    pub(crate) fn find(artifacts: &[Artifact], engine_tag: &str, module: Digest) -> Option<Self> {
        let fits =
            |artifact: &&Artifact| artifact.engine_tag == engine_tag && artifact.module == module;
        artifacts.iter().find(fits).map(|artifact| Self {
            bytes: artifact.bytes,
            hash: artifact.hash,
            // One of another length verifies as little as this one.
            signature: artifact
                .signature
                .as_slice()
                .try_into()
                .unwrap_or([0; Signature::BYTE_SIZE]),
        })
    }

    fn verify_signature(&self, module: &Digest, key: &[u8; 32]) -> anyhow::Result<()> {
        let message = Artifact::signed_message(engine::TAG, module, &self.hash);
        let signature = Signature::from_bytes(&self.signature);
        VerifyingKey::from_bytes(key)
            .and_then(|key| key.verify_strict(&message, &signature))
            .map_err(|_| anyhow!("its artifact is not signed by the platform"))
    }

    fn verify_bytes(&self, bytes: &[u8]) -> anyhow::Result<()> {
        ensure!(
            bytes.len() as u64 == self.bytes && ArtifactHash::of(bytes) == self.hash,
            "its artifact in the object store is not the one that was signed",
        );
        Ok(())
    }
}

pub(crate) struct Loader {
    /// The runtime of everything that is not a request: data threads wait for it, never work for it.
    pub(crate) runtime: Handle,
    pub(crate) keys: ArcSwapOption<Keys>,
    /// A secret is sealed under a key that this worker was not told yet.
    pub(crate) key_missing: Notify,
    pub(crate) loaded: Loaded,
    blobs: Blobs,
    cache: Arc<Cache>,
    sandbox: Arc<Sandbox>,
    loads: Semaphore,
}

impl Loader {
    pub(crate) fn new(
        blobs: Blobs,
        cache: &Path,
        limits: &CacheLimits,
        sandbox: Arc<Sandbox>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            runtime: Handle::current(),
            keys: ArcSwapOption::empty(),
            key_missing: Notify::new(),
            loaded: Loaded::new(limits.loaded_functions, limits.loaded_bytes),
            blobs,
            cache: Arc::new(Cache::open(&cache.join("artifacts"), limits.disk_bytes)?),
            sandbox,
            loads: Semaphore::new(LOADS_AT_ONCE),
        })
    }

    pub(crate) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    pub(crate) async fn load(&self, version: &Version) -> anyhow::Result<Guest> {
        let _permit = self.loads.acquire().await?;
        let compiled = version.compiled.clone().with_context(|| {
            format!(
                "it was not compiled for this worker's engine, {}",
                engine::TAG
            )
        })?;
        let keys = self
            .keys
            .load_full()
            .context("the worker has not joined yet")?;
        compiled.verify_signature(&version.module, &keys.artifact)?;
        version.config.open(&keys.serving).inspect_err(|error| {
            if error.is::<KeyMissing>() {
                self.key_missing.notify_one();
            }
        })?;

        let (cache, module, handler) = (Arc::clone(&self.cache), version.module, version.handler);
        let wanted = compiled.clone();
        let holds = tokio::task::spawn_blocking(move || cache.holds(&module, &wanted));
        if !holds.await?? {
            self.fetch(version.module, compiled).await?;
        }
        let (sandbox, path) = (Arc::clone(&self.sandbox), self.cache.path(&module));
        tokio::task::spawn_blocking(move || sandbox.load(handler, &path)).await?
    }

    async fn fetch(&self, module: Digest, compiled: Compiled) -> anyhow::Result<()> {
        ensure!(
            compiled.bytes <= MAX_ARTIFACT_BYTES,
            "its artifact has {} bytes, a worker takes {MAX_ARTIFACT_BYTES}",
            compiled.bytes,
        );
        let key = BlobKey::Artifact {
            engine_tag: engine::TAG.to_owned(),
            module,
        };
        let bytes = self.blobs.get_bytes(&key, compiled.bytes).await?;
        let cache = Arc::clone(&self.cache);
        tokio::task::spawn_blocking(move || {
            compiled.verify_bytes(&bytes)?;
            cache.put(&module, &compiled, &bytes)
        })
        .await?
    }
}

/// Keeps the cache within its limit, for as long as it is polled. All that the table names is kept,
/// live or to go back to: whatever happens to the object store, it can be loaded.
pub(crate) async fn keep_within_limit(node: Arc<Node>) {
    loop {
        let (cache, table) = (Arc::clone(&node.loader.cache), node.table.load_full());
        // Before there is a table everything would seem superfluous.
        if table.position.is_some() && cache.is_too_large() {
            let evict = move || {
                let functions = table.tenants().flat_map(|tenant| tenant.functions());
                let versions = functions.flat_map(|function| function.versions.iter());
                cache.evict(versions.map(|version| version.module).collect());
            };
            let _ = tokio::task::spawn_blocking(evict).await;
        }
        let _ = timeout(LOOK_EVERY, node.loader.cache.grown()).await;
    }
}

/// Written beside and renamed: a file under its name is whole, and never changes under a mapping.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = path.with_extension(format!("{:016x}.partial", rand::random::<u64>()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("writing {}", path.display()))
}

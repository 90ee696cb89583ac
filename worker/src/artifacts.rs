//! From a version's digest to a guest that can be instantiated: the object store, the disk cache,
//! and between bytes and machine code the signature of the platform.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow, ensure};
use arc_swap::ArcSwapOption;
use blobs::{BlobKey, Blobs};
use domain::artifact::{Artifact, ArtifactHash};
use ed25519_dalek::{Signature, VerifyingKey};
use tokio::{runtime::Handle, sync::Semaphore};

use crate::{
    feed::Keys,
    sandbox::{Guest, Sandbox},
    version::Version,
};

const MAX_ARTIFACT_BYTES: u64 = 512 << 20;
/// Artifacts being fetched or verified at a time: each is in memory whole.
const LOADS_AT_ONCE: usize = 4;

pub(crate) struct Loader {
    /// The runtime of everything that is not a request: data threads wait for it, never work for it.
    pub(crate) runtime: Handle,
    pub(crate) keys: ArcSwapOption<Keys>,
    blobs: Blobs,
    folder: PathBuf,
    sandbox: Arc<Sandbox>,
    loads: Semaphore,
}

impl Loader {
    pub(crate) fn new(blobs: Blobs, cache: &Path, sandbox: Arc<Sandbox>) -> anyhow::Result<Self> {
        // A tag may hold any character; its digest is a folder name.
        let tag = domain::Digest::of(engine::TAG.as_bytes()).short();
        let folder = cache.join("artifacts").join(tag);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self {
            runtime: Handle::current(),
            keys: ArcSwapOption::empty(),
            blobs,
            folder,
            sandbox,
            loads: Semaphore::new(LOADS_AT_ONCE),
        })
    }

    pub(crate) async fn load(&self, version: &Version) -> anyhow::Result<Guest> {
        let _permit = self.loads.acquire().await?;
        let artifact = version.artifact.clone().with_context(|| {
            format!(
                "it was not compiled for this worker's engine, {}",
                engine::TAG
            )
        })?;
        let keys = self
            .keys
            .load_full()
            .context("the worker has not joined yet")?;
        ensure!(
            artifact.module == version.module,
            "its artifact was compiled from another module, {}",
            artifact.module,
        );
        verify_signature(&artifact, &keys.artifact)?;

        let path = self.folder.join(format!("{}.cwasm", version.module));
        if !self.is_on_disk(&path, &artifact).await? {
            self.fetch(&path, &artifact).await?;
        }
        let (sandbox, handler) = (Arc::clone(&self.sandbox), version.handler);
        tokio::task::spawn_blocking(move || sandbox.load(handler, &path)).await?
    }

    async fn is_on_disk(&self, path: &Path, artifact: &Artifact) -> anyhow::Result<bool> {
        let (path, artifact) = (path.to_owned(), artifact.clone());
        tokio::task::spawn_blocking(move || match fs::read(&path) {
            Ok(bytes) if verify_bytes(&artifact, &bytes).is_ok() => Ok(true),
            // Damaged, or of an earlier compilation: fetched again.
            Ok(_) => Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        })
        .await?
    }

    async fn fetch(&self, path: &Path, artifact: &Artifact) -> anyhow::Result<()> {
        ensure!(
            artifact.bytes <= MAX_ARTIFACT_BYTES,
            "its artifact has {} bytes, a worker takes {MAX_ARTIFACT_BYTES}",
            artifact.bytes,
        );
        let key = BlobKey::Artifact {
            engine_tag: artifact.engine_tag.clone(),
            module: artifact.module,
        };
        let bytes = self.blobs.get_bytes(&key, artifact.bytes).await?;
        let (path, artifact) = (path.to_owned(), artifact.clone());
        tokio::task::spawn_blocking(move || {
            verify_bytes(&artifact, &bytes)?;
            write_whole(&path, &bytes)
        })
        .await?
    }
}

fn verify_signature(artifact: &Artifact, key: &[u8; 32]) -> anyhow::Result<()> {
    let message = Artifact::signed_message(engine::TAG, &artifact.module, &artifact.hash);
    let signature = Signature::from_slice(&artifact.signature);
    VerifyingKey::from_bytes(key)
        .and_then(|key| key.verify_strict(&message, &signature?))
        .map_err(|_| anyhow!("its artifact is not signed by the platform"))
}

fn verify_bytes(artifact: &Artifact, bytes: &[u8]) -> anyhow::Result<()> {
    ensure!(
        bytes.len() as u64 == artifact.bytes && ArtifactHash::of(bytes) == artifact.hash,
        "its artifact in the object store is not the one that was signed",
    );
    Ok(())
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

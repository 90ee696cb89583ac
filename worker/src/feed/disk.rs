//! The platform's keys on the worker's own disk: what a start without API servers trusts the kept
//! state and its artifacts with. They may vanish at any time.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;

use super::Keys;
use crate::artifacts::{Loader, write_whole};

pub(super) struct Disk {
    keys: PathBuf,
}

impl Disk {
    pub(super) fn open(cache: &Path) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(cache)
            .with_context(|| format!("creating {}", cache.display()))?;
        Ok(Self {
            keys: cache.join("keys.json"),
        })
    }

    /// Whether there were any.
    pub(super) fn restore_keys(&self, loader: &Loader) -> bool {
        match read(&self.keys) {
            Ok(Some(keys)) => {
                loader.keys.store(Some(Arc::new(keys)));
                true
            }
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the kept keys cannot be used");
                false
            }
        }
    }

    pub(super) fn keep_keys(&self, keys: &Keys) {
        let json = serde_json::to_vec(keys).expect("keys are texts");
        if let Err(error) = write_whole(&self.keys, &json) {
            tracing::warn!(
                error = format!("{error:#}"),
                "the platform's keys are not kept on disk; a restart without API servers would serve nothing",
            );
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Option<Keys>> {
    match fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes);
            value
                .map(Some)
                .with_context(|| format!("decoding {}", path.display()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

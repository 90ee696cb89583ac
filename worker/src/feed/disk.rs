//! The last state that was served, and the keys to trust its artifacts with, on the worker's own
//! disk: what a restart serves from while no API server answers. Both may vanish at any time.

use std::{
    fs,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;

use super::{
    Keys,
    apply::{Applier, Kind, Known, Received},
};
use crate::artifacts::{Loader, write_whole};

pub(super) struct Disk {
    snapshot: PathBuf,
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
            snapshot: cache.join("snapshot.json"),
            keys: cache.join("keys.json"),
        })
    }

    /// Applies what is on the disk. Nothing there is the ordinary case of a first start, and a file
    /// that cannot be used is as good as none.
    pub(super) async fn restore(&self, loader: &Loader, applier: &mut Applier) {
        match read::<Keys>(&self.keys) {
            Ok(Some(keys)) => loader.keys.store(Some(Arc::new(keys))),
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the kept keys cannot be used");
                return;
            }
        }
        match read::<Received>(&self.snapshot) {
            Ok(Some(received)) => {
                let _ = applier.apply(received, Kind::Whole).await;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the kept snapshot cannot be used"
                );
            }
        }
    }

    pub(super) fn keep_keys(&self, keys: &Keys) {
        let json = serde_json::to_vec(keys).expect("keys are texts");
        self.report(write_whole(&self.keys, &json));
    }

    /// Written as it was received, so that its hash holds.
    pub(super) fn keep(&self, known: &Known) {
        let Some(position) = known.position else {
            return;
        };
        let position = serde_json::to_string(&position).expect("a position is a text and a number");
        let tenants: Vec<_> = known.tenants.values().map(|raw| raw.get()).collect();
        let json = format!(
            r#"{{"schema":{},"position":{position},"hash":"{}","tenants":[{}]}}"#,
            domain::snapshot::SCHEMA,
            hex::encode(known.hash),
            tenants.join(","),
        );
        self.report(write_whole(&self.snapshot, json.as_bytes()));
    }

    fn report(&self, written: anyhow::Result<()>) {
        if let Err(error) = written {
            tracing::warn!(
                error = format!("{error:#}"),
                "the serving state is not kept on disk; a restart without API servers would serve nothing",
            );
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
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

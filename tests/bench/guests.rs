//! What the servers run: the tests' prebuilt components, and the JavaScript example.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, ensure};
use domain::{
    Digest,
    artifact::{Artifact, ArtifactHash},
    version::Handler,
};
use ed25519_dalek::{Signer as _, SigningKey};

use crate::settings::Settings;

pub(crate) fn path(settings: &Settings, guest: &str) -> anyhow::Result<PathBuf> {
    match guest {
        "javascript" => built(&settings.repository, guest),
        _ => Ok(settings
            .repository
            .join(format!("tests/guests/prebuilt/{guest}.wasm"))),
    }
}

fn built(repository: &Path, language: &str) -> anyhow::Result<PathBuf> {
    let script = repository.join("deploy/setup-guests");
    let output = Command::new(&script)
        .arg(language)
        .output()
        .with_context(|| format!("starting {}", script.display()))?;
    ensure!(
        output.status.success(),
        "deploy/setup-guests {language} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

/// Native code for a worker, and the platform's word for it.
pub(crate) struct Compiled {
    handler: Handler,
    pub(crate) bytes: Vec<u8>,
}

impl Compiled {
    pub(crate) fn of(settings: &Settings, guest: &str) -> anyhow::Result<Self> {
        let path = path(settings, guest)?;
        let wasm = std::fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let (handler, bytes) = engine::compile::trusted(wasm).map_err(anyhow::Error::msg)?;
        Ok(Self { handler, bytes })
    }

    pub(crate) fn handler(&self) -> Handler {
        self.handler
    }

    /// As if it had been compiled from one of many modules: a worker keeps each in a file of its own.
    pub(crate) fn artifact(&self, number: usize) -> Artifact {
        let module = Digest::of(&number.to_le_bytes());
        let hash = ArtifactHash::of(&self.bytes);
        let message = Artifact::signed_message(engine::TAG, &module, &hash);
        Artifact {
            engine_tag: engine::TAG.to_owned(),
            module,
            bytes: self.bytes.len() as u64,
            hash,
            signature: key().sign(&message).to_vec(),
        }
    }
}

/// The platform's artifact key, for as long as the bench is the platform.
pub(crate) fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

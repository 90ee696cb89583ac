//! A module compiled for one engine, and the signature without which no worker loads it.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// BLAKE3 of an artifact's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ArtifactHash(#[serde(with = "hex::serde")] pub [u8; 32]);

impl ArtifactHash {
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Of what is too large to be in memory whole.
    pub fn of_reader(reader: impl std::io::Read) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }
}

/// What a worker needs to fetch and trust one artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Which build of the engine can load it, `engine::TAG` of the builder.
    pub engine_tag: String,
    /// Of the module it was compiled from.
    pub module: Digest,
    pub bytes: u64,
    pub hash: ArtifactHash,
    /// Ed25519 (RFC 8032) by the platform's artifact key over [`Artifact::signed_message`].
    #[serde(with = "hex::serde")]
    pub signature: Vec<u8>,
}

impl Artifact {
    /// Binds the bytes to the module and to the engine: an artifact cannot stand in for another.
    pub fn signed_message(engine_tag: &str, module: &Digest, hash: &ArtifactHash) -> Vec<u8> {
        let mut message = b"atoll artifact v1\0".to_vec();
        // The tag is the only part of variable length.
        message.extend((engine_tag.len() as u64).to_le_bytes());
        message.extend(engine_tag.as_bytes());
        message.extend(module.as_bytes());
        message.extend(hash.0);
        message
    }
}

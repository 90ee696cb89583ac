//! The state that API servers publish in the object store: what a worker serves from when none of them
//! answers. The platform's signature takes the place of the connection to them.

use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use blobs::{BlobKey, Blobs};
use domain::snapshot::signed_message;
use ed25519_dalek::{Signature, VerifyingKey};

use super::{Keys, body::Body};

const MAX_BYTES: u64 = 512 << 20;
const WITHIN: Duration = Duration::from_secs(60);

/// The state, once its signature holds.
pub(super) async fn fetch(blobs: &Blobs, keys: &Keys) -> anyhow::Result<Body> {
    let fetched = tokio::time::timeout(WITHIN, blobs.get_bytes(&BlobKey::Snapshot, MAX_BYTES));
    let object = fetched.await.context("no answer in time")??;
    let (signature, json) = object
        .split_first_chunk::<{ Signature::BYTE_SIZE }>()
        .context("it is shorter than a signature")?;
    let verified = VerifyingKey::from_bytes(&keys.artifact).and_then(|key| {
        key.verify_strict(&signed_message(json), &Signature::from_bytes(signature))
    });
    verified.map_err(|_| anyhow!("it is not signed by the platform"))?;
    ensure!(!json.is_empty(), "it is empty");
    Ok(Body::of_bytes(object.slice(Signature::BYTE_SIZE..)))
}

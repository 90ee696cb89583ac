//! Prebuilt guests, compiled once for all tests and signed with the tests' key.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use domain::{
    Digest,
    artifact::{Artifact, ArtifactHash},
    version::Handler,
};
use ed25519_dalek::{Signer as _, SigningKey};

type Compiled = (Handler, Artifact, Arc<Vec<u8>>);

static COMPILED: Mutex<Option<HashMap<String, Compiled>>> = Mutex::new(None);

pub(crate) fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

pub(crate) fn artifact(guest: &str) -> (Handler, Artifact) {
    let mut compiled = COMPILED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let compiled = compiled.get_or_insert_default();
    let (handler, artifact, _) = compiled
        .entry(guest.to_owned())
        .or_insert_with(|| compile(guest));
    (*handler, artifact.clone())
}

/// Everything that was compiled so far.
pub(crate) fn all() -> Vec<(Artifact, Arc<Vec<u8>>)> {
    let compiled = COMPILED
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let all = compiled.iter().flat_map(HashMap::values);
    all.map(|(_, artifact, bytes)| (artifact.clone(), Arc::clone(bytes)))
        .collect()
}

/// A prebuilt guest or one written by hand, whichever bears the name.
fn compile(guest: &str) -> Compiled {
    let guests = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/guests");
    let by_hand = format!("{guests}/wat/{guest}.wat");
    let wasm = if std::fs::exists(&by_hand).unwrap() {
        wat::parse_file(&by_hand).unwrap_or_else(|error| panic!("{by_hand}: {error}"))
    } else {
        let path = format!("{guests}/prebuilt/{guest}.wasm");
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let module = Digest::of(&wasm);
    let (handler, bytes) = engine::compile::trusted(wasm).unwrap();
    let hash = ArtifactHash::of(&bytes);
    let message = Artifact::signed_message(engine::TAG, &module, &hash);
    let artifact = Artifact {
        engine_tag: engine::TAG.to_owned(),
        module,
        bytes: bytes.len() as u64,
        hash,
        signature: signing_key().sign(&message).to_vec(),
    };
    (handler, artifact, Arc::new(bytes))
}

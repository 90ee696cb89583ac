//! The serving state as a worker gets it from an API server, from its disk, or from the object store.

use domain::snapshot::{Snapshot, TenantEntry};

/// The whole of a state; and the entries of one whose hash is right, which a fuzzer would never guess.
pub(crate) fn run(json: &[u8]) {
    if let Ok(state) = serde_json::from_slice::<Snapshot>(json) {
        let again = serde_json::to_vec(&state).expect("what decoded encodes");
        assert_eq!(serde_json::from_slice::<Snapshot>(&again).ok(), Some(state));
    }
    // What decodes with a hash of its own is taken or refused, and never a panic.
    let _ = worker::fuzzing::snapshot(json);
    if let Ok(tenants) = worker::fuzzing::tenants(json) {
        let decoded: Vec<TenantEntry> = serde_json::from_slice(json).expect("the worker took it");
        assert_eq!(tenants, decoded.len(), "each tenant is served once");
    }
}

//! The reader of serving states, for fuzz targets.

use std::collections::BTreeMap;

use domain::{
    GenerationId, TenantId,
    snapshot::{self, Position, SCHEMA, TenantEntry},
};
use serde_json::value::RawValue;

use super::{
    kept::Kept,
    stage::{self, Before, Kind, Known},
};
use crate::table::{Here, Table};

/// A whole state as it travels; how many tenants a worker would serve of it.
pub fn snapshot(json: &[u8]) -> Result<usize, String> {
    let here = Here {
        engine_tag: engine::TAG,
        tenant_ceiling: 1,
    };
    let before = Before {
        known: &Known::default(),
        served: &Table::default(),
        here,
    };
    let staged = stage::stage(json, Kind::Whole, before, &Kept::nowhere());
    staged
        .map(|staged| staged.table.tenants().count())
        .map_err(|unfit| format!("{unfit:?}"))
}

/// The entries of a state, with the hash that belongs to them.
pub fn tenants(json: &[u8]) -> Result<usize, String> {
    let told = |error: serde_json::Error| error.to_string();
    let tenants: Vec<&RawValue> = serde_json::from_slice(json).map_err(told)?;
    let mut hashes: BTreeMap<TenantId, [u8; 32]> = BTreeMap::new();
    for raw in &tenants {
        let entry: TenantEntry = serde_json::from_str(raw.get()).map_err(told)?;
        hashes.insert(entry.id, snapshot::hash(raw.get().as_bytes()));
    }
    let position = Position {
        generation: GenerationId::generate(),
        epoch: 1,
    };
    let state = serde_json::json!({
        "schema": SCHEMA,
        "position": position,
        "hash": hex::encode(snapshot::rolled_up(&hashes)),
        "tenants": tenants,
    });
    snapshot(state.to_string().as_bytes())
}

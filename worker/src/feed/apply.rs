//! Makes a received state the one that is served: checked first, what it asks to prepare loaded,
//! then swapped in whole. A state that fails a check changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{
    TenantId, VersionId,
    feed::FailedVersion,
    snapshot::{self, Position, TenantEntry},
};
use futures::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{sync::watch, time::timeout};

use super::Status;
use crate::{
    artifacts::Loader,
    node::Node,
    table::{Here, Table, Tenant},
    version::Version,
};

/// An activation waits ten seconds for its workers: one that cannot load in less says so.
const LOAD_WITHIN: Duration = Duration::from_secs(8);
const RETRY_AFTER: Duration = Duration::from_millis(1_500);
const LOADS_AT_ONCE: usize = 4;

/// A snapshot or changes, the tenants' entries as they were written: their hashes are over that
/// text, with the fields of a newer release that this one does not know.
#[derive(Deserialize)]
pub(super) struct Received {
    pub(super) schema: u32,
    pub(super) position: Position,
    #[serde(with = "hex::serde")]
    pub(super) hash: [u8; 32],
    pub(super) tenants: Vec<Box<RawValue>>,
    #[serde(default)]
    pub(super) removed: Vec<TenantId>,
}

/// The state that is served, as it was received.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) position: Option<Position>,
    pub(super) hash: [u8; 32],
    pub(super) tenants: BTreeMap<TenantId, Arc<RawValue>>,
    hashes: BTreeMap<TenantId, [u8; 32]>,
}

impl Known {
    pub(super) fn is_newer_than(&self, other: Position) -> bool {
        let same = self
            .position
            .filter(|position| position.generation == other.generation);
        same.is_some_and(|position| position.epoch > other.epoch)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    Changes,
}

/// A state that passed its checks.
struct Checked {
    known: Known,
    changed: Vec<TenantEntry>,
    removed: Vec<TenantId>,
}

pub(super) struct Applier {
    node: Arc<Node>,
    status: Arc<watch::Sender<Status>>,
    known: Known,
}

impl Applier {
    pub(super) fn new(node: Arc<Node>, status: Arc<watch::Sender<Status>>) -> Self {
        Self {
            node,
            status,
            known: Known::default(),
        }
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    /// `Err` says why the state was refused; it is in the next heartbeat too.
    pub(super) async fn apply(&mut self, received: Received, kind: Kind) -> Result<(), String> {
        let epoch = received.position.epoch;
        let checked = match check(&self.known, received, kind) {
            Ok(checked) => checked,
            Err(reason) => {
                tracing::error!(
                    epoch,
                    reason,
                    "a serving state was refused, the last good one stays"
                );
                self.status
                    .send_modify(|status| status.refused = Some(reason.clone()));
                return Err(reason);
            }
        };
        let (mut table, changed) = build(
            &self.node.table.load(),
            checked.changed,
            &checked.removed,
            kind,
            Here {
                engine_tag: engine::TAG,
                tenant_ceiling: self.node.limits.tenant_ceiling(),
            },
        );
        table.position = checked.known.position;
        let failed = load(&self.node.loader, &changed, kind).await;
        let failed = self.still_failing(&table, failed);
        tracing::info!(
            epoch,
            tenants_changed = changed.len(),
            failed = failed.len(),
            "a serving state is applied"
        );
        self.node.table.store(Arc::new(table));
        self.known = checked.known;
        self.status.send_modify(|status| {
            status.applied = self.known.position;
            status.refused = None;
            status.failed = failed;
        });
        Ok(())
    }

    /// The failures that somebody waits for, old ones and those just met.
    fn still_failing(&self, table: &Table, new: BTreeMap<VersionId, String>) -> Vec<FailedVersion> {
        let mut failed: BTreeMap<_, _> = self
            .status
            .borrow()
            .failed
            .iter()
            .map(|failed| (failed.version, failed.reason.clone()))
            .collect();
        failed.extend(new);
        let functions = table.tenants().flat_map(|tenant| tenant.functions());
        let prepared = functions.flat_map(|function| &function.prepare);
        let awaited: BTreeSet<_> = prepared
            .filter(|version| !version.is_loaded())
            .map(|version| version.id)
            .collect();
        let failed = failed
            .into_iter()
            .filter(|(version, _)| awaited.contains(version));
        failed
            .map(|(version, reason)| FailedVersion { version, reason })
            .collect()
    }
}

fn check(known: &Known, received: Received, kind: Kind) -> Result<Checked, String> {
    if received.schema != snapshot::SCHEMA {
        return Err(format!(
            "its schema is {}, this release reads {}",
            received.schema,
            snapshot::SCHEMA
        ));
    }
    let mut next = match kind {
        Kind::Whole => Known::default(),
        Kind::Changes => known.clone(),
    };
    if kind == Kind::Changes
        && known
            .position
            .is_none_or(|position| position.generation != received.position.generation)
    {
        return Err("its changes are of another generation".to_owned());
    }
    for tenant in &received.removed {
        next.tenants.remove(tenant);
        next.hashes.remove(tenant);
    }
    let mut changed = Vec::with_capacity(received.tenants.len());
    let mut seen = BTreeSet::new();
    for raw in received.tenants {
        let entry: TenantEntry = serde_json::from_str(raw.get())
            .map_err(|error| format!("an entry does not decode: {error}"))?;
        if !seen.insert(entry.id) {
            return Err(format!("it names the tenant {} twice", entry.id));
        }
        next.hashes
            .insert(entry.id, snapshot::hash(raw.get().as_bytes()));
        next.tenants.insert(entry.id, raw.into());
        changed.push(entry);
    }
    if snapshot::rolled_up(&next.hashes) != received.hash {
        return Err("its hash is not that of its entries".to_owned());
    }
    next.position = Some(received.position);
    next.hash = received.hash;
    Ok(Checked {
        known: next,
        changed,
        removed: received.removed,
    })
}

fn build(
    before: &Table,
    changed: Vec<TenantEntry>,
    removed: &[TenantId],
    kind: Kind,
    here: Here<'_>,
) -> (Table, Vec<Arc<Tenant>>) {
    let mut table = match kind {
        Kind::Whole => Table::default(),
        Kind::Changes => before.clone(),
    };
    for tenant in removed {
        table.remove(*tenant);
    }
    let changed: Vec<_> = changed
        .into_iter()
        .map(|entry| {
            let known = before.tenant_by_id(entry.id).map(Arc::as_ref);
            Arc::new(Tenant::build(entry, known, here))
        })
        .collect();
    for tenant in &changed {
        table.insert(Arc::clone(tenant));
    }
    (table, changed)
}

/// Loads what the changed tenants ask to prepare, and what took traffic without having been prepared
/// here. After a start everything would be that: then live versions wait for their first request.
async fn load(loader: &Loader, changed: &[Arc<Tenant>], kind: Kind) -> BTreeMap<VersionId, String> {
    let functions = changed.iter().flat_map(|tenant| tenant.functions());
    let wanted = functions.flat_map(|function| {
        let live = function.traffic.iter().map(|(_, version)| version);
        function
            .prepare
            .iter()
            .chain(live.filter(|_| kind == Kind::Changes))
    });
    let wanted: BTreeMap<_, _> = wanted
        .filter(|version| !version.is_loaded())
        .map(|version| (version.id, Arc::clone(version)))
        .collect();
    let loads = stream::iter(wanted.into_values()).map(|version| async move {
        let reason = load_one(loader, &version).await.err();
        reason.map(|reason| (version.id, reason))
    });
    let failed = loads.buffer_unordered(LOADS_AT_ONCE);
    failed.filter_map(std::future::ready).collect().await
}

async fn load_one(loader: &Loader, version: &Version) -> Result<(), String> {
    let mut last = None;
    let attempts = async {
        loop {
            match version.load(loader).await {
                Ok(_) => return,
                Err(reason) => last = Some(reason),
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    };
    timeout(LOAD_WITHIN, attempts).await.map_err(|_| {
        last.unwrap_or_else(|| format!("it was not loaded within {} s", LOAD_WITHIN.as_secs()))
    })
}

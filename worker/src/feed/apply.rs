//! Makes a received state the one that is served: checked first, what it asks to prepare loaded,
//! then swapped in whole. A state that fails a check changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{VersionId, feed::FailedVersion};
use futures::{StreamExt as _, stream};
use tokio::{sync::watch, task::spawn_blocking, time::timeout};
use tokio_util::task::TaskTracker;

use super::{
    Status,
    body::Body,
    kept::Kept,
    stage::{self, Before, Kind, Known, Staged, Unfit},
};
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

pub(super) struct Applier {
    node: Arc<Node>,
    status: Arc<watch::Sender<Status>>,
    kept: Arc<Kept>,
    /// What reads a state or writes it to disk, and is not left behind when the worker ends.
    work: TaskTracker,
    known: Arc<Known>,
}

impl Applier {
    pub(super) fn new(
        node: Arc<Node>,
        status: Arc<watch::Sender<Status>>,
        kept: Arc<Kept>,
        work: TaskTracker,
    ) -> Self {
        Self {
            node,
            status,
            kept,
            work,
            known: Arc::default(),
        }
    }

    pub(super) fn known(&self) -> &Known {
        &self.known
    }

    fn here(&self) -> Here<'static> {
        Here {
            engine_tag: engine::TAG,
            tenant_ceiling: self.node.limits.tenant_ceiling(),
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Applies what is on the disk. Nothing there is the ordinary case of a first start, and what
    /// cannot be used is as good as nothing.
    pub(super) async fn restore(&mut self) {
        let kept = Arc::clone(&self.kept);
        // The database's own checks may panic over a damaged file.
        let here = self.here();
        let restored = spawn_blocking(move || stage::restore(&kept, here)).await;
        match restored.map_err(anyhow::Error::from).flatten() {
            Ok(Some(staged)) => {
                self.kept.is_in_step();
                drop(self.swap_in(staged, Kind::Whole).await);
            }
            Ok(None) => {}
            Err(error) => self.kept.replace_unusable(&format!("{error:#}")),
        }
    }

    /// Why a state was refused is in the next heartbeat too.
    pub(super) async fn apply(&mut self, body: Body, kind: Kind) -> Result<(), Unfit> {
        let (reader, pump) = body.split();
        let (known, served) = (Arc::clone(&self.known), self.node.table.load_full());
        let kept = Arc::clone(&self.kept);
        let here = self.here();
        let staging = self.work.spawn_blocking(move || {
            let before = Before {
                known: &known,
                served: &served,
                here,
            };
            stage::stage(reader, kind, before, &kept)
        });
        let (staged, ()) = tokio::join!(staging, pump);
        let staged = staged
            .unwrap_or_else(|error| Err(Unfit::Refused(format!("reading it failed: {error}"))));
        let staged = staged.inspect_err(|unfit| {
            if let Unfit::Refused(reason) = unfit {
                tracing::error!(
                    reason,
                    "a serving state was refused, the last good one stays"
                );
                self.status
                    .send_modify(|status| status.refused = Some(reason.clone()));
            }
        })?;
        let state = staged.state;
        let writing = self.swap_in(staged, kind).await;
        let kept = Arc::clone(&self.kept);
        // After the swap, since disks are slow; and before the next state, which is written on top of it.
        let _ = self
            .work
            .spawn_blocking(move || kept.commit(writing, state))
            .await;
        Ok(())
    }

    async fn swap_in(&mut self, staged: Staged, kind: Kind) -> super::kept::Writing {
        let Staged {
            known,
            state,
            table,
            changed,
            writing,
        } = staged;
        let failed = load(&self.node.loader, &changed, kind).await;
        let failed = self.still_failing(&table, failed);
        tracing::info!(
            epoch = state.position.epoch,
            tenants_changed = changed.len(),
            failed = failed.len(),
            "a serving state is applied"
        );
        self.node.table.store(Arc::new(table));
        self.known = Arc::new(known);
        self.status.send_modify(|status| {
            status.applied = Some(state.position);
            status.refused = None;
            status.failed = failed;
        });
        writing
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
        if failed.is_empty() {
            return Vec::new();
        }
        let functions = table.tenants().flat_map(|tenant| tenant.functions());
        let prepared = functions.flat_map(|function| function.prepare.iter());
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

async fn load_one(loader: &Loader, version: &Arc<Version>) -> Result<(), String> {
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

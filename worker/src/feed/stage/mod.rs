//! Checks a state as it comes in, and builds beside the one that is served what is to follow it.
//! Nothing of it counts before its hash fits: until then a refusal costs nothing but the reading.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    sync::Arc,
};

use domain::{
    TenantId,
    feed::StateHash,
    snapshot::{self, Position, TenantEntry},
};
use serde_json::value::RawValue;

use super::{
    decode::{self, Head},
    kept::{Kept, Writing},
};
use crate::table::{Here, Table, Tenant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    /// Whole, and from the object store, where it can be of before a restored backup.
    Published,
    Changes,
}

/// What is known of the state that is served: the entries themselves are on disk, if anywhere.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) state: Option<StateHash>,
    hashes: BTreeMap<TenantId, [u8; 32]>,
}

/// What a state follows.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) known: &'a Known,
    pub(super) served: &'a Table,
    pub(super) here: Here<'a>,
}

/// A state that passed its checks.
pub(super) struct Staged {
    pub(super) known: Known,
    pub(super) state: StateHash,
    pub(super) table: Table,
    pub(super) changed: Vec<Arc<Tenant>>,
    pub(super) writing: Writing,
}

#[derive(Debug)]
pub(super) enum Unfit {
    /// The state is one that must not be served, and why.
    Refused(String),
    /// It is behind the one that is served.
    Older,
    /// It did not arrive whole.
    Interrupted(io::Error),
}

impl Known {
    pub(super) fn position(&self) -> Option<Position> {
        self.state.map(|state| state.position)
    }

    fn is_newer_than(&self, other: Position) -> bool {
        let same = self
            .position()
            .filter(|position| position.generation == other.generation);
        same.is_some_and(|position| position.epoch > other.epoch)
    }
}

/// Reads a state to its end.
pub(super) fn stage(
    reader: impl Read,
    kind: Kind,
    before: Before<'_>,
    kept: &Kept,
) -> Result<Staged, Unfit> {
    let (writing, write_all) = kept.write(kind != Kind::Changes);
    let mut next = Next::new(kind, before);
    next.writing = Some((writing, write_all));
    let head = decode::decode(io::BufReader::new(reader), &mut |raw| next.enter(&raw));
    let head = head.map_err(|error| {
        if error.is_io() {
            Unfit::Interrupted(error.into())
        } else {
            Unfit::Refused(format!("it does not decode: {error}"))
        }
    })?;
    next.finish(head)
}

/// Takes the state that the disk kept, which nobody has to write again.
pub(super) fn restore(kept: &Kept, here: Here<'_>) -> anyhow::Result<Option<Staged>> {
    let (known, served) = (&Known::default(), &Table::default());
    let before = Before {
        known,
        served,
        here,
    };
    let mut next = Next::new(Kind::Whole, before);
    let Some(state) = kept.read(&mut |entry| {
        let raw = serde_json::from_slice::<Box<RawValue>>(entry);
        next.enter(&raw.map_err(|error| error.to_string())?)
    })?
    else {
        return Ok(None);
    };
    let head = Head {
        schema: snapshot::SCHEMA,
        position: state.position,
        hash: state.hash,
        removed: Vec::new(),
    };
    match next.finish(head) {
        Ok(staged) => Ok(Some(staged)),
        Err(Unfit::Refused(reason)) => Err(anyhow::Error::msg(reason)),
        Err(unfit) => Err(anyhow::anyhow!("{unfit:?}")),
    }
}

struct Next<'a> {
    kind: Kind,
    before: Before<'a>,
    hashes: BTreeMap<TenantId, [u8; 32]>,
    table: Table,
    seen: BTreeSet<TenantId>,
    changed: Vec<Arc<Tenant>>,
    /// Entries of tenants that are served already. Building one takes over what it has, and changes it:
    /// not before the hash fits.
    pending: Vec<TenantEntry>,
    /// And whether every entry goes there, not only those that changed.
    writing: Option<(Writing, bool)>,
}

impl<'a> Next<'a> {
    fn new(kind: Kind, before: Before<'a>) -> Self {
        let (hashes, table) = match kind {
            Kind::Whole | Kind::Published => Default::default(),
            Kind::Changes => (before.known.hashes.clone(), before.served.clone()),
        };
        Self {
            kind,
            before,
            hashes,
            table,
            seen: BTreeSet::new(),
            changed: Vec::new(),
            pending: Vec::new(),
            writing: None,
        }
    }

    fn enter(&mut self, raw: &RawValue) -> Result<(), String> {
        let entry: TenantEntry = serde_json::from_str(raw.get())
            .map_err(|error| format!("an entry does not decode: {error}"))?;
        let id = entry.id;
        if !self.seen.insert(id) {
            return Err(format!("it names the tenant {id} twice"));
        }
        let hash = snapshot::hash(raw.get().as_bytes());
        self.hashes.insert(id, hash);
        let before = self.before.served.tenant_by_id(id);
        let same = self.before.known.hashes.get(&id) == Some(&hash);
        if let Some((writing, all)) = &mut self.writing
            && (*all || !same)
        {
            writing.put(id, raw.get());
        }
        match before {
            Some(before) if same => self.table.insert(Arc::clone(before)),
            Some(_) => self.pending.push(entry),
            None => self.build(entry),
        }
        Ok(())
    }

    fn build(&mut self, entry: TenantEntry) {
        let before = self.before.served.tenant_by_id(entry.id);
        let built = Tenant::build(entry, before.map(Arc::as_ref), self.before.here);
        let tenant = Arc::new(built);
        self.table.insert(Arc::clone(&tenant));
        self.changed.push(tenant);
    }

    fn finish(mut self, head: Head) -> Result<Staged, Unfit> {
        let refused = |reason: String| Err(Unfit::Refused(reason));
        if head.schema != snapshot::SCHEMA {
            return refused(format!(
                "its schema is {}, this release reads {}",
                head.schema,
                snapshot::SCHEMA
            ));
        }
        let known = self.before.known.position();
        if self.kind == Kind::Changes
            && known.is_none_or(|known| known.generation != head.position.generation)
        {
            return refused("its changes are of another generation".to_owned());
        }
        if self.kind == Kind::Published
            && known.is_some_and(|known| known.generation != head.position.generation)
        {
            return refused("it is of another generation than the state on this disk".to_owned());
        }
        if self.before.known.is_newer_than(head.position) {
            return Err(Unfit::Older);
        }
        for tenant in head.removed {
            if !self.seen.contains(&tenant) {
                self.hashes.remove(&tenant);
                self.table.remove(tenant);
            }
        }
        if snapshot::rolled_up(&self.hashes) != head.hash {
            return refused("its hash is not that of its entries".to_owned());
        }
        for entry in std::mem::take(&mut self.pending) {
            self.build(entry);
        }
        let mut writing = self.writing.map_or_else(Writing::nowhere, |(to, _)| to);
        let gone = self.before.known.hashes.keys();
        for &tenant in gone.filter(|tenant| !self.hashes.contains_key(tenant)) {
            writing.remove(tenant);
        }
        let state = StateHash {
            position: head.position,
            hash: head.hash,
        };
        self.table.position = Some(state.position);
        Ok(Staged {
            known: Known {
                state: Some(state),
                hashes: self.hashes,
            },
            state,
            table: self.table,
            changed: self.changed,
            writing,
        })
    }
}

#[cfg(test)]
mod tests;

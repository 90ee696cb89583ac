//! The serving state as a value: made whole or moved on by changes, and told whole or since a
//! position. However it came about, the same rows give the same hash.

use std::collections::BTreeMap;

use domain::{
    TenantId,
    feed::StateHash,
    snapshot::{Changes, Position, SCHEMA, Snapshot, TenantEntry, rolled_up},
};

#[derive(Clone, Debug)]
pub(super) struct State {
    position: Position,
    hash: [u8; 32],
    /// What changed after this epoch is known; a worker further back takes everything.
    floor: u64,
    tenants: BTreeMap<TenantId, TenantEntry>,
    hashes: BTreeMap<TenantId, [u8; 32]>,
    /// When each tenant changed, those without an entry included. One that is not named has not
    /// changed since the floor.
    changed: BTreeMap<TenantId, u64>,
}

#[derive(Debug)]
pub(super) enum Since {
    Changed(Changes),
    Nothing,
    Gone,
}

impl State {
    /// `changed` holds what is known of the epochs after `floor`.
    pub(super) fn whole(
        position: Position,
        entries: Vec<TenantEntry>,
        changed: BTreeMap<TenantId, u64>,
        floor: u64,
    ) -> Self {
        let mut state = Self {
            position,
            hash: [0; 32],
            floor,
            tenants: BTreeMap::new(),
            hashes: BTreeMap::new(),
            changed,
        };
        state.enter(entries);
        state
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// Moves on to `epoch` of the same generation. `entries` are those of the tenants `changed` names;
    /// one that has none any more is gone.
    pub(super) fn apply(
        &mut self,
        epoch: u64,
        changed: BTreeMap<TenantId, u64>,
        entries: Vec<TenantEntry>,
    ) {
        for tenant in changed.keys() {
            self.tenants.remove(tenant);
            self.hashes.remove(tenant);
        }
        self.changed.extend(changed);
        self.position.epoch = epoch;
        self.enter(entries);
    }

    fn enter(&mut self, entries: Vec<TenantEntry>) {
        for entry in entries {
            self.hashes.insert(entry.id, entry.hash());
            self.tenants.insert(entry.id, entry);
        }
        self.hash = rolled_up(&self.hashes);
    }

    pub(super) fn hash(&self) -> StateHash {
        StateHash {
            position: self.position,
            hash: self.hash,
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            schema: SCHEMA,
            position: self.position,
            hash: self.hash,
            tenants: self.tenants.values().cloned().collect(),
        }
    }

    pub(super) fn since(&self, after: Position) -> Since {
        let known = self.floor..=self.position.epoch;
        if after.generation != self.position.generation || !known.contains(&after.epoch) {
            return Since::Gone;
        }
        if after.epoch == self.position.epoch {
            return Since::Nothing;
        }
        let mut tenants = Vec::new();
        let mut removed = Vec::new();
        for (&tenant, &epoch) in &self.changed {
            if epoch <= after.epoch {
                continue;
            }
            match self.tenants.get(&tenant) {
                Some(entry) => tenants.push(entry.clone()),
                None => removed.push(tenant),
            }
        }
        Since::Changed(Changes {
            schema: SCHEMA,
            position: self.position,
            hash: self.hash,
            tenants,
            removed,
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::{GenerationId, TenantSlug, limits::TenantLimits, tenant::TenantState};
    use uuid::Uuid;

    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_uuid(Uuid::from_u128(number))
    }

    fn entry(number: u128, state: TenantState) -> TenantEntry {
        TenantEntry {
            id: tenant(number),
            slug: TenantSlug::parse(&format!("t{number}")).unwrap(),
            state,
            limits: TenantLimits::DEFAULT,
            routes: Vec::new(),
            domains: Vec::new(),
            former_slugs: Vec::new(),
            functions: Vec::new(),
        }
    }

    fn at(epoch: u64) -> Position {
        Position {
            generation: GenerationId::from_uuid(Uuid::nil()),
            epoch,
        }
    }

    fn empty() -> State {
        State::whole(at(0), Vec::new(), BTreeMap::new(), 0)
    }

    /// A worker: applies what it is told, and sees whether it came to the hash that it was told.
    #[derive(Default)]
    struct Follower(BTreeMap<TenantId, [u8; 32]>);

    impl Follower {
        fn apply(&mut self, changes: &Changes) {
            for entry in &changes.tenants {
                self.0.insert(entry.id, entry.hash());
            }
            for tenant in &changes.removed {
                self.0.remove(tenant);
            }
            assert_eq!(rolled_up(&self.0), changes.hash);
        }
    }

    /// xorshift (Marsaglia 2003): enough chance for a test, and the same each time.
    fn next(seed: &mut u64) -> u64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        *seed
    }

    #[test]
    fn changes_lead_to_the_hash_of_the_whole_whatever_the_steps() {
        for mut seed in 1..50 {
            let mut truth: BTreeMap<u128, TenantEntry> = BTreeMap::new();
            let mut state = empty();
            let mut follower = Follower::default();
            let mut told = 0;
            for epoch in 1..=60 {
                let number = u128::from(next(&mut seed) % 8);
                match next(&mut seed) % 3 {
                    0 => _ = truth.remove(&number),
                    1 => _ = truth.insert(number, entry(number, TenantState::Active)),
                    _ => _ = truth.insert(number, entry(number, TenantState::Suspended)),
                }
                let changed = BTreeMap::from([(tenant(number), epoch)]);
                state.apply(
                    epoch,
                    changed,
                    truth.get(&number).cloned().into_iter().collect(),
                );
                if next(&mut seed).is_multiple_of(4) {
                    let Since::Changed(changes) = state.since(at(told)) else {
                        panic!("something changed after {told}");
                    };
                    follower.apply(&changes);
                    told = epoch;
                }
            }
            let entries = truth.into_values().collect();
            let whole = State::whole(at(60), entries, BTreeMap::new(), 60);
            assert_eq!(state.snapshot(), whole.snapshot());
        }
    }

    #[test]
    fn a_tenant_that_did_not_change_is_not_told_again() {
        let mut state = empty();
        state.apply(
            1,
            BTreeMap::from([(tenant(1), 1)]),
            vec![entry(1, TenantState::Active)],
        );
        state.apply(
            2,
            BTreeMap::from([(tenant(2), 2)]),
            vec![entry(2, TenantState::Active)],
        );
        let Since::Changed(changes) = state.since(at(1)) else {
            panic!("tenant 2 changed");
        };
        let told: Vec<_> = changes.tenants.iter().map(|entry| entry.id).collect();
        assert_eq!((told, changes.removed.len()), (vec![tenant(2)], 0));
        assert!(matches!(state.since(at(2)), Since::Nothing));
    }

    #[test]
    fn a_position_of_another_history_has_to_start_anew() {
        let state = State::whole(at(5), Vec::new(), BTreeMap::new(), 3);
        let other = Position {
            generation: GenerationId::generate(),
            epoch: 5,
        };
        assert!(matches!(state.since(other), Since::Gone));
        assert!(matches!(state.since(at(6)), Since::Gone));
        assert!(matches!(state.since(at(2)), Since::Gone));
        assert!(matches!(state.since(at(3)), Since::Changed(_)));
    }
}

//! What came lately for whom, by which limits are shared among workers: each takes the part of a
//! limit that its part of the demand is, and never less than one call.
//!
//! Between two heartbeats the shares are those of the last one. A function that becomes busy on a
//! second worker has up to twice its limit for that long.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use domain::feed;

use super::gate::{Gate, Owner, WHOLE};

/// What a heartbeat names; the rest has so little that it may have its whole limit.
const MAX_NAMED: usize = 1_000;

pub(super) struct Register {
    busy: Mutex<HashMap<Owner, Busy>>,
    workers: AtomicU32,
}

impl Default for Register {
    fn default() -> Self {
        Self {
            busy: Mutex::default(),
            workers: AtomicU32::new(1),
        }
    }
}

struct Busy {
    gate: Arc<Gate>,
    /// Arrivals, those of each heartbeat before counting half.
    weight: u64,
}

impl Register {
    pub(super) fn arrived(&self, gate: &Arc<Gate>) {
        gate.arrivals.fetch_add(1, Relaxed);
        if gate.registered.load(Relaxed) || gate.registered.swap(true, Relaxed) {
            return;
        }
        // What the others have is not known yet: an equal part, until the next heartbeat.
        gate.set_share(WHOLE / self.workers.load(Relaxed).max(1));
        let busy = Busy {
            gate: Arc::clone(gate),
            weight: 0,
        };
        self.busy().insert(gate.owner, busy);
    }

    pub(super) fn demand(&self) -> feed::Demand {
        let mut busy = self.busy();
        busy.retain(|_, busy| {
            busy.weight = busy.weight / 2 + busy.gate.arrivals.swap(0, Relaxed);
            let keep = busy.weight > 0;
            if !keep {
                busy.gate.registered.store(false, Relaxed);
            }
            keep
        });
        let mut busiest: Vec<_> = busy
            .iter()
            .map(|(owner, busy)| (busy.weight, *owner))
            .collect();
        if busiest.len() > MAX_NAMED {
            busiest.select_nth_unstable_by_key(MAX_NAMED, |(weight, _)| std::cmp::Reverse(*weight));
            busiest.truncate(MAX_NAMED);
        }
        let mut demand = feed::Demand::default();
        for (weight, owner) in busiest {
            match owner {
                Owner::Function(id) => demand.functions.insert(id, weight),
                Owner::Tenant(id) => demand.tenants.insert(id, weight),
            };
        }
        demand
    }

    pub(super) fn heard(&self, heard: &feed::Heard) {
        self.workers.store(heard.workers, Relaxed);
        for (owner, busy) in self.busy().iter() {
            let elsewhere = match owner {
                Owner::Function(id) => heard.elsewhere.functions.get(id),
                Owner::Tenant(id) => heard.elsewhere.tenants.get(id),
            };
            busy.gate
                .set_share(share(busy.weight, elsewhere.copied().unwrap_or(0)));
        }
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashMap<Owner, Busy>> {
        self.busy.lock().expect("nobody panics while holding it")
    }
}

/// In thousandths.
fn share(here: u64, elsewhere: u64) -> u32 {
    let all = u128::from(here) + u128::from(elsewhere);
    let part = (u128::from(here) * u128::from(WHOLE)).checked_div(all);
    part.map_or(WHOLE, |part| part as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_limit_are_those_of_the_demand() {
        assert_eq!(share(10, 0), 1_000);
        assert_eq!(share(10, 30), 250);
        assert_eq!(share(0, 30), 0);
        assert_eq!(share(0, 0), 1_000);
        assert_eq!(share(u64::MAX, u64::MAX), 500);
    }
}

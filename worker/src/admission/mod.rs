//! Who may run now: the limits of a function, then of its tenant, then the places of this machine.
//!
//! What is taken is held by one [`Permit`], and given back when that is dropped, whatever ended the
//! call. Nothing here is shared by all cores but the machine's own counters.

mod demand;
mod gate;
mod places;
mod pressure;
mod rate;
pub(crate) mod turns;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Failure, feed};

pub(crate) use gate::{Gate, Owner};
pub(crate) use pressure::Pressure;

use crate::{
    outcome::Failed,
    table::{Function, Tenant},
};
use demand::Register;
use gate::Slot;
use places::{Place, Places};

/// How long a call waits for others to end, before it is refused.
const QUEUE_FOR: Duration = Duration::from_secs(1);

pub(crate) struct Admission {
    places: Arc<Places>,
    pub(crate) pressure: Arc<Pressure>,
    register: Register,
}

/// The right to run one call, with all that has to be given back after it.
pub(crate) struct Permit {
    pub(crate) queued: Duration,
    _slots: Option<(Slot, Slot)>,
    _place: Option<Place>,
}

impl Admission {
    pub(crate) fn new(places: u32) -> Self {
        Self {
            places: Arc::new(Places::new(places)),
            pressure: Arc::default(),
            register: Register::default(),
        }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.places.taken()
    }

    pub(crate) async fn admit(
        &self,
        tenant: &Tenant,
        function: &Function,
    ) -> Result<Permit, Failed> {
        let came = Instant::now();
        let gates = [&function.gate, &tenant.gate];
        for gate in gates {
            self.register.arrived(gate);
        }
        if let Some(reason) = self.pressure.reason() {
            return Err(Failed::new(Failure::NoCapacity, reason));
        }
        for gate in gates {
            gate.check_rate(came)?;
        }
        let deadline = came + QUEUE_FOR;
        if !turns::take(tenant.id, came, deadline).await {
            return Err(Failed::new(
                Failure::NoCapacity,
                "more calls of this tenant wait than this worker can run in a second; try again",
            ));
        }
        // The same order for everybody, so that no two wait for each other.
        let of_function = function.gate.enter(deadline).await?;
        let of_tenant = tenant.gate.enter(deadline).await?;
        let place = self.places.take(tenant.id, deadline).await.ok_or_else(|| {
            Failed::new(
                Failure::NoCapacity,
                "this worker runs as many calls as it can; try again",
            )
        })?;
        Ok(Permit {
            queued: came.elapsed(),
            _slots: Some((of_function, of_tenant)),
            _place: Some(place),
        })
    }

    /// For a call inside another one, which was let in for both. It needs room like any other and
    /// never waits for it: what it would wait for, its caller may hold. The last quarter of the
    /// machine is left to callers.
    pub(crate) fn inside(&self) -> Result<Permit, Failed> {
        let place = self.places.take_at_once(self.places.limit() / 4);
        let place = place.ok_or_else(|| {
            Failed::new(
                Failure::NoCapacity,
                "this worker has no room for a call inside another one; try again",
            )
        })?;
        Ok(Permit {
            queued: Duration::ZERO,
            _slots: None,
            _place: Some(place),
        })
    }

    /// What came here lately, for the next heartbeat.
    pub(crate) fn demand(&self) -> feed::Demand {
        self.register.demand()
    }

    /// What came elsewhere: from now on each limit is this worker's share of it.
    pub(crate) fn heard(&self, heard: &feed::Heard) {
        self.register.heard(heard);
    }
}

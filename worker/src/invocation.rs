//! One call, from the moment it is admitted until its response has ended, whatever ended it.
//!
//! The guest and the response's body hold it together; the last of them to go writes its record and
//! gives its place back.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use domain::{Limits, RequestId};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    outcome::{Failed, Party},
    sandbox::Usage,
    table::{Function, Tenant},
    version::Version,
};

pub(crate) struct Invocation {
    pub(crate) id: RequestId,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) function: Arc<Function>,
    pub(crate) version: Arc<Version>,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    pub(crate) request_bytes: AtomicU64,
    pub(crate) response_bytes: AtomicU64,
    /// A guest that swallows the error of a body too large does not answer for it.
    pub(crate) request_too_large: AtomicBool,
    started: Instant,
    /// Zero until the guest's head was taken.
    status: AtomicU16,
    /// The first failure is the call's.
    failure: OnceLock<Failed>,
    delivered: AtomicBool,
    _place: Place,
}

/// A place among the calls that this machine runs at once.
pub(crate) struct Place {
    pub(crate) _permit: OwnedSemaphorePermit,
    pub(crate) in_flight: Arc<AtomicU32>,
}

impl Place {
    pub(crate) fn take(permit: OwnedSemaphorePermit, in_flight: &Arc<AtomicU32>) -> Self {
        in_flight.fetch_add(1, Relaxed);
        Self {
            _permit: permit,
            in_flight: Arc::clone(in_flight),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }
}

impl Invocation {
    pub(crate) fn new(
        id: RequestId,
        tenant: Arc<Tenant>,
        function: Arc<Function>,
        version: Arc<Version>,
        place: Place,
    ) -> Self {
        let limits = function.limits;
        Self {
            usage: Usage::new(&limits),
            id,
            tenant,
            function,
            version,
            limits,
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
            request_too_large: AtomicBool::new(false),
            started: Instant::now(),
            status: AtomicU16::new(0),
            failure: OnceLock::new(),
            delivered: AtomicBool::new(false),
            _place: place,
        }
    }

    /// The moment by which the response's last byte must be gone.
    pub(crate) fn deadline(&self) -> Instant {
        self.started + Duration::from_millis(u64::from(self.limits.wall_ms))
    }

    pub(crate) fn fail(&self, failed: Failed) {
        let _ = self.failure.set(failed);
    }

    pub(crate) fn failure(&self) -> Option<&Failed> {
        self.failure.get()
    }

    pub(crate) fn responded(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    /// The whole response was handed to the connection.
    pub(crate) fn delivered(&self) {
        self.delivered.store(true, Relaxed);
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        let status = self.status.load(Relaxed);
        let (outcome, party, detail) = match &self.failure {
            failure if let Some(failed) = failure.get() => (
                failed.failure.code(),
                Party::of(failed.failure).name(),
                failed.detail.as_ref(),
            ),
            _ if self.delivered.load(Relaxed) => ("responded", "", ""),
            _ => ("caller_gone", Party::Caller.name(), ""),
        };
        macro_rules! record {
            ($level:ident) => {
                tracing::$level!(
                    target: "invocation",
                    request_id = %self.id,
                    tenant = %self.tenant.slug,
                    function = self.function.name,
                    version = self.version.number,
                    outcome,
                    party,
                    detail,
                    status,
                    wall_us = self.started.elapsed().as_micros() as u64,
                    cpu_us = self.usage.meter.spent().as_micros() as u64,
                    peak_memory_bytes = self.usage.peak_memory_bytes(),
                    request_bytes = self.request_bytes.load(Relaxed),
                    response_bytes = self.response_bytes.load(Relaxed),
                    "invocation",
                )
            };
        }
        if self.failure.get().is_some() {
            record!(info);
        } else {
            record!(debug);
        }
    }
}

//! One call, from the moment it is admitted until its response has ended, whatever ended it.
//!
//! The guest and the response's body hold it together; the last of them to go writes its record and
//! gives its place back.

use std::{
    borrow::Cow,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use domain::{Limits, RequestId, telemetry::InvocationRecord};
use http::Method;

use crate::{
    admission::Permit,
    clock,
    log::Log,
    node::Node,
    outcome::{Failed, Party},
    sandbox::Usage,
    table::{Function, Tenant},
    telemetry::{Key, Spent, Telemetry},
    version::Version,
};

/// The longest path that is recorded.
const MAX_PATH: usize = 300;

/// Which call it is.
pub(crate) struct About {
    pub(crate) id: RequestId,
    /// When its head had come.
    pub(crate) started: Instant,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) function: Arc<Function>,
    pub(crate) version: Arc<Version>,
    pub(crate) method: Method,
    pub(crate) path: String,
}

pub(crate) struct Invocation {
    pub(crate) about: About,
    pub(crate) limits: Limits,
    pub(crate) usage: Usage,
    pub(crate) log: Log,
    pub(crate) request_bytes: AtomicU64,
    pub(crate) response_bytes: AtomicU64,
    pub(crate) outbound_requests: AtomicU32,
    pub(crate) outbound_bytes: AtomicU64,
    /// Whether more of the request's body was asked for and has not come.
    pub(crate) awaits_caller: AtomicBool,
    /// Zero until the guest's head was taken.
    status: AtomicU16,
    /// The first failure is the call's.
    failure: OnceLock<Failed>,
    /// What the caller did that may lead to one.
    spoiled: OnceLock<Failed>,
    delivered: AtomicBool,
    /// Kept until the call has ended.
    held: OnceLock<Box<dyn Send + Sync>>,
    /// The guest's code had to be loaded first.
    cold: bool,
    permit: Permit,
    pub(crate) node: Arc<Node>,
    /// The call that this one was made inside of; its place is not given back before this one ends.
    caller: Option<Arc<Self>>,
    pub(crate) depth: u8,
    /// Calls of functions inside this one, at any depth; counted where it has no caller.
    inside: AtomicU32,
}

impl Invocation {
    pub(crate) fn new(
        about: About,
        permit: Permit,
        cold: bool,
        tail: bool,
        node: Arc<Node>,
    ) -> Self {
        let limits = about.function.limits;
        Self {
            usage: Usage::new(&limits),
            log: Log::new(&about, limits.log_bytes, tail, &node.telemetry),
            about,
            limits,
            request_bytes: AtomicU64::new(0),
            response_bytes: AtomicU64::new(0),
            outbound_requests: AtomicU32::new(0),
            outbound_bytes: AtomicU64::new(0),
            awaits_caller: AtomicBool::new(false),
            status: AtomicU16::new(0),
            failure: OnceLock::new(),
            spoiled: OnceLock::new(),
            delivered: AtomicBool::new(false),
            held: OnceLock::new(),
            cold,
            permit,
            node,
            caller: None,
            depth: 0,
            inside: AtomicU32::new(0),
        }
    }

    /// Marks it as made inside another one.
    pub(crate) fn inside(mut self, caller: Arc<Self>) -> Self {
        self.depth = caller.depth + 1;
        self.caller = Some(caller);
        self
    }

    /// Takes one of the calls that the outermost call may lead to, as many as it may send requests:
    /// without that, few functions could start very many.
    pub(crate) fn count_inside(&self) -> Result<(), u32> {
        let mut outermost = self;
        while let Some(caller) = &outermost.caller {
            outermost = caller;
        }
        let limit = outermost.limits.outbound_requests;
        let take = |calls: u32| (calls < limit).then_some(calls + 1);
        let taken = outermost.inside.fetch_update(Relaxed, Relaxed, take);
        taken.map(drop).map_err(|_| limit)
    }

    /// The moment by which the response's last byte must be gone. Time in the queue is not the
    /// function's.
    pub(crate) fn deadline(&self) -> Instant {
        let wall = Duration::from_millis(u64::from(self.limits.wall_ms));
        let own = self.about.started + self.permit.queued + wall;
        match &self.caller {
            Some(caller) => own.min(caller.deadline()),
            None => own,
        }
    }

    pub(crate) fn fail(&self, failed: Failed) {
        let failed = self.spoiled.get().cloned().unwrap_or(failed);
        let _ = self.failure.set(failed);
    }

    /// For what the caller did to its body: it is the call's end, however the guest takes it. A guest
    /// that is answering already may end in good order; if it does not, it is not its fault.
    pub(crate) fn spoiled(&self, failed: Failed) {
        let _ = self.spoiled.set(failed.clone());
        if self.status.load(Relaxed) == 0 {
            self.fail(failed);
        }
    }

    pub(crate) fn failure(&self) -> Option<&Failed> {
        self.failure.get()
    }

    pub(crate) fn responded(&self, status: u16) {
        self.status.store(status, Relaxed);
    }

    /// Keeps something until the call has ended.
    pub(crate) fn hold(&self, held: Box<dyn Send + Sync>) {
        let _ = self.held.set(held);
    }

    /// The whole response was handed to the connection.
    pub(crate) fn delivered(&self) {
        self.delivered.store(true, Relaxed);
    }

    /// The last log lines, for a caller that asked for them.
    pub(crate) fn tail(&self) -> String {
        self.log.tail()
    }

    fn spent(&self) -> Spent {
        Spent {
            wall_us: self.about.started.elapsed().as_micros() as u64,
            cpu_us: self.usage.meter.spent().as_micros() as u64,
            peak_memory_bytes: self.usage.peak_memory_bytes(),
            request_bytes: self.request_bytes.load(Relaxed),
            response_bytes: self.response_bytes.load(Relaxed),
            outbound_requests: self.outbound_requests.load(Relaxed),
        }
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        self.log.end();
        self.about.version.spent(self.usage.meter.spent());
        let responded = Some(self.status.load(Relaxed)).filter(|&status| status > 0);
        let ended = match self.failure.get() {
            Some(failed) => Ended::failed(failed, responded),
            None if self.delivered.load(Relaxed) => Ended {
                outcome: "responded",
                party: "",
                detail: Cow::Borrowed(""),
                status: responded,
            },
            None => Ended {
                outcome: "caller_gone",
                party: Party::Caller.name(),
                detail: "the caller went away before the response had ended".into(),
                status: responded,
            },
        };
        let queued_us = self.permit.queued.as_micros() as u64;
        self.node
            .telemetry
            .tell(&self.about, &ended, &self.spent(), queued_us, self.cold);
    }
}

/// How a call ended, in the words of its record.
struct Ended<'a> {
    outcome: &'static str,
    party: &'static str,
    detail: Cow<'a, str>,
    status: Option<u16>,
}

impl<'a> Ended<'a> {
    /// A head that was sent before the failure is what the caller has read.
    fn failed(failed: &'a Failed, responded: Option<u16>) -> Self {
        Self {
            outcome: failed.failure.code(),
            party: Party::of(failed.failure).name(),
            detail: failed.whole_detail(),
            status: responded.or(Some(failed.failure.status())),
        }
    }
}

impl Telemetry {
    /// A call that was refused before anything of it ran.
    pub(crate) fn refused(&self, about: &About, failed: &Failed) {
        let spent = Spent {
            wall_us: about.started.elapsed().as_micros() as u64,
            ..Spent::default()
        };
        self.tell(about, &Ended::failed(failed, None), &spent, 0, false);
    }

    fn tell(&self, about: &About, ended: &Ended<'_>, spent: &Spent, queued_us: u64, cold: bool) {
        let key = Key {
            tenant: about.tenant.id,
            function: about.function.id,
            version: Some(about.version.number),
            outcome: ended.outcome,
            status_class: ended.status.map_or(0, |status| (status / 100) as u8),
        };
        self.ended(key, spent, || {
            let mut path = about.path.clone();
            path.truncate(path.floor_char_boundary(MAX_PATH));
            InvocationRecord {
                id: about.id,
                tenant: key.tenant,
                function: key.function,
                version: key.version,
                started_at: clock::now() - about.started.elapsed(),
                outcome: ended.outcome.to_owned(),
                party: ended.party.to_owned(),
                detail: ended.detail.to_string(),
                status: ended.status,
                method: about.method.to_string(),
                path,
                queued_us,
                wall_us: spent.wall_us,
                cpu_us: spent.cpu_us,
                peak_memory_bytes: spent.peak_memory_bytes,
                request_bytes: spent.request_bytes,
                response_bytes: spent.response_bytes,
                outbound_requests: spent.outbound_requests,
                cold,
            }
        });
    }
}

//! Instances of WASI 0.3 that take several calls at a time, by a function's own wish. Each is a task
//! of its own, to which calls are handed.
//!
//! What only the instance has is divided among its calls: processor time evenly, memory and log to
//! the one that began last. One that traps ends them all.

mod task;

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use domain::function::Reuse;
use futures::{StreamExt as _, channel::oneshot, stream::FuturesUnordered};
use tokio::{
    runtime::Handle,
    sync::{Notify, mpsc},
    time::{Instant, sleep_until},
};
use wasmtime::{AsContextMut as _, Store, Trap, component::Accessor, format_err};
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView,
    handler::{Prepared, Proxy},
    p3::bindings::ServicePre,
};

use super::{
    Runtime, Wasi03,
    current::Current,
    heavy::LITTLE,
    idle::{Stay, Waiting},
    run::{Ended, Started},
    state::{self, State},
    verdict::Phase,
};
use crate::invocation::Invocation;
use task::Metered;

type Response = wasmtime::Result<http::Response<WasiBody>>;

/// The shared instances of one loaded version.
pub(super) struct Shared {
    instances: Mutex<Vec<Arc<Instance>>>,
    waiting: Arc<Waiting>,
}

/// One of them, as those see it who bring calls.
struct Instance {
    reuse: Reuse,
    /// Where its task was started: whoever is there too wakes nobody else.
    thread: ThreadId,
    jobs: mpsc::UnboundedSender<Job>,
    /// Calls taken so far.
    taken: AtomicU32,
    seated: AtomicU32,
    /// Takes no more calls, and ends after those it has.
    closed: AtomicBool,
    changed: Notify,
    calls: Mutex<Vec<Weak<Invocation>>>,
    unattended_ns: Mutex<u64>,
}

struct Job {
    invocation: Arc<Invocation>,
    request: http::Request<WasiBody>,
    head: oneshot::Sender<Response>,
    /// The guest has returned; dropped without a word if the instance ended before.
    returned: oneshot::Sender<()>,
}

/// A call's part of an instance, until its response has ended.
struct Seat {
    instance: Arc<Instance>,
    returned: Arc<AtomicBool>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A guest that was given up may go on for ever: nobody joins it.
        if !self.returned.load(SeqCst) {
            self.instance.closed.store(true, SeqCst);
        }
        self.instance.seated.fetch_sub(1, SeqCst);
        self.instance.changed.notify_one();
    }
}

impl Shared {
    pub(super) fn new(waiting: &Arc<Waiting>) -> Self {
        Self {
            instances: Mutex::default(),
            waiting: Arc::clone(waiting),
        }
    }

    pub(super) fn start(
        &self,
        runtime: &Runtime<Wasi03>,
        pre: &ServicePre<State<Wasi03>>,
        reuse: Reuse,
        invocation: &Arc<Invocation>,
        request: http::Request<WasiBody>,
        computing: Handle,
    ) -> Started {
        let instance = self.join(reuse).unwrap_or_else(|| {
            let (instance, jobs) = Instance::new(reuse);
            self.instances().push(Arc::clone(&instance));
            let task = instance.live(runtime, pre, jobs, invocation, &self.waiting);
            tokio::spawn(Metered {
                task: Some(task),
                instance: Arc::clone(&instance),
                computing: Some(computing),
            });
            instance
        });
        instance.call(invocation, request)
    }

    /// A seat in one of this thread that has room: to wake another thread costs more than an instance.
    fn join(&self, reuse: Reuse) -> Option<Arc<Instance>> {
        let mut instances = self.instances();
        instances.retain(|instance| !instance.is_closed());
        let here = thread::current().id();
        let mut of_here = instances
            .iter()
            .filter(|instance| instance.thread == here && instance.reuse == reuse);
        of_here.find(|instance| instance.try_sit()).cloned()
    }

    fn instances(&self) -> MutexGuard<'_, Vec<Arc<Instance>>> {
        self.instances
            .lock()
            .expect("nobody panics while holding it")
    }
}

impl Instance {
    /// With one seat taken.
    fn new(reuse: Reuse) -> (Arc<Self>, mpsc::UnboundedReceiver<Job>) {
        let (jobs, taken) = mpsc::unbounded_channel();
        let instance = Self {
            reuse,
            thread: thread::current().id(),
            jobs,
            taken: AtomicU32::new(1),
            seated: AtomicU32::new(1),
            closed: AtomicBool::new(false),
            changed: Notify::new(),
            calls: Mutex::default(),
            unattended_ns: Mutex::new(0),
        };
        (Arc::new(instance), taken)
    }

    fn is_closed(&self) -> bool {
        self.closed.load(SeqCst) || self.taken.load(SeqCst) >= self.reuse.requests
    }

    fn try_sit(&self) -> bool {
        let below = |max: u32| move |count: u32| (count < max).then(|| count + 1);
        if self.closed.load(SeqCst)
            || self
                .seated
                .fetch_update(SeqCst, SeqCst, below(self.reuse.concurrency))
                .is_err()
        {
            return false;
        }
        let taken = self
            .taken
            .fetch_update(SeqCst, SeqCst, below(self.reuse.requests));
        if taken.is_err() {
            self.seated.fetch_sub(1, SeqCst);
        }
        taken.is_ok()
    }

    /// Hands a call over that has a seat.
    fn call(
        self: Arc<Self>,
        invocation: &Arc<Invocation>,
        request: http::Request<WasiBody>,
    ) -> Started {
        let returned = Arc::new(AtomicBool::new(false));
        let (head, response) = oneshot::channel();
        let (say_returned, over) = oneshot::channel();
        {
            let mut calls = self.calls();
            calls.retain(|call| call.strong_count() > 0);
            calls.push(Arc::downgrade(invocation));
        }
        let job = Job {
            invocation: Arc::clone(invocation),
            request,
            head,
            returned: say_returned,
        };
        // One that has just ended lets the job fall, and says why by that.
        let _ = self.jobs.send(job);
        invocation.hold(Box::new(Seat {
            instance: self,
            returned: Arc::clone(&returned),
        }));
        let invocation = Arc::clone(invocation);
        let guest = async move {
            match over.await {
                Ok(()) => returned.store(true, SeqCst),
                Err(_) if invocation.failure().is_some() => {}
                Err(_) => {
                    let error = format_err!("the instance that the call shared has ended");
                    Ended::tell(&invocation, &Ended::at(Phase::Running)(error));
                }
            }
        };
        Started {
            guest: Box::pin(guest),
            response,
            is_shared: true,
        }
    }

    /// Its whole life, with the first of its calls to be billed for instantiation.
    fn live(
        self: &Arc<Self>,
        runtime: &Runtime<Wasi03>,
        pre: &ServicePre<State<Wasi03>>,
        mut jobs: mpsc::UnboundedReceiver<Job>,
        first: &Arc<Invocation>,
        waiting: &Arc<Waiting>,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let current = Current::new(first);
        let mut store = runtime.store(&current, state::wasi(&current));
        let watched = Arc::downgrade(self);
        state::watch(&mut store, move || {
            watched
                .upgrade()
                .is_none_or(|instance| instance.is_exceeded())
        });
        let (instance, pre, waiting) = (Arc::clone(self), pre.clone(), Arc::clone(waiting));
        Box::pin(async move {
            let lived = async {
                let service = pre
                    .instantiate_async(&mut store)
                    .await
                    .map_err(Ended::at(Phase::Instantiating))?;
                instance
                    .take_calls(
                        &mut store,
                        &Proxy::P3(service),
                        &current,
                        &mut jobs,
                        &waiting,
                    )
                    .await
                    .map_err(Ended::at(Phase::Running))
            };
            let lived = lived.await;
            instance.closed.store(true, SeqCst);
            if let Err(ended) = lived {
                // Before the store goes, and with it the bodies' other ends: who reads them asks why.
                let calls: Vec<_> = instance.calls().iter().filter_map(Weak::upgrade).collect();
                for call in calls {
                    Ended::tell(&call, &ended);
                }
            }
        })
    }

    async fn take_calls(
        &self,
        store: &mut Store<State<Wasi03>>,
        proxy: &Proxy,
        current: &Current,
        jobs: &mut mpsc::UnboundedReceiver<Job>,
        waiting: &Arc<Waiting>,
    ) -> wasmtime::Result<()> {
        let looped = store.run_concurrent(async |accessor| {
            let mut running = FuturesUnordered::new();
            let mut idle: Option<(Instant, Stay)> = None;
            loop {
                let seated = self.seated.load(SeqCst) > 0;
                if !seated && self.is_closed() {
                    return Ok(());
                }
                if seated {
                    idle = None;
                } else if idle.is_none() {
                    let Some(stay) = waiting.stay() else {
                        return Ok(());
                    };
                    let until = Duration::from_secs(self.reuse.idle_seconds.into());
                    idle = Some((Instant::now() + until, stay));
                }
                let gone = async {
                    match &idle {
                        Some((until, _)) => sleep_until(*until).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    Some(ended) = running.next(), if !running.is_empty() => ended?,
                    Some(job) = jobs.recv() => {
                        current.set(&job.invocation);
                        running.push(one(accessor, proxy, job));
                    }
                    () = self.changed.notified() => {}
                    () = gone => {
                        self.closed.store(true, SeqCst);
                    }
                }
            }
        });
        looped.await.and_then(|inner| inner)
    }

    /// Whether one of the calls, or what goes on without any, has used more than it may.
    fn is_exceeded(&self) -> bool {
        let calls: Vec<_> = self.calls().iter().filter_map(Weak::upgrade).collect();
        match calls.len() {
            0 => Duration::from_nanos(*self.unattended()) > LITTLE,
            _ => calls.iter().any(|call| call.usage.meter.is_exceeded()),
        }
    }

    /// Divides what a poll has used.
    fn bill(&self, ns: u64) {
        let calls: Vec<_> = self.calls().iter().filter_map(Weak::upgrade).collect();
        let Some(each) = ns.checked_div(calls.len() as u64) else {
            *self.unattended() += ns;
            return;
        };
        *self.unattended() = 0;
        for call in calls {
            call.usage.meter.add(each);
        }
    }

    fn calls(&self) -> MutexGuard<'_, Vec<Weak<Invocation>>> {
        self.calls.lock().expect("nobody panics while holding it")
    }

    fn unattended(&self) -> MutexGuard<'_, u64> {
        self.unattended_ns
            .lock()
            .expect("nobody panics while holding it")
    }
}

/// One call, until the guest has returned. An error ends the instance.
async fn one(accessor: &Accessor<State<Wasi03>>, proxy: &Proxy, job: Job) -> wasmtime::Result<()> {
    let (head, mut given) = oneshot::channel();
    let prepared = accessor.with(|mut store| {
        let view = <State<Wasi03> as WasiHttpView>::http;
        Prepared::new(store.as_context_mut(), proxy, job.request, view, head)
    })?;
    prepared.run(accessor, std::future::pending()).await?;
    match given.try_recv() {
        Ok(Some(Err(error))) if error.is::<Trap>() => Err(error),
        Ok(Some(given)) => {
            // Nobody may be waiting any more.
            let _ = job.head.send(given);
            let _ = job.returned.send(());
            Ok(())
        }
        Ok(None) | Err(_) => Err(format_err!("the instance lost a response")),
    }
}

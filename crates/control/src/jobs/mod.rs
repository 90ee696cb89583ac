//! Background work of the control plane: compile, activate, reseal, sweep. Ids in, the world re-read,
//! the same effect however often it runs.
//!
//! A job belongs to whoever renews its lease. One that failed for our own reasons is tried again
//! later and later; what is wrong with a tenant's module is told to the tenant at once.

mod activate;
mod compile;
mod progress;
mod reseal;
mod sweep;
mod tend;
mod workers;

use std::time::Duration;

use domain::{DeploymentId, TenantId, VersionId};
use store::jobs::{self, Job, Kind, LEASE_SECONDS};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{Error, Platform};

/// Fallback for a lost notification, and how soon a postponed job is seen to be due.
const POLL: Duration = Duration::from_secs(1);
/// A job that failed for our reasons this often is given up: about an hour.
const MOST_FAILURES: i32 = 20;
/// What a stop leaves running jobs; then they are given back, to be run from their beginning.
const STOP_GRACE: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: f64 = 300.0;

/// What became of a job that did not fail for our own reasons.
enum Done {
    Finished,
    /// What it waits for is not there; somebody may wake it before.
    Later(Duration),
    /// Not to be tried again, for this reason.
    Refused(String),
}

/// Runs jobs until `stop`, then lets those that run finish.
pub async fn run(p: &Platform, stop: &CancellationToken) {
    // A compile takes a core; more at a time would take the requests'.
    let compiling = lane(p, &[Kind::Compile], 1, stop);
    let others = lane(p, &[Kind::Activate, Kind::Reseal, Kind::Sweep], 4, stop);
    tokio::join!(compiling, others, tend::tend(p, stop));
}

/// Runs jobs of some kinds, `width` at a time.
async fn lane(p: &Platform, kinds: &[Kind], width: usize, stop: &CancellationToken) {
    let mut running = JoinSet::new();
    let mut signal = p.feed.jobs();
    let mut away = false;
    while !stop.is_cancelled() {
        while running.try_join_next().is_some() {}
        if running.len() < width {
            signal.mark_unchanged();
            match claim(p, kinds).await {
                Ok(Some(job)) => {
                    running.spawn(work(p.clone(), job, stop.clone()));
                    continue;
                }
                Ok(None) => away = false,
                Err(error) => {
                    if !away {
                        let error = anyhow::Error::from(error);
                        tracing::warn!("jobs cannot be read, trying again: {error:#}");
                    }
                    away = true;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(_) = running.join_next() => {}
            _ = signal.changed(), if running.len() < width => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn claim(p: &Platform, kinds: &[Kind]) -> Result<Option<Job>, Error> {
    let mut tx = p.db.platform().await?;
    let job = jobs::claim(&mut tx, kinds, engine::TAG).await?;
    tx.commit().await?;
    Ok(job)
}

async fn work(p: Platform, job: Job, stop: CancellationToken) {
    let stopped = async {
        stop.cancelled().await;
        tokio::time::sleep(STOP_GRACE).await;
    };
    let done = tokio::select! {
        done = perform(&p, &job) => done,
        () = stopped => Ok(Done::Later(Duration::ZERO)),
        () = keep_lease(&p, &job) => {
            tracing::warn!(job = %job.id, kind = job.kind.name(), "the job's lease was lost, another runs it");
            return;
        }
    };
    if let Err(error) = &done {
        let (kind, failures) = (job.kind.name(), job.failures + 1);
        let error = describe(error);
        tracing::error!(job = %job.id, kind, failures, "a job failed: {error}");
    }
    if let Err(error) = settle(&p, &job, done).await {
        // Its lease runs out, and somebody runs it again.
        tracing::warn!(job = %job.id, "a job's end could not be written: {}", describe(&error));
    }
}

async fn perform(p: &Platform, job: &Job) -> Result<Done, Error> {
    if job.failures >= MOST_FAILURES && job.kind != Kind::Sweep {
        let broke = anyhow::anyhow!("it broke off {} times", job.failures);
        return Err(Error::Internal(broke));
    }
    match job.kind {
        Kind::Compile => compile::run(p, VersionId::from_uuid(job.subject)).await,
        Kind::Activate => activate::run(p, DeploymentId::from_uuid(job.subject)).await,
        Kind::Reseal => reseal::run(p, TenantId::from_uuid(job.subject)).await,
        Kind::Sweep => sweep::run(p).await,
    }
}

/// Ends when the lease is lost.
async fn keep_lease(p: &Platform, job: &Job) {
    let mut since = tokio::time::Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs_f64(LEASE_SECONDS / 4.0)).await;
        match renew(p, job).await {
            Ok(true) => since = tokio::time::Instant::now(),
            Ok(false) => return,
            // With the database away nobody else can have it, until the lease ends.
            Err(_) if since.elapsed().as_secs_f64() < LEASE_SECONDS => {}
            Err(_) => return,
        }
    }
}

async fn renew(p: &Platform, job: &Job) -> Result<bool, Error> {
    let mut tx = p.db.platform().await?;
    let renewed = jobs::renew(&mut tx, job).await?;
    tx.commit().await?;
    Ok(renewed)
}

async fn settle(p: &Platform, job: &Job, done: Result<Done, Error>) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    match done {
        Ok(Done::Finished) => jobs::finish(&mut tx, job).await?,
        Ok(Done::Later(wait)) => jobs::postpone(&mut tx, job, wait.as_secs_f64()).await?,
        Ok(Done::Refused(reason)) => jobs::refuse(&mut tx, job, &reason).await?,
        Err(error) if job.failures < MOST_FAILURES || job.kind == Kind::Sweep => {
            let backoff = 2_f64.powi(job.failures.min(10)).min(LONGEST_BACKOFF);
            jobs::retry(&mut tx, job, backoff, &describe(&error)).await?;
        }
        Err(_) => {
            match job.kind {
                Kind::Compile => {
                    compile::give_up(&mut tx, VersionId::from_uuid(job.subject)).await?;
                }
                Kind::Activate => {
                    activate::give_up(p, &mut tx, DeploymentId::from_uuid(job.subject)).await?;
                }
                // The keys before stay as long as something is sealed by them.
                Kind::Reseal | Kind::Sweep => {}
            }
            jobs::finish(&mut tx, job).await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

/// With its causes, in one line.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

//! The `job` table: background work, leased to whoever runs it. Time here is the database's own, so
//! that API servers whose clocks differ agree on a lease.

use domain::{JobId, TenantId, Timestamp, VersionId};
use uuid::Uuid;

use crate::{Connection, Result};

/// The channel that tells runners of a job that is due.
pub const CHANNEL: &str = "atoll_job";
/// A runner that says nothing for this long has lost its job to the next.
pub const LEASE_SECONDS: f64 = 30.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Compiles a version's module.
    Compile,
    /// Carries a deployment to the workers.
    Activate,
    /// Deletes what expired and starts again what was lost.
    Sweep,
    /// Seals a tenant's secrets under the newest keys.
    Reseal,
}

#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub kind: Kind,
    pub subject: Uuid,
    /// Counts how often it was taken: a number that grew since means that the job was lost.
    pub attempts: i32,
    /// How often in a row it failed before, for reasons of our own.
    pub failures: i32,
    pub run_at: Timestamp,
}

/// A job that is there already stays as it is.
pub async fn enqueue(
    db: &mut Connection,
    tenant: Option<TenantId>,
    kind: Kind,
    subject: Uuid,
    engine_tag: &str,
) -> Result<()> {
    sqlx::query!(
        "with enqueued as (
             insert into job (job_id, kind, subject, engine_tag, tenant_id) values ($1, $2, $3, $4, $5)
                 on conflict do nothing
         )
         select pg_notify($6, '')",
        JobId::generate().uuid(),
        kind as Kind,
        subject,
        engine_tag,
        tenant.map(TenantId::uuid),
        CHANNEL,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Takes the next due job of these kinds that this build can do.
pub async fn claim(db: &mut Connection, kinds: &[Kind], engine_tag: &str) -> Result<Option<Job>> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.name().to_owned()).collect();
    sqlx::query_as!(
        Job,
        r#"update job
              set lease_until = now() + make_interval(secs => $3), attempts = attempts + 1,
                  -- A lease that ran out is a runner that broke down.
                  failures = failures + (lease_until is not null)::integer
            where job_id = (
                  select job_id from job
                   where run_at <= now() and (lease_until is null or lease_until < now())
                     and kind = any($1) and engine_tag in ('', $2)
                   order by run_at
                   limit 1
                     for update skip locked)
            returning job_id as "id: JobId", kind as "kind: Kind", subject, attempts, failures, run_at"#,
        &kinds,
        engine_tag,
        LEASE_SECONDS,
    )
    .fetch_optional(db)
    .await
}

/// `false` where the lease was lost: somebody else runs the job.
pub async fn renew(db: &mut Connection, job: &Job) -> Result<bool> {
    let renewed = sqlx::query!(
        "update job set lease_until = now() + make_interval(secs => $3)
          where job_id = $1 and attempts = $2 and lease_until is not null",
        job.id.uuid(),
        job.attempts,
        LEASE_SECONDS,
    )
    .execute(db)
    .await?;
    Ok(renewed.rows_affected() > 0)
}

pub async fn finish(db: &mut Connection, job: &Job) -> Result<()> {
    sqlx::query!(
        "delete from job where job_id = $1 and attempts = $2",
        job.id.uuid(),
        job.attempts,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the job back after a failure.
pub async fn retry(db: &mut Connection, job: &Job, after_seconds: f64, error: &str) -> Result<()> {
    sqlx::query!(
        "update job
            set lease_until = null, failures = failures + 1, last_error = $4,
                run_at = now() + make_interval(secs => $3)
          where job_id = $1 and attempts = $2",
        job.id.uuid(),
        job.attempts,
        after_seconds,
        error,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives the job back because what it waits for is not there yet. [`wake`] ends the wait, also one
/// that came since the job was taken.
pub async fn postpone(db: &mut Connection, job: &Job, after_seconds: f64) -> Result<()> {
    sqlx::query!(
        "update job
            set lease_until = null, failures = 0,
                run_at = case when run_at > $4 then run_at else now() + make_interval(secs => $3) end
          where job_id = $1 and attempts = $2",
        job.id.uuid(),
        job.attempts,
        after_seconds,
        job.run_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a job due that waits.
pub async fn wake(db: &mut Connection, kind: Kind, subject: Uuid) -> Result<()> {
    sqlx::query!(
        "with woken as (
             update job set run_at = now() where kind = $1 and subject = $2
         )
         select pg_notify($3, '')",
        kind as Kind,
        subject,
        CHANNEL,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Keeps the job as a note that it is not to be done again, and why.
pub async fn refuse(db: &mut Connection, job: &Job, reason: &str) -> Result<()> {
    sqlx::query!(
        "update job set lease_until = null, run_at = 'infinity', last_error = $3
          where job_id = $1 and attempts = $2",
        job.id.uuid(),
        job.attempts,
        reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Why this version is not compiled for that engine, if the compiler said so.
pub async fn refusal(
    db: &mut Connection,
    version: VersionId,
    engine_tag: &str,
) -> Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select coalesce(last_error, '') as "reason!" from job
            where kind = 'compile' and subject = $1 and engine_tag = $2 and run_at = 'infinity'"#,
        version.uuid(),
        engine_tag,
    )
    .fetch_optional(db)
    .await
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Standing {
    /// It is to run, now or at its time.
    Waiting,
    Running,
    /// It failed when it ran last, and is tried again.
    Failing,
    /// The compiler said no for good.
    Refused,
}

/// A job as an operator sees it.
#[derive(Clone, Debug)]
pub struct Told {
    pub id: JobId,
    pub kind: Kind,
    pub subject: Uuid,
    pub engine_tag: String,
    pub tenant: Option<TenantId>,
    pub state: Standing,
    /// Absent where it is not to run again.
    pub run_at: Option<Timestamp>,
    pub attempts: i32,
    pub failures: i32,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

/// By id, those after `after`.
pub async fn list(
    db: &mut Connection,
    state: Option<Standing>,
    after: Option<JobId>,
    limit: i64,
) -> Result<Vec<Told>> {
    sqlx::query_as!(
        Told,
        r#"select job_id as "id: JobId", kind as "kind: Kind", subject, engine_tag, tenant_id as "tenant: TenantId",
                  standing as "state!: Standing", nullif(run_at, 'infinity') as run_at, attempts, failures,
                  last_error, created_at
             from job, lateral (
                  select case when lease_until > now() then 'running'
                              when run_at = 'infinity' then 'refused'
                              when failures > 0 then 'failing'
                              else 'waiting' end as standing) stands
            where ($1::text is null or standing = $1) and ($2::uuid is null or job_id > $2)
            order by job_id
            limit $3"#,
        state as _,
        after.map(JobId::uuid),
        limit,
    )
    .fetch_all(db)
    .await
}

pub async fn find(db: &mut Connection, job: JobId) -> Result<Option<Told>> {
    sqlx::query_as!(
        Told,
        r#"select job_id as "id: JobId", kind as "kind: Kind", subject, engine_tag,
                  tenant_id as "tenant: TenantId",
                  case when lease_until > now() then 'running'
                       when run_at = 'infinity' then 'refused'
                       when failures > 0 then 'failing'
                       else 'waiting' end as "state!: Standing",
                  nullif(run_at, 'infinity') as run_at, attempts, failures, last_error, created_at
             from job
            where job_id = $1
              for update"#,
        job.uuid(),
    )
    .fetch_optional(db)
    .await
}

/// Makes it due, as if it had never failed.
pub async fn run_now(db: &mut Connection, job: JobId) -> Result<()> {
    sqlx::query!(
        "with due as (
             update job set run_at = now(), failures = 0, lease_until = null where job_id = $1
         )
         select pg_notify($2, '')",
        job.uuid(),
        CHANNEL,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Jobs about versions and deployments that were deleted.
pub async fn delete_pointless(db: &mut Connection) -> Result<u64> {
    let deleted = sqlx::query!(
        "delete from job j
          where (j.lease_until is null or j.lease_until < now())
            and (j.kind = 'compile' and not exists (select from version v where v.version_id = j.subject)
              or j.kind = 'activate' and not exists (select from deployment d where d.deployment_id = j.subject))",
    )
    .execute(db)
    .await?;
    Ok(deleted.rows_affected())
}

/// Jobs that are due or running; what a test waits for.
pub async fn unfinished(db: &mut Connection) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from job where run_at <= now() + interval '1 minute'"#
    )
    .fetch_one(db)
    .await
}

/// Writes the jobs again of versions and deployments that wait for one and have none.
pub async fn restore_lost(db: &mut Connection, engine_tag: &str) -> Result<u64> {
    let compile = sqlx::query!(
        "insert into job (job_id, kind, subject, engine_tag, tenant_id)
         select gen_random_uuid(), 'compile', v.version_id, $1, v.tenant_id
           from version v
          where v.state = 'compiling' and v.created_at < now() - interval '1 minute'
            and not exists (select from job j where j.kind = 'compile' and j.subject = v.version_id)
             on conflict do nothing",
        engine_tag,
    )
    .execute(&mut *db)
    .await?;
    let activate = sqlx::query!(
        "insert into job (job_id, kind, subject, tenant_id)
         select gen_random_uuid(), 'activate', d.deployment_id, d.tenant_id
           from deployment d
           join operation o on o.operation_id = d.operation_id
          where d.created_at < now() - interval '1 minute'
            and (d.state = 'preparing' or o.state in ('pending', 'running'))
            and not exists (select from job j where j.kind = 'activate' and j.subject = d.deployment_id)
             on conflict do nothing",
    )
    .execute(db)
    .await?;
    Ok(compile.rows_affected() + activate.rows_affected())
}

/// Takes over compile jobs that no API server of their build has touched: the build is gone.
pub async fn adopt_strays(db: &mut Connection, engine_tag: &str) -> Result<u64> {
    let adopted = sqlx::query!(
        "update job j set engine_tag = $1, run_at = now()
          where j.engine_tag not in ('', $1) and j.run_at < now() - interval '10 minutes'
            and (j.lease_until is null or j.lease_until < now())
            and not exists (select from job k
                             where k.kind = j.kind and k.subject = j.subject and k.engine_tag = $1)",
        engine_tag,
    )
    .execute(db)
    .await?;
    Ok(adopted.rows_affected())
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::Compile, Self::Activate, Self::Sweep];

    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::Activate => "activate",
            Self::Sweep => "sweep",
            Self::Reseal => "reseal",
        }
    }
}

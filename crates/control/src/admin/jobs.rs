//! The control plane's background work: what waits, what fails and why, and another try.

use domain::{
    DeploymentId, JobId, VersionId,
    page::{Page, PageRequest},
};
use serde_json::json;
use store::jobs::{self, Kind};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
};

pub use store::jobs::{Standing, Told};

/// The typed id of what a job is about; none where there is one of its kind.
pub fn subject(job: &Told) -> Option<String> {
    match job.kind {
        Kind::Compile => Some(VersionId::from_uuid(job.subject).to_string()),
        Kind::Activate => Some(DeploymentId::from_uuid(job.subject).to_string()),
        Kind::Sweep | Kind::Reseal => None,
    }
}

/// By id. What is done is no longer a job.
pub async fn list(
    p: &Platform,
    _: &Operator,
    state: Option<Standing>,
    page: &PageRequest,
) -> Result<Page<Told>, Error> {
    let cursor = page.cursor.as_deref().map(str::parse::<JobId>).transpose();
    let after = cursor.map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = p.db.platform().await?;
    let found = jobs::list(&mut tx, state, after, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |job| job.id.to_string()))
}

/// Makes it due at once, as if it had never failed: for after the cause was mended.
pub async fn retry(p: &Platform, by: &Operator, job: JobId) -> Result<Told, Error> {
    let mut tx = p.db.platform().await?;
    let before = jobs::find(&mut tx, job).await?;
    let before = before.ok_or(Error::NotFound("job"))?;
    if before.state == Standing::Running {
        return Err(Error::Conflict("the job runs at this moment".to_owned()));
    }
    jobs::run_now(&mut tx, job).await?;
    let change = Change {
        action: "job.retried",
        subject: job.to_string(),
        before: json!({ "kind": before.kind.name(), "failures": before.failures, "error": before.last_error }),
        after: json!({ "failures": 0 }),
    };
    // What it failed of is the platform's affair, whosever job it is.
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    let after = jobs::find(&mut tx, job).await?;
    tx.commit().await?;
    after.ok_or(Error::NotFound("job"))
}

//! `/v1/admin/jobs`

use axum::extract::State;
use control::{
    Platform,
    admin::jobs::{self, Standing, Told},
};
use domain::{JobId, TenantId, page::Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Operator, &[PAGE], routes!(list))
        .add(Need::Operator, &[&[Code::Conflict]], routes!(retry))
}

#[derive(Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It is to run, now or at its time.
    Waiting,
    Running,
    /// It failed when it ran last, and is tried again.
    Failing,
    /// The compiler said no for good.
    Refused,
}

/// Background work of the control plane that is not done.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub struct JobView {
    id: JobId,
    /// `compile`, `activate`, `sweep`, `reseal`.
    kind: &'static str,
    /// The id of what it is about, `ver_…` or `dep_…`; null where there is one of its kind.
    subject: Option<String>,
    /// The build of the engine that can do it; empty where any can.
    engine_tag: String,
    tenant: Option<TenantId>,
    state: JobState,
    /// Null where it is not to run again.
    #[serde(with = "time::serde::rfc3339::option")]
    run_at: Option<time::OffsetDateTime>,
    /// How often it was taken.
    attempts: i32,
    /// How often in a row it failed.
    failures: i32,
    last_error: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Those that stand so.
    #[param(inline)]
    state: Option<JobState>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfJob {
    /// The job's `job_…` id.
    job: JobId,
}

/// Background work that is not done
#[utoipa::path(
    get, path = "/v1/admin/jobs", tag = "admin", operation_id = "admin_list_jobs", params(ListQuery),
    responses((status = 200, description = "A page of it", body = Page<JobView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let state = query.state.map(Standing::from);
    let page = jobs::list(&platform, &operator, state, &page).await?;
    Ok(Json(page.map(JobView::from)))
}

/// Runs a job at once, as if it had never failed
#[utoipa::path(
    post, path = "/v1/admin/jobs/{job}/retry", tag = "admin", operation_id = "admin_retry_job", params(OfJob),
    responses((status = 200, description = "The job as it is now", body = JobView))
)]
async fn retry(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfJob>,
) -> Result<Json<JobView>, Problem> {
    let job = jobs::retry(&platform, &operator, of.job).await?;
    Ok(Json(job.into()))
}

impl From<JobState> for Standing {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => Self::Waiting,
            JobState::Running => Self::Running,
            JobState::Failing => Self::Failing,
            JobState::Refused => Self::Refused,
        }
    }
}

impl From<Told> for JobView {
    fn from(job: Told) -> Self {
        Self {
            id: job.id,
            kind: job.kind.name(),
            subject: jobs::subject(&job),
            engine_tag: job.engine_tag,
            tenant: job.tenant,
            state: match job.state {
                Standing::Waiting => JobState::Waiting,
                Standing::Running => JobState::Running,
                Standing::Failing => JobState::Failing,
                Standing::Refused => JobState::Refused,
            },
            run_at: job.run_at,
            attempts: job.attempts,
            failures: job.failures,
            last_error: job.last_error,
            created_at: job.created_at,
        }
    }
}

//! `/v1/tenants/{tenant}/functions/{function}/metrics`

use std::collections::BTreeMap;

use axum::extract::State;
use control::{
    Platform, Viewer,
    telemetry::metrics::{self, Figures, Metrics, Step, Wanted},
};
use domain::{Role, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, Path, Query, SpanQuery},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::LogsRead);
    Routes::default().add(viewer, &[PAGE], routes!(show))
}

#[derive(Serialize, ToSchema)]
struct MetricsView {
    /// What was asked for, widened to whole steps of UTC.
    #[serde(with = "time::serde::rfc3339")]
    since: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    until: time::OffsetDateTime,
    step: StepName,
    total: FiguresView,
    /// The steps that had invocations, oldest first.
    points: Vec<PointView>,
}

#[derive(Serialize, ToSchema)]
struct PointView {
    /// Where the step begins.
    #[serde(with = "time::serde::rfc3339")]
    at: time::OffsetDateTime,
    #[serde(flatten)]
    figures: FiguresView,
}

#[derive(Serialize, ToSchema)]
struct FiguresView {
    invocations: u64,
    /// Failures told by the platform, and responses of 500 or more.
    errors: u64,
    /// How many ended how: `responded`, `caller_gone`, or the code of a failure.
    outcomes: BTreeMap<String, u64>,
    /// How many were told which status, `2xx`; `none` where the caller had gone.
    status_classes: BTreeMap<String, u64>,
    cpu_us: u64,
    wall_us: u64,
    /// Estimated from counts of times, none of which is kept; null without invocations.
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    request_bytes: u64,
    response_bytes: u64,
    outbound_requests: u64,
    peak_memory_bytes: u64,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepName {
    #[default]
    Minute,
    Hour,
    Day,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct MetricsQuery {
    /// `minute`, `hour` or `day`; `minute` unless told.
    #[serde(default)]
    step: StepName,
    /// The number of a version; all unless told.
    version: Option<i32>,
    /// RFC 3339; an hour, a day or 30 days before `until` unless told, as the step is.
    since: Option<String>,
    /// RFC 3339; now unless told.
    until: Option<String>,
}

/// Exact counts of invocations, and estimates of how long they took
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/metrics", tag = "observability",
    operation_id = "show_metrics", params(InFunction, MetricsQuery),
    responses((status = 200, description = "Totals, and a point for each step", body = MetricsView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<MetricsView>, Problem> {
    let wanted = Wanted {
        step: query.step.into(),
        version: query.version,
        span: SpanQuery::new(query.since, query.until).span()?,
    };
    let metrics = metrics::get(&platform, &viewer, &at.function, wanted).await?;
    Ok(Json(MetricsView::new(metrics, query.step)))
}

impl MetricsView {
    fn new(metrics: Metrics, step: StepName) -> Self {
        let points = metrics.points.into_iter();
        Self {
            since: metrics.since,
            until: metrics.until,
            step,
            total: metrics.total.into(),
            points: points
                .map(|(at, figures)| PointView {
                    at,
                    figures: figures.into(),
                })
                .collect(),
        }
    }
}

impl From<Figures> for FiguresView {
    fn from(figures: Figures) -> Self {
        let ms = |share| figures.wall_ms(share);
        let class = |(&class, &count): (&u8, &u64)| match class {
            0 => ("none".to_owned(), count),
            hundreds => (format!("{hundreds}xx"), count),
        };
        Self {
            p50_ms: ms(0.50),
            p95_ms: ms(0.95),
            p99_ms: ms(0.99),
            invocations: figures.invocations,
            errors: figures.errors,
            status_classes: figures.status_classes.iter().map(class).collect(),
            cpu_us: figures.cpu_us,
            wall_us: figures.wall_us,
            request_bytes: figures.request_bytes,
            response_bytes: figures.response_bytes,
            outbound_requests: figures.outbound_requests,
            peak_memory_bytes: figures.peak_memory_bytes,
            outcomes: figures.outcomes,
        }
    }
}

impl From<StepName> for Step {
    fn from(step: StepName) -> Self {
        match step {
            StepName::Minute => Self::Minute,
            StepName::Hour => Self::Hour,
            StepName::Day => Self::Day,
        }
    }
}

//! Probes: whether the process lives, and whether it can do its work. Both at the root too, where
//! load balancers look for them.

use axum::extract::State;
use control::{Platform, health};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use http::Method;

use crate::{
    body::Json,
    problem::Problem,
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Anybody, &[], routes!(lives))
        .add(Need::Anybody, &[], routes!(ready))
        .internal(Need::Anybody, Method::GET, "/healthz", lives)
        .internal(Need::Anybody, Method::GET, "/readyz", ready)
}

#[derive(Serialize, ToSchema)]
struct HealthView {
    /// `ok`
    status: &'static str,
}

const OK: HealthView = HealthView { status: "ok" };

/// Whether the process answers
#[utoipa::path(
    get, path = "/v1/healthz", tag = "platform", operation_id = "show_health",
    responses((status = 200, description = "It does", body = HealthView))
)]
async fn lives() -> Json<HealthView> {
    Json(OK)
}

/// Whether the database and the object store are reachable
#[utoipa::path(
    get, path = "/v1/readyz", tag = "platform", operation_id = "show_readiness",
    responses((status = 200, description = "They are", body = HealthView))
)]
async fn ready(State(platform): State<Platform>) -> Result<Json<HealthView>, Problem> {
    health::ready(&platform).await?;
    Ok(Json(OK))
}

//! `…/limits` of a tenant and of a function: how high each is, what is used of it, and who set it.

use axum::extract::State;
use control::{
    Platform, Viewer,
    limits::{self, Figure, Source},
};
use domain::{
    Role, Scope,
    rest::limits::{FunctionLimitsView, LimitSource, LimitView, TenantLimitsView},
};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, Path},
    problem::Problem,
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    let of_tenant = Need::Member(Role::Viewer, Scope::TenantRead);
    let of_function = Need::Member(Role::Viewer, Scope::FunctionsRead);
    Routes::default()
        .add(of_tenant, &[], routes!(tenant))
        .add(of_function, &[], routes!(function))
}

/// What the tenant may have and has
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/limits", tag = "limits", operation_id = "list_tenant_limits",
    responses((status = 200, description = "Its limits", body = TenantLimitsView))
)]
async fn tenant(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
) -> Result<Json<TenantLimitsView>, Problem> {
    let found = limits::of_tenant(&platform, &viewer).await?;
    Ok(Json(TenantLimitsView {
        plan: found.plan,
        limits: views(found.limits),
        function_limits: views(found.function_limits),
    }))
}

/// What a function may have and has: the lower of its own limit and its plan's
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/limits", tag = "limits",
    operation_id = "list_function_limits", params(InFunction),
    responses((status = 200, description = "Its limits", body = FunctionLimitsView))
)]
async fn function(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
) -> Result<Json<FunctionLimitsView>, Problem> {
    let found = limits::of_function(&platform, &viewer, &at.function).await?;
    Ok(Json(FunctionLimitsView {
        limits: views(found),
    }))
}

fn views(figures: Vec<Figure>) -> Vec<LimitView> {
    let views = figures.into_iter().map(|figure| LimitView {
        name: figure.name.to_owned(),
        limit: figure.limit,
        used: figure.used,
        source: match figure.source {
            Source::Plan => LimitSource::Plan,
            Source::Function => LimitSource::Function,
            Source::Platform => LimitSource::Platform,
        },
    });
    views.collect()
}

//! `/v1/tenants/{tenant}/variables` and `…/functions/{function}/variables`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Admin, Developer, Platform, Viewer,
    configuration::{Followed, Holder},
    variables::{self, Shown},
};
use domain::{
    Role, Scope,
    rest::configuration::{ChangeVariables, FollowedView, VariablesChanged, VariablesView},
};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, Path},
    problem::Problem,
    revision::{IfMatch, etag},
    routes::{BODY, CONFIGURED, Need, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsWrite);
    let admin = Need::Member(Role::Admin, Scope::FunctionsWrite);
    let change = &[BODY, REVISION, CONFIGURED];
    Routes::default()
        .add(viewer, &[], routes!(show_of_tenant))
        .add(admin, change, routes!(change_of_tenant))
        .add(viewer, &[], routes!(show_of_function))
        .add(developer, change, routes!(change_of_function))
}

/// The variables that all functions of the tenant have
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/variables", tag = "configuration", operation_id = "show_tenant_variables",
    responses((status = 200, description = "All of them", body = VariablesView))
)]
async fn show_of_tenant(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
) -> Result<Response, Problem> {
    Ok(shown(variables::show(&platform, &viewer, None).await?))
}

/// Sets variables for all functions of the tenant, and takes some away
///
/// A version keeps what it was made with: of each deployed version that the change concerns another is made.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/variables", tag = "configuration", operation_id = "change_tenant_variables",
    responses((status = 200, description = "As they are now", body = VariablesChanged))
)]
async fn change_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    IfMatch(revision): IfMatch,
    Json(body): Json<ChangeVariables>,
) -> Result<Response, Problem> {
    change(&platform, Holder::Tenant(&admin), body, revision).await
}

/// The variables of a function, without those that it has from its tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/variables", tag = "configuration",
    operation_id = "show_variables", params(InFunction),
    responses((status = 200, description = "All of them", body = VariablesView))
)]
async fn show_of_function(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
) -> Result<Response, Problem> {
    let found = variables::show(&platform, &viewer, Some(&at.function)).await?;
    Ok(shown(found))
}

/// Sets variables of a function, and takes some away
///
/// A version keeps what it was made with: of each deployed version that the change concerns another is made.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/functions/{function}/variables", tag = "configuration",
    operation_id = "change_variables", params(InFunction),
    responses((status = 200, description = "As they are now", body = VariablesChanged))
)]
async fn change_of_function(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    IfMatch(revision): IfMatch,
    Json(body): Json<ChangeVariables>,
) -> Result<Response, Problem> {
    let holder = Holder::Function(&developer, &at.function);
    change(&platform, holder, body, revision).await
}

async fn change(
    platform: &Platform,
    holder: Holder<'_>,
    body: ChangeVariables,
    revision: i64,
) -> Result<Response, Problem> {
    let changed = variables::change(platform, holder, body.variables, body.deploy, revision);
    let (now, followed) = changed.await?;
    let view = VariablesChanged {
        variables: now.variables,
        versions: followed.into_iter().map(self::followed).collect(),
    };
    Ok((etag(now.revision), Json(view)).into_response())
}

fn shown(found: Shown) -> Response {
    let view = VariablesView {
        variables: found.variables,
    };
    (etag(found.revision), Json(view)).into_response()
}

pub(crate) fn followed(made: Followed) -> FollowedView {
    FollowedView {
        function: made.function,
        from: made.from,
        version: made.version,
        operation: made.operation,
    }
}

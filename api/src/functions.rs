//! `/v1/tenants/{tenant}/functions`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Developer, Platform, Viewer,
    functions::{self, FunctionOverview, Patch},
};
use domain::{
    FunctionName, Role, Scope,
    page::Page,
    rest::functions::{CreateFunction, FunctionView, UpdateFunction},
};
use http::{StatusCode, header};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsWrite);
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(
            developer,
            &[BODY, &[Code::Taken, Code::QuotaExceeded]],
            routes!(create),
        )
        .add(viewer, &[], routes!(show))
        .add(developer, &[BODY, REVISION], routes!(update))
        .add(developer, &[REVISION], routes!(delete))
}

/// The functions of a tenant, by name
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions", tag = "functions", operation_id = "list_functions",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<FunctionView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<FunctionView>>, Problem> {
    let page = functions::list(&platform, &viewer, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Creates a function; it answers once a version is deployed
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions", tag = "functions", operation_id = "create_function",
    responses((status = 201, description = "The function, at its `Location`", body = FunctionView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Json(body): Json<CreateFunction>,
) -> Result<Response, Problem> {
    let name = FunctionName::parse(&body.name)?;
    let patch = Patch {
        description: body.description,
        access: body.access,
        enabled: body.enabled,
        limits: body.limits.unwrap_or_default().into(),
        allowed_outbound_hosts: body.allowed_outbound_hosts,
        reuse: body.reuse.map(Some),
    };
    let made = functions::create(&platform, &developer, name, patch).await?;
    let location = format!(
        "/v1/tenants/{}/functions/{}",
        developer.slug, made.function.name
    );
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// One function
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}", tag = "functions",
    operation_id = "show_function", params(InFunction),
    responses((status = 200, description = "The function, with its `ETag`", body = FunctionView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
) -> Result<impl IntoResponse, Problem> {
    let function = functions::get(&platform, &viewer, &at.function).await?;
    Ok(shown(function))
}

/// Changes what the body names
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/functions/{function}", tag = "functions",
    operation_id = "update_function", params(InFunction),
    responses((status = 200, description = "The function as it is now", body = FunctionView))
)]
async fn update(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateFunction>,
) -> Result<impl IntoResponse, Problem> {
    let patch = Patch {
        description: body.description,
        access: body.access,
        enabled: body.enabled,
        limits: body.limits.unwrap_or_default().into(),
        allowed_outbound_hosts: body.allowed_outbound_hosts,
        reuse: body.reuse,
    };
    let function = functions::update(&platform, &developer, &at.function, patch, revision).await?;
    Ok(shown(function))
}

/// Deletes a function with its versions and deployments
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/functions/{function}", tag = "functions",
    operation_id = "delete_function", params(InFunction),
    responses((status = 204, description = "It is gone; its URL answers 404"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    functions::delete(&platform, &developer, &at.function, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(overview: FunctionOverview) -> impl IntoResponse {
    (etag(overview.function.revision), Json(view(overview)))
}

pub(crate) fn view(overview: FunctionOverview) -> FunctionView {
    let function = overview.function;
    FunctionView {
        id: function.id,
        name: function.name,
        url: overview.url,
        description: function.description,
        access: function.access,
        enabled: function.enabled,
        limits: function.limits,
        allowed_outbound_hosts: function.allowed_outbound_hosts,
        reuse: function.reuse,
        traffic: overview.traffic,
        live_deployment: function.live,
        latest_version: overview.latest_version,
        created_at: function.created_at,
        updated_at: function.updated_at,
    }
}

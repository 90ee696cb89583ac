//! `/v1/tenants/{tenant}/routes`: the tenant's, not those of this API, which `routes` registers.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Developer, Platform, Viewer,
    routes::{self, NewRoute, Patch, Route},
};
use domain::{
    AliasName, DomainName, PathPattern, Problems, Role, RouteId, Scope,
    page::Page,
    rest::routes::{CreateRoute, RouteView, UpdateRoute},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::RoutesRead);
    let developer = Need::Member(Role::Developer, Scope::RoutesWrite);
    let conflicts = &[Code::RouteConflict, Code::Conflict];
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(developer, &[BODY, conflicts], routes!(create))
        .add(viewer, &[], routes!(show))
        .add(developer, &[BODY, REVISION, conflicts], routes!(update))
        .add(developer, &[REVISION], routes!(delete))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InRoute {
    /// The route's `rte_…` id.
    route: RouteId,
}

/// The routes of a tenant, in the order they were made
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/routes", tag = "routes", operation_id = "list_routes",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<RouteView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RouteView>>, Problem> {
    let page = routes::list(&platform, &viewer, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Leads a path to a function
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/routes", tag = "routes", operation_id = "create_route",
    responses((status = 201, description = "The route, at its `Location`", body = RouteView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Json(body): Json<CreateRoute>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let path = problems.keep("path", PathPattern::parse(&body.path));
    let host = host(&mut problems, body.host);
    let alias = alias(&mut problems, body.alias);
    let (Some(path), true) = (path, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    let new = NewRoute {
        host,
        path,
        function: body.function,
        alias,
    };
    let made = routes::create(&platform, &developer, new).await?;
    let location = format!("/v1/tenants/{}/routes/{}", developer.slug, made.id);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// One route
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/routes/{route}", tag = "routes", operation_id = "show_route",
    params(InRoute),
    responses((status = 200, description = "The route, with its `ETag`", body = RouteView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InRoute>,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(routes::get(&platform, &viewer, at.route).await?))
}

/// Changes a route
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/routes/{route}", tag = "routes", operation_id = "update_route",
    params(InRoute),
    responses((status = 200, description = "The route as it is now", body = RouteView))
)]
async fn update(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InRoute>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateRoute>,
) -> Result<impl IntoResponse, Problem> {
    let mut problems = Problems::default();
    let path = body.path.as_deref().map(PathPattern::parse);
    let patch = Patch {
        path: path.and_then(|path| problems.keep("path", path)),
        host: body.host.map(|text| host(&mut problems, text)),
        alias: body.alias.map(|text| alias(&mut problems, text)),
        function: body.function,
    };
    problems.into_result()?;
    let after = routes::update(&platform, &developer, at.route, patch, revision).await?;
    Ok(shown(after))
}

/// Deletes a route; its function stays
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/routes/{route}", tag = "routes", operation_id = "delete_route",
    params(InRoute),
    responses((status = 204, description = "The path leads where the other routes say"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InRoute>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    routes::delete(&platform, &developer, at.route, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn host(problems: &mut Problems, text: Option<String>) -> Option<DomainName> {
    problems.keep("host", DomainName::parse(&text?))
}

fn alias(problems: &mut Problems, text: Option<String>) -> Option<AliasName> {
    problems.keep("alias", AliasName::parse(&text?))
}

fn shown(route: Route) -> impl IntoResponse {
    (etag(route.revision), Json(view(route)))
}

fn view(route: Route) -> RouteView {
    RouteView {
        id: route.id,
        host: route.host,
        path: route.path,
        function: route.function,
        function_name: route.function_name,
        alias: route.alias,
        created_at: route.created_at,
        updated_at: route.updated_at,
    }
}

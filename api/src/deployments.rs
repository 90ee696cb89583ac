//! `/v1/tenants/{tenant}/functions/{function}/deployments` and `/rollback`

use axum::extract::State;
use control::{Deployment, Developer, Platform, Viewer, deployments};
use domain::{
    Role, Scope,
    page::Page,
    rest::{
        deployments::{CreateDeployment, DeploymentView, RollBack},
        operations::OperationView,
    },
};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    operations::Accepted,
    params::{InFunction, PageQuery, Path, Query},
    problem::{Code, Problem},
    routes::{BODY, Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsDeploy);
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(developer, &[BODY, &[Code::Conflict]], routes!(create))
        .add(developer, &[BODY, &[Code::Conflict]], routes!(roll_back))
}

/// The deployments of a function, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/deployments", tag = "deployments",
    operation_id = "list_deployments", params(InFunction, PageQuery),
    responses((status = 200, description = "A page of them", body = Page<DeploymentView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DeploymentView>>, Problem> {
    let page = deployments::list(&platform, &viewer, &at.function, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Gives versions the function's traffic, once every worker has loaded them
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/deployments", tag = "deployments",
    operation_id = "create_deployment", params(InFunction),
    responses((status = 202, description = "The operation to follow, at its `Location`", body = OperationView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Json(body): Json<CreateDeployment>,
) -> Result<Accepted, Problem> {
    let (_, operation) = deployments::create(
        &platform,
        &developer,
        &at.function,
        body.traffic,
        body.message,
    )
    .await?;
    Ok(Accepted(operation))
}

/// Deploys again what was live before
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/rollback", tag = "deployments",
    operation_id = "roll_back", params(InFunction),
    responses((status = 202, description = "The operation to follow, at its `Location`", body = OperationView))
)]
async fn roll_back(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Json(body): Json<RollBack>,
) -> Result<Accepted, Problem> {
    let (_, operation) =
        deployments::roll_back(&platform, &developer, &at.function, body.message).await?;
    Ok(Accepted(operation))
}

fn view(deployment: Deployment) -> DeploymentView {
    DeploymentView {
        id: deployment.id,
        traffic: deployment.traffic,
        state: deployment.state,
        error: deployment.error,
        message: deployment.message,
        author: deployment.author,
        author_name: deployment.author_name,
        rollback: deployment.rollback,
        operation: deployment.operation,
        created_at: deployment.created_at,
        live_at: deployment.live_at,
    }
}

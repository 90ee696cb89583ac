//! `/v1/tenants/{tenant}/examples`: the prebuilt function that a newcomer deploys with one call.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{Developer, Platform, examples};
use domain::{
    Role, Scope,
    rest::{functions::FunctionView, operations::OperationView},
};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    functions,
    operations::{self, location},
    problem::{Code, Problem},
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    let developer = Need::Member(Role::Developer, Scope::FunctionsDeploy);
    Routes::default().add(developer, &[&[Code::Conflict]], routes!(create))
}

#[derive(Serialize, ToSchema)]
struct ExampleView {
    function: FunctionView,
    /// Its first deployment.
    operation: OperationView,
}

/// Makes a function `hello` and deploys it
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/examples", tag = "functions", operation_id = "deploy_example",
    responses((status = 202, description = "The function, and the operation to follow at its `Location`", body = ExampleView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
) -> Result<Response, Problem> {
    let (function, operation) = examples::deploy(&platform, &developer).await?;
    let location = [(header::LOCATION, location(operation.id))];
    let view = ExampleView {
        function: functions::view(function),
        operation: operations::view(operation),
    };
    Ok((StatusCode::ACCEPTED, location, Json(view)).into_response())
}

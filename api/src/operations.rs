//! `/v1/operations/{operation}`: what outlasts a request, to be polled until its state is final.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{Operation, Platform, operations};
use domain::{OperationId, Scope, rest::operations::OperationView};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::Caller,
    body::Json,
    params::Path,
    problem::{Code, Problem},
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().add(
        Need::Scope(Scope::FunctionsRead),
        &[&[Code::Invalid]],
        routes!(show),
    )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InOperation {
    /// The operation's id.
    operation: String,
}

/// The progress of an operation
#[utoipa::path(
    get, path = "/v1/operations/{operation}", tag = "operations", operation_id = "show_operation",
    params(InOperation),
    responses((status = 200, description = "The operation", body = OperationView))
)]
async fn show(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Path(at): Path<InOperation>,
) -> Result<Json<OperationView>, Problem> {
    let id = at.operation.parse::<OperationId>();
    let id = id.map_err(|problem| problem.at("operation"))?;
    let operation = operations::get(&platform, &actor, id).await?;
    Ok(Json(view(operation)))
}

/// 202 with the operation and where to follow it.
pub(crate) struct Accepted(pub(crate) Operation);

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        let location = [(header::LOCATION, location(self.0.id))];
        let view = Json(view(self.0));
        (StatusCode::ACCEPTED, location, view).into_response()
    }
}

pub(crate) fn location(operation: OperationId) -> String {
    format!("/v1/operations/{operation}")
}

pub(crate) fn view(operation: Operation) -> OperationView {
    OperationView {
        id: operation.id,
        kind: operation.kind,
        state: operation.state,
        steps: operation.steps,
        error: operation.error,
        created_at: operation.created_at,
        updated_at: operation.updated_at,
    }
}

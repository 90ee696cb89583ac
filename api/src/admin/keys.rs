//! `/v1/admin/keys`

use axum::extract::State;
use control::{
    Platform,
    vault::{self, Rotation},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    problem::Problem,
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().add(Need::Operator, &[], routes!(rotate))
}

#[derive(Serialize, ToSchema)]
#[schema(as = KeyRotation)]
pub struct RotationView {
    /// The number of the new serving key.
    serving_key: i32,
    /// Tenants whose secrets are sealed anew, by a job for each.
    tenants: usize,
}

/// Makes new keys of everything that is sealed
///
/// Secrets keep their values, and functions go on. Jobs seal anew what rests under older keys; those go once nothing is
/// sealed by them.
#[utoipa::path(
    post, path = "/v1/admin/keys/rotate", tag = "admin", operation_id = "admin_rotate_keys",
    responses((status = 202, description = "What was begun", body = RotationView))
)]
async fn rotate(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
) -> Result<(StatusCode, Json<RotationView>), Problem> {
    let begun = vault::rotate(&platform, &operator).await?;
    Ok((StatusCode::ACCEPTED, Json(begun.into())))
}

impl From<Rotation> for RotationView {
    fn from(rotation: Rotation) -> Self {
        Self {
            serving_key: rotation.serving_key,
            tenants: rotation.tenants,
        }
    }
}

//! `/v1/tenants/{tenant}/uploads`: a module is looked at before it becomes a version.

use axum::{
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use control::{Developer, Member, Platform, Upload, Viewer, uploads};
use domain::{Digest, Role, Scope, UploadId, report::ImportReport};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::As,
    body::{self, Json},
    params::Path,
    problem::Problem,
    routes::{MODULE, Need, Routes},
};

pub(crate) const WASM: &str = "application/wasm";

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsDeploy);
    Routes::default()
        .add(developer, &[MODULE], routes!(create))
        .add(viewer, &[], routes!(show))
}

/// A module that was taken in and may become a version.
#[derive(Serialize, ToSchema)]
struct UploadView {
    id: UploadId,
    digest: Digest,
    size_bytes: i64,
    report: ImportReport,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    /// When it is forgotten, unless a version was made of it.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: time::OffsetDateTime,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InUpload {
    /// The upload's id.
    upload: String,
}

/// Takes a module in and reports what it is and asks for
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/uploads", tag = "uploads", operation_id = "create_upload",
    request_body(content = Vec<u8>, content_type = "application/wasm"),
    responses((status = 201, description = "The upload, at its `Location`", body = UploadView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    request: Request,
) -> Result<Response, Problem> {
    let upload = receive(&platform, &developer, request).await?;
    let location = format!("/v1/tenants/{}/uploads/{}", developer.slug, upload.id);
    let location = [(header::LOCATION, location)];
    let view = Json(UploadView::from(upload));
    Ok((StatusCode::CREATED, location, view).into_response())
}

/// One upload and its report
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/uploads/{upload}", tag = "uploads", operation_id = "show_upload",
    params(InUpload),
    responses((status = 200, description = "The upload", body = UploadView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InUpload>,
) -> Result<Json<UploadView>, Problem> {
    let id = at.upload.parse::<UploadId>();
    let id = id.map_err(|problem| problem.at("upload"))?;
    let upload = uploads::get(&platform, &viewer, id).await?;
    Ok(Json(upload.into()))
}

/// Streams the body of a request into an upload.
pub(crate) async fn receive(
    platform: &Platform,
    by: &Member<Developer>,
    request: Request,
) -> Result<Upload, Problem> {
    if !is_wasm(request.headers()) {
        return Err(body::unsupported(WASM, request.headers()));
    }
    body::refuse_encoded(request.headers())?;
    let declared = body::declared_length(request.headers());
    let stream = request.into_body().into_data_stream();
    Ok(uploads::receive(platform, by, declared, stream).await?)
}

pub(crate) fn is_wasm(headers: &HeaderMap) -> bool {
    body::media_type(headers) == WASM
}

impl From<Upload> for UploadView {
    fn from(upload: Upload) -> Self {
        Self {
            id: upload.id,
            digest: upload.digest,
            size_bytes: upload.bytes,
            report: upload.report,
            created_at: upload.created_at,
            expires_at: upload.expires_at,
        }
    }
}

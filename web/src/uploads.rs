//! `…/upload`: a file arrives, its import report is shown, and a version is made of it.

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Multipart, State, multipart::Field},
    http::{HeaderMap, header::CONTENT_LENGTH},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{Developer, Error, Member, Platform, Upload, functions};
use domain::{Invalid, UploadId};
use serde::Deserialize;
use tokio::time::{Duration, Instant, timeout_at};

use crate::{
    csrf::{self, UNREADABLE},
    errors::{self, Result},
    extract::{As, Path, Query, Visit},
    format,
    forms::{self, Faults},
    frame::Frame,
    function_page::Heading,
    page::Page,
    report::ReportView,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants/{tenant}/functions/{function}/upload", get(show))
        .route(
            "/tenants/{tenant}/functions/{function}/uploads",
            post(create),
        )
        // The verb that takes the file has the cap.
        .layer(DefaultBodyLimit::disable())
}

#[derive(Template)]
#[template(path = "uploads/show.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    next_version: i32,
    max_bytes: u64,
    draft: Option<Draft>,
    request_id: String,
    faults: Faults,
}

struct Draft {
    id: UploadId,
    digest: String,
    size: String,
    report: ReportView,
}

impl From<Upload> for Draft {
    fn from(upload: Upload) -> Self {
        Self {
            id: upload.id,
            digest: upload.digest.to_string(),
            size: format::bytes(upload.bytes.unsigned_abs()),
            report: ReportView::new(&upload.report),
        }
    }
}

#[derive(Deserialize)]
struct Chosen {
    upload: Option<String>,
}

async fn show(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Query(chosen): Query<Chosen>,
) -> Result<Page<Show>> {
    let upload = match chosen.upload {
        Some(id) => {
            let id = id.parse().map_err(|_| Error::NotFound("upload"))?;
            let member = developer.as_viewer();
            Some(control::uploads::get(&platform, &member, id).await?)
        }
        None => None,
    };
    let faults = Faults::default();
    page(&platform, &developer, visit, &function, upload, faults).await
}

async fn page(
    platform: &Platform,
    developer: &Member<Developer>,
    visit: Visit,
    function: &str,
    upload: Option<Upload>,
    faults: Faults,
) -> Result<Page<Show>> {
    let overview = functions::get(platform, &developer.as_viewer(), function).await?;
    Ok(Page(Show {
        heading: Heading::new(developer, &overview, "upload"),
        next_version: overview.latest_version.unwrap_or(0) + 1,
        max_bytes: platform.config.upload_max_bytes,
        draft: upload.map(Draft::from),
        request_id: visit.request_id.clone(),
        faults,
        frame: Frame::in_tenant(platform, developer, visit, "functions").await?,
    }))
}

async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    headers: HeaderMap,
    csrf::Upload(mut parts): csrf::Upload,
) -> Result<Response> {
    let mut taken = Err(Invalid::new("module", "choose a .wasm file").into());
    while let Some(field) = parts.next_field().await.map_err(|_| UNREADABLE)? {
        if field.name() == Some("module") && field.file_name() != Some("") {
            taken = receive(&platform, &developer, &headers, field).await;
            break;
        }
    }
    match taken {
        Ok(upload) => {
            let next = format!(
                "/tenants/{}/functions/{function}/upload?upload={}",
                developer.slug, upload.id
            );
            Ok(Redirect::to(&next).into_response())
        }
        Err(error) => {
            drain(&mut parts).await;
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["module"])?;
            let page = page(&platform, &developer, visit, &function, None, faults).await?;
            Ok((status, page).into_response())
        }
    }
}

/// What a form adds around its file, at most.
const ENVELOPE_BYTES: u64 = 64 << 10;

pub(crate) async fn receive(
    platform: &Platform,
    developer: &Member<Developer>,
    headers: &HeaderMap,
    file: Field<'_>,
) -> Result<Upload, Error> {
    let declared = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok())
        .map(|length| length.saturating_sub(ENVELOPE_BYTES));
    control::uploads::receive(platform, developer, declared, file).await
}

/// Reads what still comes of a form whose answer is known: a browser shows the answer only once
/// it has sent everything, and says that the connection broke where it could not.
pub(crate) async fn drain(parts: &mut Multipart) {
    let end = Instant::now() + Duration::from_secs(60);
    let rest = async {
        while let Ok(Some(mut field)) = parts.next_field().await {
            while let Ok(Some(_)) = field.chunk().await {}
        }
    };
    // Whoever takes longer is cut off.
    let _ = timeout_at(end, rest).await;
}

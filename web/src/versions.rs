//! `…/versions`: made of an upload, listed, shown with their report, and downloaded as uploaded.

use askama::Template;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use control::{
    Developer, Error, Platform, Version, Viewer, deployments, functions,
    versions::{self, About, Created, Source},
};
use domain::{Timestamp, deployment::Share, version::VersionState};
use serde::Deserialize;

use crate::{
    csrf::Form,
    errors::Result,
    extract::{After, As, Path, Query, Visit},
    flash,
    format::{self, Mark, When},
    frame::Frame,
    function_page::Heading,
    page::Page,
    report::ReportView,
};

pub(crate) fn routes() -> Router<Platform> {
    let base = "/tenants/{tenant}/functions/{function}/versions";
    Router::new()
        .route(base, get(list).post(create))
        .route(&format!("{base}/{{number}}"), get(show))
        .route(&format!("{base}/{{number}}/module"), get(module))
}

/// A line of a table of versions.
pub(crate) struct VersionRow {
    pub(crate) number: i32,
    pub(crate) state: Mark,
    pub(crate) error: Option<String>,
    pub(crate) digest: String,
    pub(crate) digest_short: String,
    pub(crate) size: String,
    pub(crate) message: String,
    pub(crate) author: String,
    pub(crate) created: When,
    pub(crate) can_activate: bool,
}

impl VersionRow {
    pub(crate) fn new(version: &Version, traffic: &[Share], now: Timestamp) -> Self {
        let share = traffic
            .iter()
            .find(|share| i64::from(share.version) == i64::from(version.number));
        let state = match share {
            Some(_) => Mark::new("Live", "good"),
            None => version.state.into(),
        };
        Self {
            number: version.number,
            state,
            error: version.error.clone(),
            digest: version.digest.to_string(),
            digest_short: version.digest.short(),
            size: format::bytes(version.bytes.unsigned_abs()),
            message: version.message.clone(),
            author: format::author(version.author_name.as_deref()),
            created: When::new(version.created_at, now),
            can_activate: version.state != VersionState::Failed
                && share.is_none_or(|share| share.percent < 100),
        }
    }
}

#[derive(Template)]
#[template(path = "versions/list.html")]
struct List {
    frame: Frame,
    heading: Heading,
    versions: Vec<VersionRow>,
    next_cursor: Option<String>,
}

async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Query(after): Query<After>,
) -> Result<Page<List>> {
    let now = platform.clock.now();
    let overview = functions::get(&platform, &viewer, &function).await?;
    let versions = versions::list(&platform, &viewer, &function, &after.request()).await?;
    let rows = versions.items.iter();
    Ok(Page(List {
        heading: Heading::new(&viewer, &overview, "versions"),
        versions: rows
            .map(|version| VersionRow::new(version, &overview.traffic, now))
            .collect(),
        next_cursor: versions.next_cursor,
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

#[derive(Template)]
#[template(path = "versions/show.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    version: VersionRow,
    compiling: bool,
    compiled_in: Option<String>,
    report: ReportView,
}

async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Path((_, function, number)): Path<(String, String, i32)>,
) -> Result<Page<Show>> {
    let overview = functions::get(&platform, &viewer, &function).await?;
    let version = versions::get(&platform, &viewer, &function, number).await?;
    Ok(Page(Show {
        heading: Heading::new(&viewer, &overview, "versions"),
        version: VersionRow::new(&version, &overview.traffic, platform.clock.now()),
        compiling: version.state == VersionState::Compiling,
        compiled_in: version.compile_ms.map(|ms| format::millis(f64::from(ms))),
        report: ReportView::new(&version.report),
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

async fn module(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path((_, function, number)): Path<(String, String, i32)>,
) -> Result<Response> {
    let (version, bytes) = versions::module(&platform, &viewer, &function, number).await?;
    let overview = functions::get(&platform, &viewer, &function).await?;
    let file = format!("{}-v{number}.wasm", overview.function.name);
    let headers = [
        (CONTENT_TYPE, "application/wasm".to_owned()),
        (CONTENT_LENGTH, version.bytes.to_string()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file}\""),
        ),
    ];
    let body = futures::StreamExt::map(bytes, |chunk| {
        chunk.map_err(|error| std::io::Error::other(error.to_string()))
    });
    Ok((headers, Body::from_stream(body)).into_response())
}

#[derive(Deserialize)]
struct NewVersion {
    upload: String,
    #[serde(default)]
    message: String,
    /// Which button was pressed: `deploy`, or only `create`.
    #[serde(default)]
    then: String,
}

async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<NewVersion>,
) -> Result<Response> {
    let upload = form.upload.parse().map_err(|_| Error::NotFound("upload"))?;
    let message = form.message.trim().to_owned();
    let about = About {
        message: message.clone(),
        ..About::default()
    };
    let source = Source::Upload(upload);
    let made = versions::create(&platform, &developer, &function, source, about).await?;
    let (number, mut said) = match made {
        Created::New(version) => {
            let number = version.number;
            (number, format!("Version {number} is made."))
        }
        Created::Same(version) => {
            let number = version.number;
            (
                number,
                format!("Version {number} is of this very file and configuration; none was added."),
            )
        }
    };
    if form.then == "deploy" {
        let traffic = vec![Share {
            version: number.unsigned_abs(),
            percent: 100,
        }];
        deployments::create(&platform, &developer, &function, traffic, message).await?;
        said = format!("{said} It goes live once it is compiled and the workers have it.");
    }
    let address = format!("/tenants/{}/functions/{function}", developer.slug);
    Ok((flash::say(&platform, &said), Redirect::to(&address)).into_response())
}

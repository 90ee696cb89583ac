//! `…/deployments`: what answered and since when, making another version live, and going back.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{Deployment, Developer, Error, Platform, Viewer, deployments, functions};
use domain::{
    Timestamp,
    deployment::{DeploymentState, Share},
    page::PageRequest,
};
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
};

pub(crate) fn routes() -> Router<Platform> {
    let base = "/tenants/{tenant}/functions/{function}";
    Router::new()
        .route(&format!("{base}/deployments"), get(list).post(create))
        .route(&format!("{base}/rollback"), post(roll_back))
}

/// A line of the history.
pub(crate) struct DeploymentRow {
    pub(crate) traffic: String,
    pub(crate) state: Mark,
    pub(crate) rollback: bool,
    pub(crate) message: String,
    pub(crate) error: Option<String>,
    pub(crate) author: String,
    pub(crate) created: When,
}

impl DeploymentRow {
    pub(crate) fn new(deployment: &Deployment, now: Timestamp) -> Self {
        Self {
            traffic: format::traffic(&deployment.traffic),
            state: deployment.state.into(),
            rollback: deployment.rollback,
            message: deployment.message.clone(),
            error: deployment.error.clone(),
            author: format::author(deployment.author_name.as_deref()),
            created: When::new(deployment.live_at.unwrap_or(deployment.created_at), now),
        }
    }
}

/// What a rollback would make live: the last that was, before what is now.
pub(crate) fn roll_back_to(newest_first: &[Deployment]) -> Option<String> {
    newest_first
        .iter()
        .filter(|deployment| deployment.state == DeploymentState::Superseded)
        .filter_map(|deployment| Some((deployment.live_at?, deployment)))
        .max_by_key(|(live_at, _)| *live_at)
        .map(|(_, deployment)| format::traffic(&deployment.traffic))
}

#[derive(Template)]
#[template(path = "deployments/list.html")]
struct List {
    frame: Frame,
    heading: Heading,
    deployments: Vec<DeploymentRow>,
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
    let deployments = deployments::list(&platform, &viewer, &function, &after.request()).await?;
    let rows = deployments.items.iter();
    Ok(Page(List {
        heading: Heading::new(&viewer, &overview, "deployments"),
        deployments: rows
            .map(|deployment| DeploymentRow::new(deployment, now))
            .collect(),
        next_cursor: deployments.next_cursor,
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

#[derive(Deserialize)]
struct Activation {
    version: u32,
}

async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<Activation>,
) -> Result<Response> {
    let traffic = vec![Share {
        version: form.version,
        percent: 100,
    }];
    deployments::create(&platform, &developer, &function, traffic, String::new()).await?;
    let said = format!(
        "Version {} goes live once the workers have it. What is live now answers until then.",
        form.version
    );
    let address = format!("/tenants/{}/functions/{function}", developer.slug);
    Ok((flash::say(&platform, &said), Redirect::to(&address)).into_response())
}

#[derive(Deserialize)]
struct Rollback {
    /// What the button said.
    to: String,
    #[serde(default)]
    message: String,
}

async fn roll_back(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<Rollback>,
) -> Result<Response> {
    let page = PageRequest::default();
    let history = deployments::list(&platform, &developer.as_viewer(), &function, &page).await?;
    if roll_back_to(&history.items).as_ref() != Some(&form.to) {
        return Err(Error::Conflict(format!(
            "something was deployed since you opened the page, so {} is no longer what was live before; \
             go back, reload the page and look again",
            form.to
        ))
        .into());
    }
    let message = form.message.trim().to_owned();
    deployments::roll_back(&platform, &developer, &function, message).await?;
    let said = format!("Rolling back to {}.", form.to);
    let address = format!("/tenants/{}/functions/{function}", developer.slug);
    Ok((flash::say(&platform, &said), Redirect::to(&address)).into_response())
}

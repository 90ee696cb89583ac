//! `/tenants/{tenant}/functions/{function}`: what answers, how to call it, and how it got there.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use control::{
    Deployment, Member, Platform, Viewer, deployments,
    functions::{self, FunctionOverview},
    versions,
};
use domain::{Role, deployment::DeploymentState, page::PageRequest, version::VersionState};

use crate::{
    deployments::{DeploymentRow, roll_back_to},
    errors::Result,
    extract::{As, Path, Visit},
    figures::Activity,
    format::{self, Mark},
    frame::Frame,
    functions::state,
    invoke::TryForm,
    page::Page,
    progress::Progress,
    tenants,
    versions::VersionRow,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new().route("/tenants/{tenant}/functions/{function}", get(show))
}

/// The head of every page of a function.
pub(crate) struct Heading {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) state: Mark,
    pub(crate) can_edit: bool,
    /// Whether a call would be answered.
    pub(crate) is_live: bool,
    pub(crate) tab: &'static str,
}

impl Heading {
    pub(crate) fn new<R>(
        member: &Member<R>,
        overview: &FunctionOverview,
        tab: &'static str,
    ) -> Self {
        Self {
            slug: member.slug.to_string(),
            name: overview.function.name.to_string(),
            url: overview.url.clone(),
            state: state(overview),
            can_edit: member.role.includes(Role::Developer),
            is_live: overview.function.enabled && !overview.traffic.is_empty(),
            tab,
        }
    }

    /// The address of the function's pages.
    pub(crate) fn base(&self) -> String {
        format!("/tenants/{}/functions/{}", self.slug, self.name)
    }
}

#[derive(Template)]
#[template(path = "functions/show.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    description: String,
    curl: String,
    is_private: bool,
    live: String,
    /// Of the newest deployment.
    progress: Option<Progress>,
    roll_back_to: Option<String>,
    compiling: bool,
    versions: Vec<VersionRow>,
    deployments: Vec<DeploymentRow>,
    activity: Activity,
    form: TryForm,
}

impl Show {
    /// Whether the page will soon be another.
    fn is_moving(&self) -> bool {
        self.compiling || self.progress.as_ref().is_some_and(|progress| progress.runs)
    }
}

const RECENT: usize = 5;

async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
) -> Result<Page<Show>> {
    let now = platform.clock.now();
    let page = PageRequest::default();
    // What moves is read before what it changes: a page that says "done" shows the result too.
    let deployments = deployments::list(&platform, &viewer, &function, &page).await?;
    let progress = match deployments.items.first() {
        Some(newest) => Some(progress(&platform, &viewer, newest).await?),
        None => None,
    };
    let versions = versions::list(&platform, &viewer, &function, &page).await?;
    let overview = functions::get(&platform, &viewer, &function).await?;
    let recent = versions.items.iter().take(RECENT);
    Ok(Page(Show {
        heading: Heading::new(&viewer, &overview, "overview"),
        curl: curl(&platform, &overview.url),
        is_private: overview.function.access == domain::function::Access::Private,
        live: format::traffic(&overview.traffic),
        progress,
        roll_back_to: roll_back_to(&deployments.items),
        compiling: versions
            .items
            .iter()
            .any(|version| version.state == VersionState::Compiling),
        versions: recent
            .map(|version| VersionRow::new(version, &overview.traffic, now))
            .collect(),
        deployments: deployments
            .items
            .iter()
            .take(RECENT)
            .map(|deployment| DeploymentRow::new(deployment, now))
            .collect(),
        activity: Activity::read(&platform, &viewer, &function).await?,
        description: overview.function.description,
        form: TryForm::default(),
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

async fn progress(
    platform: &Platform,
    viewer: &Member<Viewer>,
    newest: &Deployment,
) -> Result<Progress> {
    let operation = control::operations::get(platform, &viewer.actor, newest.operation).await?;
    let waits = newest.state == DeploymentState::Preparing;
    Ok(Progress::new(newest, &operation, waits))
}

/// A command line that calls the function, with the development authority where there is one.
fn curl(platform: &Platform, url: &str) -> String {
    match tenants::development_ca(platform) {
        Some(path) if path.contains([' ', '\'', '"', '$', '\\']) => {
            format!("curl --cacert '{}' {url}", path.replace('\'', r"'\''"))
        }
        Some(path) => format!("curl --cacert {path} {url}"),
        None => format!("curl {url}"),
    }
}

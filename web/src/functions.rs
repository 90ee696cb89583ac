//! `/tenants/{tenant}/functions`: the list, and a new one, with its first file where there is one.

use askama::Template;
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use control::{
    Developer, Error, Member, Platform, Upload, Viewer,
    functions::{self, FunctionOverview, Patch},
};
use domain::{FunctionName, Invalid, Role, Timestamp};

use crate::{
    csrf::{self, UNREADABLE},
    errors::{self, Result},
    extract::{After, As, Query, Visit},
    format::{self, Mark, When},
    forms::{self, Faults},
    frame::Frame,
    page::Page,
    tenants, uploads,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants/{tenant}/functions", get(list))
        .route("/tenants/{tenant}/new-function", get(ask).post(create))
        // The verb that takes the file has the cap.
        .layer(DefaultBodyLimit::disable())
}

/// A line of a table of functions.
pub(crate) struct FunctionRow {
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) state: Mark,
    pub(crate) traffic: String,
    pub(crate) access: &'static str,
    pub(crate) updated: When,
}

impl FunctionRow {
    pub(crate) fn new(overview: FunctionOverview, now: Timestamp) -> Self {
        Self {
            name: overview.function.name.to_string(),
            state: state(&overview),
            traffic: format::traffic(&overview.traffic),
            access: format::access(overview.function.access),
            updated: When::new(overview.function.updated_at, now),
            url: overview.url,
        }
    }
}

/// What a caller of the function's URL meets.
pub(crate) fn state(overview: &FunctionOverview) -> Mark {
    if !overview.function.enabled {
        Mark::new("Disabled", "warn")
    } else if overview.traffic.is_empty() {
        Mark::new("Not deployed", "")
    } else {
        Mark::new("Live", "good")
    }
}

#[derive(Template)]
#[template(path = "functions/list.html")]
struct List {
    frame: Frame,
    slug: String,
    can_edit: bool,
    functions: Vec<FunctionRow>,
    next_cursor: Option<String>,
}

async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
    Query(after): Query<After>,
) -> Result<Page<List>> {
    let functions = functions::list(&platform, &viewer, &after.request()).await?;
    Ok(Page(List {
        slug: viewer.slug.to_string(),
        can_edit: viewer.role.includes(Role::Developer),
        next_cursor: functions.next_cursor,
        functions: tenants::rows(&platform, functions.items),
        frame: Frame::in_tenant(&platform, &viewer, visit, "functions").await?,
    }))
}

#[derive(Template)]
#[template(path = "functions/new.html")]
struct New {
    frame: Frame,
    slug: String,
    address: String,
    form: NewFunction,
    max_bytes: u64,
    request_id: String,
    faults: Faults,
}

#[derive(Default)]
struct NewFunction {
    name: String,
    description: String,
    /// What the file became, if it arrived.
    upload: Option<Upload>,
}

async fn ask(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
) -> Result<Page<New>> {
    let form = NewFunction::default();
    show(&platform, &developer, visit, form, Faults::default()).await
}

async fn show(
    platform: &Platform,
    developer: &Member<Developer>,
    visit: Visit,
    form: NewFunction,
    faults: Faults,
) -> Result<Page<New>> {
    let any = FunctionName::parse("name").expect("a label");
    Ok(Page(New {
        slug: developer.slug.to_string(),
        address: platform.function_url(&developer.slug, &any),
        form,
        max_bytes: platform.config.upload_max_bytes,
        request_id: visit.request_id.clone(),
        faults,
        frame: Frame::in_tenant(platform, developer, visit, "functions").await?,
    }))
}

async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    headers: HeaderMap,
    csrf::Upload(mut parts): csrf::Upload,
) -> Result<Response> {
    let mut form = NewFunction::default();
    let made = read_and_create(&platform, &developer, &headers, &mut parts, &mut form).await;
    let error = match made {
        Ok(overview) => {
            let base = format!(
                "/tenants/{}/functions/{}",
                developer.slug, overview.function.name
            );
            let next = match form.upload {
                Some(upload) => format!("{base}/upload?upload={}", upload.id),
                None => base,
            };
            return Ok(Redirect::to(&next).into_response());
        }
        Err(Refused::Form(error)) => error,
        Err(Refused::Page(problem)) => return Err(problem),
    };
    uploads::drain(&mut parts).await;
    let status = errors::status(&error);
    let faults = forms::mendable(error, &["name", "description"])?;
    let page = show(&platform, &developer, visit, form, faults).await?;
    Ok((status, page).into_response())
}

/// Told beside the form, or on a page of its own.
enum Refused {
    Form(Error),
    Page(errors::Problem),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Form(error)
    }
}

impl From<errors::Problem> for Refused {
    fn from(problem: errors::Problem) -> Self {
        Self::Page(problem)
    }
}

/// The file comes last, and is read only once the name before it will do: nothing is made of a
/// refused file, and nobody waits for a file to hear that a name is taken.
async fn read_and_create(
    platform: &Platform,
    developer: &Member<Developer>,
    headers: &HeaderMap,
    parts: &mut axum::extract::Multipart,
    form: &mut NewFunction,
) -> Result<FunctionOverview, Refused> {
    while let Some(field) = parts.next_field().await.map_err(|_| UNREADABLE)? {
        match field.name() {
            Some("name") => form.name = csrf::text(field).await?.trim().to_lowercase(),
            Some("description") => form.description = csrf::text(field).await?,
            Some("module") if field.file_name() != Some("") => {
                free_name(platform, developer, &form.name).await?;
                form.upload = Some(uploads::receive(platform, developer, headers, field).await?);
            }
            _ => {}
        }
    }
    let name = FunctionName::parse(&form.name).map_err(Error::from)?;
    let patch = Patch {
        description: Some(form.description.clone()),
        ..Patch::default()
    };
    Ok(functions::create(platform, developer, name, patch).await?)
}

async fn free_name(
    platform: &Platform,
    developer: &Member<Developer>,
    name: &str,
) -> Result<(), Error> {
    FunctionName::parse(name)?;
    match functions::get(platform, &developer.as_viewer(), name).await {
        Ok(_) => Err(Invalid::new("name", "a function of this name exists already").into()),
        Err(Error::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

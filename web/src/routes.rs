//! `/tenants/{tenant}/routes`: other paths than a function's name, and host names of the tenant's own.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{
    Admin, Developer, Error, Member, Platform, Viewer,
    domains::{self, Shown},
    functions, routes,
    routes::{NewRoute, Route},
};
use domain::{
    AliasName, DomainName, PathPattern, Problems, Role, RouteId, domain_name::DomainState,
    page::PageRequest,
};
use serde::Deserialize;

use crate::{
    csrf::{Form, Nothing},
    errors::{self, Result},
    extract::{As, Path, Visit},
    flash,
    format::{Mark, When},
    forms::{self, Faults},
    frame::Frame,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    let (routes, domains) = ("/tenants/{tenant}/routes", "/tenants/{tenant}/domains");
    Router::new()
        .route(routes, get(list).post(create))
        .route(&format!("{routes}/{{route}}/delete"), post(delete))
        .route(domains, post(add))
        .route(&format!("{domains}/{{domain}}/verify"), post(verify))
        .route(&format!("{domains}/{{domain}}/delete"), post(remove))
}

#[derive(Template)]
#[template(path = "routes/list.html")]
struct List {
    frame: Frame,
    slug: String,
    can_route: bool,
    can_add: bool,
    routes: Vec<Route>,
    domains: Vec<DomainRow>,
    /// Names to choose from.
    functions: Vec<String>,
    form: RouteForm,
    /// Of the domain to add.
    name: String,
    faults: Faults,
}

struct DomainRow {
    shown: Shown,
    challenge: String,
    /// In its own script, where that is another.
    unicode: Option<String>,
    state: Mark,
    proven: bool,
    seen: Vec<String>,
    checked: Option<When>,
    ends: Option<When>,
}

/// The fields as they were typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RouteForm {
    host: String,
    path: String,
    function: String,
    alias: String,
}

const ROUTE_FIELDS: &[&str] = &["path", "function", "host", "alias"];

impl RouteForm {
    fn parse(&self) -> Result<NewRoute, Problems> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut problems = Problems::default();
        let path = problems.keep("path", PathPattern::parse(self.path.trim()));
        let host = given(&self.host).map(|text| DomainName::parse(&text));
        let host = host.and_then(|host| problems.keep("host", host));
        let alias = given(&self.alias).map(|text| AliasName::parse(&text));
        let alias = alias.and_then(|alias| problems.keep("alias", alias));
        match path {
            Some(path) if problems.0.is_empty() => Ok(NewRoute {
                host,
                path,
                function: self.function.trim().to_owned(),
                alias,
            }),
            _ => Err(problems),
        }
    }
}

async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
) -> Result<Page<List>> {
    page(&platform, &viewer, visit, Faults::default()).await
}

async fn page<R>(
    platform: &Platform,
    member: &Member<R>,
    visit: Visit,
    faults: Faults,
) -> Result<Page<List>> {
    let viewer = member.as_viewer();
    // More than a tenant may have of either.
    let all = PageRequest {
        limit: Some(PageRequest::MAX_LIMIT),
        cursor: None,
    };
    let now = platform.clock.now();
    let domains = domains::list(platform, &viewer, &all).await?.items;
    let functions = functions::list(platform, &viewer, &all).await?.items;
    Ok(Page(List {
        slug: member.slug.to_string(),
        can_route: member.role.includes(Role::Developer),
        can_add: member.role.includes(Role::Admin),
        routes: routes::list(platform, &viewer, &all).await?.items,
        domains: domains.into_iter().map(|shown| row(shown, now)).collect(),
        functions: functions
            .into_iter()
            .map(|found| found.function.name.to_string())
            .collect(),
        form: RouteForm::default(),
        name: String::new(),
        faults,
        frame: Frame::in_tenant(platform, member, visit, "routes").await?,
    }))
}

fn row(shown: Shown, now: domain::Timestamp) -> DomainRow {
    let domain = &shown.domain;
    let unicode = domain.name.unicode();
    DomainRow {
        challenge: domain.name.challenge(),
        unicode: Some(unicode).filter(|unicode| unicode != domain.name.as_str()),
        state: match domain.state {
            DomainState::Pending => Mark::new("Pending", ""),
            DomainState::Verified => Mark::new("Verified", "good"),
            DomainState::Failing => Mark::new("Failing", "warn"),
        },
        proven: domain.seen.contains(&shown.proof),
        seen: domain
            .seen
            .iter()
            .filter(|seen| **seen != shown.proof)
            .cloned()
            .collect(),
        checked: domain.last_checked_at.map(|at| When::new(at, now)),
        ends: shown.served_until.map(|at| When::new(at, now)),
        shown,
    }
}

async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Form(form): Form<RouteForm>,
) -> Result<Response> {
    let created = match form.parse() {
        Ok(new) => routes::create(&platform, &developer, new).await,
        Err(problems) => Err(problems.into()),
    };
    match created {
        Ok(route) => Ok(done(
            &platform,
            &developer,
            &format!("{} leads to {} now.", route.path, route.function_name),
        )),
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, ROUTE_FIELDS)?;
            let mut page = page(&platform, &developer, visit, faults).await?;
            page.0.form = form;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct InRoute {
    route: RouteId,
}

#[derive(Deserialize)]
struct InDomain {
    domain: String,
}

#[derive(Deserialize)]
struct Revision {
    revision: i64,
}

async fn delete(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path(at): Path<InRoute>,
    Form(form): Form<Revision>,
) -> Result<Response> {
    let deleted = routes::delete(&platform, &developer, at.route, form.revision).await;
    told(
        &platform,
        &developer,
        visit,
        deleted,
        "The route is deleted.",
    )
    .await
}

#[derive(Deserialize)]
struct DomainForm {
    #[serde(default)]
    name: String,
}

async fn add(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    visit: Visit,
    Form(form): Form<DomainForm>,
) -> Result<Response> {
    let added = match DomainName::parse(&form.name) {
        Ok(name) => domains::create(&platform, &admin, name).await,
        Err(problem) => Err(problem.into()),
    };
    match added {
        Ok(shown) => {
            let said = format!(
                "{} is added: make the TXT record, then verify it.",
                shown.domain.name
            );
            Ok(done(&platform, &admin, &said))
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["name"])?;
            let mut page = page(&platform, &admin, visit, faults).await?;
            page.0.name = form.name;
            Ok((status, page).into_response())
        }
    }
}

async fn verify(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(at): Path<InDomain>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    let shown = domains::verify(&platform, &admin, &at.domain).await?;
    let said = match (shown.domain.state, shown.domain.problem) {
        (_, Some(problem)) => format!("{}: {problem}.", shown.domain.name),
        (_, None) => format!("{} is verified.", shown.domain.name),
    };
    Ok(done(&platform, &admin, &said))
}

async fn remove(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    visit: Visit,
    Path(at): Path<InDomain>,
    Form(form): Form<Revision>,
) -> Result<Response> {
    let removed = domains::delete(&platform, &admin, &at.domain, form.revision).await;
    told(&platform, &admin, visit, removed, "The domain is deleted.").await
}

/// Of a button whose refusal stands above the lists.
async fn told<R>(
    platform: &Platform,
    member: &Member<R>,
    visit: Visit,
    result: Result<(), Error>,
    said: &str,
) -> Result<Response> {
    match result {
        Ok(()) => Ok(done(platform, member, said)),
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &[])?;
            let page = page(platform, member, visit, faults).await?;
            Ok((status, page).into_response())
        }
    }
}

fn done<R>(platform: &Platform, member: &Member<R>, said: &str) -> Response {
    let address = format!("/tenants/{}/routes", member.slug);
    (flash::say(platform, said), Redirect::to(&address)).into_response()
}

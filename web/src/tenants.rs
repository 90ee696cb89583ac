//! `/tenants`: the choice of a tenant, making one, and the page it opens on.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{Developer, Platform, Viewer, examples, functions::FunctionOverview, tenants};
use domain::{FunctionName, Problems, Role, TenantSlug, page::PageRequest};
use serde::Deserialize;

use crate::{
    csrf::{Form, Nothing},
    errors::{self, Result},
    extract::{After, As, Query, SignedIn, Visit},
    flash, format,
    forms::{self, Faults},
    frame::Frame,
    functions::FunctionRow,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants", get(list).post(create))
        .route("/tenants/new", get(ask))
        .route("/tenants/{tenant}", get(overview))
        .route("/tenants/{tenant}/example", post(deploy_example))
}

/// `https://your-tenant.localhost:8443/your-function`, for those who choose the names.
pub(crate) fn address_pattern(platform: &Platform) -> String {
    let tenant = TenantSlug::parse("your-slug").expect("a label");
    let function = FunctionName::parse("your-function").expect("a label");
    platform.function_url(&tenant, &function)
}

#[derive(Template)]
#[template(path = "tenants/list.html")]
struct List {
    frame: Frame,
    tenants: Vec<Row>,
    next_cursor: Option<String>,
}

struct Row {
    slug: String,
    name: String,
    role: &'static str,
    /// Where it is deleted: until when it can be restored.
    until: Option<String>,
}

async fn list(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Query(from): Query<After>,
) -> Result<Page<List>> {
    let tenants = tenants::list(&platform, &actor, &from.request()).await?;
    let rows = tenants.items.into_iter().map(|(tenant, role)| Row {
        until: tenants::purge_at(&tenant).map(format::day),
        slug: tenant.slug.to_string(),
        name: tenant.name,
        role: role_word(role),
    });
    Ok(Page(List {
        frame: Frame::of(&platform, &actor, visit).await?,
        tenants: rows.collect(),
        next_cursor: tenants.next_cursor,
    }))
}

pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Billing => "Billing",
        Role::Viewer => "Viewer",
        Role::Developer => "Developer",
        Role::Admin => "Admin",
        Role::Owner => "Owner",
    }
}

#[derive(Template)]
#[template(path = "tenants/new.html")]
struct New {
    frame: Frame,
    form: NewTenant,
    address: String,
    faults: Faults,
}

#[derive(Default, Deserialize)]
struct NewTenant {
    #[serde(default)]
    tenant_name: String,
    #[serde(default)]
    slug: String,
}

impl NewTenant {
    fn parse(&self) -> Result<(TenantSlug, String), Problems> {
        let mut problems = Problems::default();
        let name = self.tenant_name.trim().to_owned();
        if name.is_empty() {
            problems.push("tenant_name", "give the tenant a name");
        }
        let slug = problems.keep("slug", TenantSlug::parse(self.slug.trim()));
        problems.clone().into_result()?;
        slug.map(|slug| (slug, name)).ok_or(problems)
    }
}

async fn ask(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
) -> Result<Page<New>> {
    Ok(Page(New {
        frame: Frame::of(&platform, &actor, visit).await?,
        form: NewTenant::default(),
        address: address_pattern(&platform),
        faults: Faults::default(),
    }))
}

async fn create(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Form(form): Form<NewTenant>,
) -> Result<Response> {
    let made = match form.parse() {
        Ok((slug, name)) => tenants::create(&platform, &actor, slug, name).await,
        Err(problems) => Err(problems.into()),
    };
    let error = match made {
        Ok(tenant) => {
            return Ok(Redirect::to(&format!("/tenants/{}", tenant.slug)).into_response());
        }
        Err(error) => error,
    };
    let status = errors::status(&error);
    let page = New {
        frame: Frame::of(&platform, &actor, visit).await?,
        faults: forms::mendable(error, &["slug", "tenant_name"])?,
        form,
        address: address_pattern(&platform),
    };
    Ok((status, Page(page)).into_response())
}

#[derive(Template)]
#[template(path = "tenants/overview.html")]
struct Overview {
    frame: Frame,
    slug: String,
    role: &'static str,
    can_deploy: bool,
    /// `https://acme.localhost:8443/your-function`
    address: String,
    development_ca: Option<String>,
    functions: Vec<FunctionRow>,
    has_more: bool,
}

async fn overview(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
) -> Result<Page<Overview>> {
    let page = PageRequest {
        limit: Some(10),
        cursor: None,
    };
    let functions = control::functions::list(&platform, &viewer, &page).await?;
    let any = FunctionName::parse("your-function").expect("a label");
    Ok(Page(Overview {
        slug: viewer.slug.to_string(),
        role: role_word(viewer.role),
        can_deploy: viewer.role.includes(Role::Developer),
        address: platform.function_url(&viewer.slug, &any),
        development_ca: development_ca(&platform),
        has_more: functions.next_cursor.is_some(),
        functions: rows(&platform, functions.items),
        frame: Frame::in_tenant(&platform, &viewer, visit, "overview").await?,
    }))
}

pub(crate) fn rows(platform: &Platform, functions: Vec<FunctionOverview>) -> Vec<FunctionRow> {
    let now = platform.clock.now();
    let each = functions.into_iter();
    each.map(|overview| FunctionRow::new(overview, now))
        .collect()
}

pub(crate) fn development_ca(platform: &Platform) -> Option<String> {
    let path = platform.config.development_ca.as_ref();
    path.map(|path| path.display().to_string())
}

async fn deploy_example(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    let (overview, _) = examples::deploy(&platform, &developer).await?;
    let name = overview.function.name;
    let said = flash::say(
        &platform,
        &format!("{name} is on its way. Its URL answers in a moment."),
    );
    let address = format!("/tenants/{}/functions/{name}", developer.slug);
    Ok((said, Redirect::to(&address)).into_response())
}

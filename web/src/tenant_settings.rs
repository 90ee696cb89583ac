//! `/tenants/{tenant}/settings`: its names, its limits, its members, and its end.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{
    Admin, Member, Owner, Platform, Viewer,
    access::{self, Wanted},
    limits,
    tenants::{self, Patch},
};
use domain::{Invalid, Role, TenantSlug, page::PageRequest};
use serde::Deserialize;

use crate::{
    csrf::{Form, Nothing},
    errors::{self, Result},
    extract::{After, As, Path, Query, SignedIn, Visit},
    flash,
    forms::{self, Faults},
    frame::Frame,
    limits::{LimitRow, rows},
    members::{Inviting, People, Told},
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants/{tenant}/settings", get(show).post(rename))
        .route("/tenants/{tenant}/slug", post(change_slug))
        .route("/tenants/{tenant}/delete", post(delete))
        .route("/tenants/{tenant}/restore", post(restore))
}

#[derive(Template)]
#[template(path = "tenants/settings.html")]
pub(crate) struct Show {
    frame: Frame,
    slug: String,
    id: String,
    name: String,
    revision: i64,
    role: Role,
    plan: String,
    limits: Vec<LimitRow>,
    can_rename: bool,
    can_delete: bool,
    /// As typed, where it was not taken.
    new_slug: String,
    confirm: String,
    faults: Faults,
    people: People,
}

/// What a form that was sent makes the page say.
#[derive(Default)]
pub(crate) struct Changed {
    pub(crate) faults: Faults,
    pub(crate) inviting: Inviting,
    pub(crate) told: Option<Told>,
}

async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Query(from): Query<After>,
    visit: Visit,
) -> Result<Page<Show>> {
    let mut page = page(&platform, &viewer, visit, Changed::default()).await?;
    let from = from.request();
    if from.cursor.is_some() {
        page.0.people = People::of(&platform, &viewer, &from).await?;
    }
    Ok(page)
}

pub(crate) async fn page<R>(
    platform: &Platform,
    member: &Member<R>,
    visit: Visit,
    changed: Changed,
) -> Result<Page<Show>> {
    let viewer = member.as_viewer();
    let tenant = tenants::get(platform, &viewer).await?;
    let limits = limits::of_tenant(platform, &viewer).await?;
    let mut people = People::of(platform, &viewer, &PageRequest::default()).await?;
    people.form = changed.inviting;
    people.told = changed.told;
    Ok(Page(Show {
        new_slug: tenant.slug.to_string(),
        slug: tenant.slug.to_string(),
        id: tenant.id.to_string(),
        name: tenant.name,
        revision: tenant.revision,
        role: member.role,
        plan: limits.plan.to_string(),
        limits: rows(limits.limits),
        can_rename: member.role.includes(Role::Admin),
        can_delete: member.role.includes(Role::Owner),
        confirm: String::new(),
        faults: changed.faults,
        people,
        frame: Frame::in_tenant(platform, member, visit, "settings").await?,
    }))
}

fn faulty(faults: Faults) -> Changed {
    Changed {
        faults,
        ..Changed::default()
    }
}

#[derive(Deserialize)]
struct Renaming {
    revision: i64,
    #[serde(default)]
    name: String,
}

async fn rename(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    visit: Visit,
    Form(form): Form<Renaming>,
) -> Result<Response> {
    let name = form.name.trim();
    let renamed = if name.is_empty() {
        Err(Invalid::new("name", "give the tenant a name").into())
    } else {
        let patch = Patch {
            name: Some(name.to_owned()),
            slug: None,
        };
        tenants::update(&platform, &admin, patch, form.revision).await
    };
    match renamed {
        Ok(_) => {
            let address = format!("/tenants/{}/settings", admin.slug);
            Ok((flash::say(&platform, "Saved."), Redirect::to(&address)).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["name"])?;
            let mut page = page(&platform, &admin, visit, faulty(faults)).await?;
            page.0.name = form.name;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Moving {
    revision: i64,
    #[serde(default)]
    slug: String,
}

async fn change_slug(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    visit: Visit,
    Form(form): Form<Moving>,
) -> Result<Response> {
    let moved = match TenantSlug::parse(form.slug.trim()) {
        Ok(slug) => {
            let patch = Patch {
                name: None,
                slug: Some(slug),
            };
            tenants::update(&platform, &admin, patch, form.revision).await
        }
        Err(problem) => Err(problem.into()),
    };
    match moved {
        Ok(tenant) => {
            let address = format!("/tenants/{}/settings", tenant.slug);
            let said = format!("The slug is {} now.", tenant.slug);
            Ok((flash::say(&platform, &said), Redirect::to(&address)).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["slug"])?;
            let mut page = page(&platform, &admin, visit, faulty(faults)).await?;
            page.0.new_slug = form.slug;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Deletion {
    revision: i64,
    #[serde(default)]
    confirm: String,
}

async fn delete(
    State(platform): State<Platform>,
    As(owner): As<Owner>,
    visit: Visit,
    Form(form): Form<Deletion>,
) -> Result<Response> {
    let done = if form.confirm.trim() == owner.slug.as_str() {
        tenants::delete(&platform, &owner, form.revision).await
    } else {
        let slug = &owner.slug;
        let detail = format!("type `{slug}` to delete it; this is `{}`", form.confirm);
        Err(Invalid::new("confirm", detail).into())
    };
    match done {
        Ok(()) => {
            let said = flash::say(&platform, &format!("{} is deleted.", owner.slug));
            Ok((said, Redirect::to("/tenants")).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, &["confirm"])?;
            let mut page = page(&platform, &owner, visit, faulty(faults)).await?;
            page.0.confirm = form.confirm;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct OfTenant {
    tenant: String,
}

async fn restore(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    Path(of): Path<OfTenant>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    let wanted = Wanted {
        tenant: &of.tenant,
        function: None,
    };
    let owner = access::restorer(&platform, &actor, wanted).await?;
    let tenant = tenants::restore(&platform, &owner).await?;
    let said = flash::say(&platform, &format!("{} is restored.", tenant.slug));
    let address = format!("/tenants/{}", tenant.slug);
    Ok((said, Redirect::to(&address)).into_response())
}

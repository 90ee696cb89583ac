//! `/tenants/{tenant}/settings`: its name, its limits, and its end.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{Admin, Member, Owner, Platform, Viewer, limits, tenants};
use domain::{Invalid, Role};
use serde::Deserialize;

use crate::{
    csrf::Form,
    errors::{self, Result},
    extract::{As, Visit},
    flash,
    forms::{self, Faults},
    frame::Frame,
    limits::{LimitRow, rows},
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/tenants/{tenant}/settings", get(show).post(rename))
        .route("/tenants/{tenant}/delete", post(delete))
}

#[derive(Template)]
#[template(path = "tenants/settings.html")]
struct Show {
    frame: Frame,
    slug: String,
    id: String,
    name: String,
    revision: i64,
    plan: String,
    limits: Vec<LimitRow>,
    can_rename: bool,
    can_delete: bool,
    confirm: String,
    faults: Faults,
}

async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    visit: Visit,
) -> Result<Page<Show>> {
    page(&platform, &viewer, visit, Faults::default()).await
}

async fn page<R>(
    platform: &Platform,
    member: &Member<R>,
    visit: Visit,
    faults: Faults,
) -> Result<Page<Show>> {
    let tenant = tenants::get(platform, &member.as_viewer()).await?;
    let limits = limits::of_tenant(platform, &member.as_viewer()).await?;
    Ok(Page(Show {
        slug: tenant.slug.to_string(),
        id: tenant.id.to_string(),
        name: tenant.name,
        revision: tenant.revision,
        plan: limits.plan.to_string(),
        limits: rows(limits.limits),
        can_rename: member.role.includes(Role::Admin),
        can_delete: member.role.includes(Role::Owner),
        confirm: String::new(),
        faults,
        frame: Frame::in_tenant(platform, member, visit, "settings").await?,
    }))
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
        tenants::rename(&platform, &admin, name.to_owned(), form.revision).await
    };
    match renamed {
        Ok(_) => {
            let address = format!("/tenants/{}/settings", admin.slug);
            Ok((flash::say(&platform, "Saved."), Redirect::to(&address)).into_response())
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
            let mut page = page(&platform, &owner, visit, faults).await?;
            page.0.confirm = form.confirm;
            Ok((status, page).into_response())
        }
    }
}

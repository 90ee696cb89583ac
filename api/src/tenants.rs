//! `/v1/tenants`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Admin, Owner, Platform, Tenant, Viewer,
    tenants::{self, Patch},
};
use domain::{
    Problems, Role, Scope, TenantSlug, name::display_name, page::Page, rest::tenants::TenantView,
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::{As, AsRestorer, Caller},
    body::Json,
    params::{PageQuery, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let (viewer, admin, owner) = (
        Need::Member(Role::Viewer, Scope::TenantRead),
        Need::Member(Role::Admin, Scope::TenantAdmin),
        Need::Member(Role::Owner, Scope::TenantAdmin),
    );
    Routes::default()
        .add(Need::Scope(Scope::TenantRead), &[PAGE], routes!(list))
        .add(
            Need::Session,
            &[BODY, &[Code::Taken, Code::Conflict]],
            routes!(create),
        )
        .add(viewer, &[], routes!(show))
        .add(
            admin,
            &[BODY, REVISION, &[Code::Taken, Code::Conflict]],
            routes!(update),
        )
        .add(owner, &[REVISION], routes!(delete))
        .add(owner, &[&[Code::Conflict]], routes!(restore))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateTenant {
    slug: String,
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateTenant {
    name: Option<String>,
    /// Takes an owner. The hosts of the old one redirect for 30 days, and nobody else ever gets it.
    slug: Option<String>,
}

/// The tenants one is a member of, by slug
#[utoipa::path(
    get, path = "/v1/tenants", tag = "tenants", operation_id = "list_tenants", params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<TenantView>))
)]
async fn list(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TenantView>>, Problem> {
    let page = tenants::list(&platform, &actor, &page.request()?).await?;
    Ok(Json(page.map(|(tenant, role)| view(tenant, role))))
}

/// Creates a tenant, owned by its creator
#[utoipa::path(
    post, path = "/v1/tenants", tag = "tenants", operation_id = "create_tenant",
    responses((status = 201, description = "The tenant, at its `Location`", body = TenantView))
)]
async fn create(
    State(platform): State<Platform>,
    Caller(actor): Caller,
    Json(body): Json<CreateTenant>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let slug = problems.keep("slug", TenantSlug::parse(&body.slug));
    let name = problems.keep("name", display_name("name", &body.name));
    let (Some(slug), Some(name)) = (slug, name) else {
        return Err(problems.into());
    };
    let tenant = tenants::create(&platform, &actor, slug, name).await?;
    let location = [(header::LOCATION, format!("/v1/tenants/{}", tenant.slug))];
    let tag = etag(tenant.revision);
    let answer = (
        StatusCode::CREATED,
        location,
        tag,
        Json(view(tenant, Role::Owner)),
    );
    Ok(answer.into_response())
}

/// One tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", tag = "tenants", operation_id = "show_tenant",
    responses((status = 200, description = "The tenant, with its `ETag`", body = TenantView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
) -> Result<Response, Problem> {
    let tenant = tenants::get(&platform, &viewer).await?;
    Ok((etag(tenant.revision), Json(view(tenant, viewer.role))).into_response())
}

/// Changes a tenant's name or slug
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}", tag = "tenants", operation_id = "update_tenant",
    responses((status = 200, description = "The tenant as it is now", body = TenantView))
)]
async fn update(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateTenant>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let slug = body.slug.as_deref().map(TenantSlug::parse).transpose();
    let slug = problems.keep("slug", slug);
    let name = body.name.as_deref();
    let name = name.map(|name| display_name("name", name)).transpose();
    let name = problems.keep("name", name);
    let (Some(slug), Some(name)) = (slug, name) else {
        return Err(problems.into());
    };
    let patch = Patch { name, slug };
    let tenant = tenants::update(&platform, &admin, patch, revision).await?;
    Ok((etag(tenant.revision), Json(view(tenant, admin.role))).into_response())
}

/// Deletes a tenant; its functions stop answering at once, an owner can restore it for 30 days
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}", tag = "tenants", operation_id = "delete_tenant",
    responses((status = 204, description = "It is gone"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(owner): As<Owner>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    tenants::delete(&platform, &owner, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Undoes a deletion
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/restore", tag = "tenants", operation_id = "restore_tenant",
    responses((status = 200, description = "The tenant as it was before", body = TenantView))
)]
async fn restore(
    State(platform): State<Platform>,
    AsRestorer(owner): AsRestorer,
) -> Result<Response, Problem> {
    let tenant = tenants::restore(&platform, &owner).await?;
    Ok((etag(tenant.revision), Json(view(tenant, Role::Owner))).into_response())
}

fn view(tenant: Tenant, role: Role) -> TenantView {
    TenantView {
        purge_at: tenants::purge_at(&tenant),
        deleted_at: tenant.deleted_at,
        id: tenant.id,
        slug: tenant.slug,
        name: tenant.name,
        state: tenant.state,
        role,
        created_at: tenant.created_at,
        updated_at: tenant.updated_at,
    }
}

//! `/v1/admin/tenants`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Platform,
    admin::tenants::{self, Patch, Shown, Standing, Wanted},
};
use domain::{PlanName, TenantId, TenantSlug, UserId, page::Page, tenant::TenantState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::Problem,
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Operator, &[PAGE], routes!(list))
        .add(Need::Operator, &[], routes!(show))
        .add(Need::Operator, &[BODY, REVISION], routes!(update))
}

/// What a tenant has.
#[derive(Serialize, ToSchema)]
pub struct UsageView {
    functions: i64,
    /// Of modules that its versions and uploads name, each counted once.
    stored_bytes: i64,
    members: i64,
    access_tokens: i64,
}

/// A tenant as an operator sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminTenant)]
pub struct TenantView {
    id: TenantId,
    slug: TenantSlug,
    name: String,
    state: TenantState,
    /// Of the last suspension, whether it is over or not.
    suspended_reason: Option<String>,
    plan: PlanName,
    #[serde(rename = "use")]
    usage: UsageView,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: time::OffsetDateTime,
}

#[derive(Serialize, ToSchema)]
struct OwnerView {
    user: UserId,
    email: String,
    name: String,
}

/// A tenant and whom to write to.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminTenantWithOwners)]
pub struct TenantWithOwners {
    #[serde(flatten)]
    tenant: TenantView,
    owners: Vec<OwnerView>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Part of the slug or the name.
    q: Option<String>,
    /// All but the deleted ones unless told.
    state: Option<TenantState>,
    /// Those of this plan.
    plan: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateAdminTenant)]
struct UpdateTenant {
    /// A plan's name or its `plan_…` id.
    plan: Option<String>,
    /// `active` or `suspended`. Functions of a suspended tenant answer 402.
    state: Option<TenantState>,
    /// Why it is suspended. The tenant's admins see it in their audit.
    reason: Option<String>,
}

#[derive(Deserialize)]
struct OfTenant {
    tenant: String,
}

/// All tenants, by slug, with plan and use
#[utoipa::path(
    get, path = "/v1/admin/tenants", tag = "admin", operation_id = "admin_list_tenants", params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<TenantView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<TenantView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let wanted = Wanted {
        search: query.q,
        state: query.state,
        plan: query.plan,
    };
    let page = tenants::list(&platform, &operator, wanted, &page).await?;
    Ok(Json(page.map(TenantView::from)))
}

/// One tenant
#[utoipa::path(
    get, path = "/v1/admin/tenants/{tenant}", tag = "admin", operation_id = "admin_show_tenant",
    responses((status = 200, description = "The tenant, with its `ETag`", body = TenantWithOwners))
)]
async fn show(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfTenant>,
) -> Result<Response, Problem> {
    Ok(shown(tenants::get(&platform, &operator, &of.tenant).await?))
}

/// Gives a tenant another plan, suspends it or lets it go on
#[utoipa::path(
    patch, path = "/v1/admin/tenants/{tenant}", tag = "admin", operation_id = "admin_update_tenant",
    request_body = UpdateTenant,
    responses((status = 200, description = "The tenant as it is now", body = TenantWithOwners))
)]
async fn update(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfTenant>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateTenant>,
) -> Result<Response, Problem> {
    let patch = Patch {
        plan: body.plan,
        state: body.state,
        reason: body.reason,
    };
    let after = tenants::update(&platform, &operator, &of.tenant, patch, revision).await?;
    Ok(shown(after))
}

fn shown(found: Shown) -> Response {
    let tag = etag(found.standing.revision);
    (tag, Json(TenantWithOwners::from(found))).into_response()
}

impl From<Standing> for TenantView {
    fn from(tenant: Standing) -> Self {
        Self {
            id: tenant.id,
            slug: tenant.slug,
            name: tenant.name,
            state: tenant.state,
            suspended_reason: tenant.suspended_reason,
            plan: tenant.plan,
            usage: UsageView {
                functions: tenant.usage.functions,
                stored_bytes: tenant.usage.stored_bytes,
                members: tenant.usage.members,
                access_tokens: tenant.usage.access_tokens,
            },
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

impl From<Shown> for TenantWithOwners {
    fn from(found: Shown) -> Self {
        let owners = found.owners.into_iter().map(|owner| OwnerView {
            user: owner.user,
            email: owner.email,
            name: owner.name,
        });
        Self {
            owners: owners.collect(),
            tenant: found.standing.into(),
        }
    }
}

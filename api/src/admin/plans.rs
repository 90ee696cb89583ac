//! `/v1/admin/plans`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Platform,
    plans::{self, Patch, Shown},
};
use domain::{
    Limits, PlanId, PlanName, Problems,
    limits::{Quotas, QuotasPatch, TenantLimits, TenantLimitsPatch},
    page::Page,
    rest::functions::LimitsBody,
};
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let operator = Need::Operator;
    Routes::default()
        .add(operator, &[PAGE], routes!(list))
        .add(operator, &[BODY, &[Code::Taken]], routes!(create))
        .add(operator, &[], routes!(show))
        .add(operator, &[BODY, REVISION], routes!(update))
        .add(operator, &[REVISION, &[Code::Conflict]], routes!(delete))
}

/// What tenants may use.
#[derive(Serialize, ToSchema)]
#[schema(as = Plan)]
pub struct PlanView {
    id: PlanId,
    name: PlanName,
    /// The most that a function can have.
    function_limits: Limits,
    /// Of all functions of a tenant together.
    tenant_limits: TenantLimits,
    quotas: Quotas,
    /// How many have it, deleted ones too.
    tenants: i64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: time::OffsetDateTime,
}

/// A figure that is not named is the platform's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePlan {
    name: String,
    #[serde(default)]
    function_limits: LimitsBody,
    #[serde(default)]
    tenant_limits: TenantLimitsPatch,
    #[serde(default)]
    quotas: QuotasPatch,
}

/// A figure that is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdatePlan {
    #[serde(default)]
    function_limits: LimitsBody,
    #[serde(default)]
    tenant_limits: TenantLimitsPatch,
    #[serde(default)]
    quotas: QuotasPatch,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfPlan {
    /// The plan's name or its `plan_…` id.
    plan: String,
}

/// Plans, by name
#[utoipa::path(
    get, path = "/v1/admin/plans", tag = "admin", operation_id = "admin_list_plans", params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<PlanView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<PlanView>>, Problem> {
    let page = plans::list(&platform, &operator, &page.request()?).await?;
    Ok(Json(page.map(PlanView::from)))
}

/// Makes a plan
#[utoipa::path(
    post, path = "/v1/admin/plans", tag = "admin", operation_id = "admin_create_plan",
    responses((status = 201, description = "The plan, at its `Location`", body = PlanView))
)]
async fn create(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Json(body): Json<CreatePlan>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let name = problems.keep("name", PlanName::parse(&body.name));
    let name = name.ok_or(problems)?;
    let patch = Patch {
        function_limits: body.function_limits.into(),
        tenant_limits: body.tenant_limits,
        quotas: body.quotas,
    };
    let made = plans::create(&platform, &operator, name, patch).await?;
    let location = format!("/v1/admin/plans/{}", made.plan.name);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// One plan
#[utoipa::path(
    get, path = "/v1/admin/plans/{plan}", tag = "admin", operation_id = "admin_show_plan", params(OfPlan),
    responses((status = 200, description = "The plan, with its `ETag`", body = PlanView))
)]
async fn show(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfPlan>,
) -> Result<impl IntoResponse, Problem> {
    Ok(shown(plans::get(&platform, &operator, &of.plan).await?))
}

/// Changes the figures that the body names, for every tenant that has the plan
#[utoipa::path(
    patch, path = "/v1/admin/plans/{plan}", tag = "admin", operation_id = "admin_update_plan", params(OfPlan),
    responses((status = 200, description = "The plan as it is now", body = PlanView))
)]
async fn update(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfPlan>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdatePlan>,
) -> Result<impl IntoResponse, Problem> {
    let patch = Patch {
        function_limits: body.function_limits.into(),
        tenant_limits: body.tenant_limits,
        quotas: body.quotas,
    };
    let after = plans::update(&platform, &operator, &of.plan, patch, revision).await?;
    Ok(shown(after))
}

/// Deletes a plan that no tenant has
#[utoipa::path(
    delete, path = "/v1/admin/plans/{plan}", tag = "admin", operation_id = "admin_delete_plan", params(OfPlan),
    responses((status = 204, description = "It is gone"))
)]
async fn delete(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfPlan>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    plans::delete(&platform, &operator, &of.plan, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(found: Shown) -> impl IntoResponse {
    (etag(found.plan.revision), Json(PlanView::from(found)))
}

impl From<Shown> for PlanView {
    fn from(Shown { plan, tenants }: Shown) -> Self {
        Self {
            id: plan.id,
            name: plan.name,
            function_limits: plan.function_limits,
            tenant_limits: plan.tenant_limits,
            quotas: plan.quotas,
            tenants,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}

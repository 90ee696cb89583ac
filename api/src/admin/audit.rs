//! `/v1/admin/audit`: what was changed in any tenant, and what concerns none.

use axum::extract::State;
use control::{
    Platform,
    audit::{self, Recorded, Wanted},
};
use domain::{Invalid, TenantId, page::Page, rest::audit::EventView};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    audit::view,
    body::Json,
    params::{PageQuery, Query, SpanQuery},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().add(Need::Operator, &[PAGE], routes!(list))
}

/// A change, and in which tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminEvent)]
struct AdminEventView {
    /// Null for what concerns none.
    tenant: Option<TenantId>,
    #[serde(flatten)]
    event: EventView,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Those of one tenant, by its `ten_…` id.
    tenant: Option<String>,
    /// `plan.updated`, or every change of plans by `plan`.
    action: Option<String>,
    /// The id of what was changed, `plan_…`.
    subject: Option<String>,
    /// Who changed it: the id of a user or of an access token.
    actor: Option<String>,
    /// Those at this moment or later, RFC 3339.
    since: Option<String>,
    /// Those before this moment, RFC 3339.
    until: Option<String>,
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// All changes, newest first
#[utoipa::path(
    get, path = "/v1/admin/audit", tag = "admin", operation_id = "admin_list_audit", params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<AdminEventView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<AdminEventView>>, Problem> {
    let page = PageQuery::new(query.limit, query.cursor).request()?;
    let tenant = query.tenant.as_deref().map(str::parse::<TenantId>);
    let tenant = tenant.transpose();
    let tenant = tenant.map_err(|problem: Invalid| problem.at("tenant"))?;
    let wanted = Wanted {
        action: query.action,
        subject: query.subject,
        actor: query.actor,
        span: SpanQuery::new(query.since, query.until).span()?,
    };
    let page = audit::list_all(&platform, &operator, tenant, wanted, &page).await?;
    Ok(Json(page.map(AdminEventView::from)))
}

impl From<Recorded> for AdminEventView {
    fn from(event: Recorded) -> Self {
        Self {
            tenant: event.tenant,
            event: view(event),
        }
    }
}

//! `/v1/admin/nodes`

use axum::extract::State;
use control::{
    Platform,
    admin::nodes::{self, Shown},
};
use domain::{NodeId, VersionId, page::Page};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;

use crate::{
    access::AsOperator,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::Problem,
    routes::{Need, PAGE, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default()
        .add(Need::Operator, &[PAGE], routes!(list))
        .add(Need::Operator, &[], routes!(forget))
}

#[derive(Serialize, ToSchema)]
struct FailedVersionView {
    version: VersionId,
    reason: String,
}

/// A worker that joined.
#[derive(Serialize, ToSchema)]
#[schema(as = Node)]
pub struct NodeView {
    id: NodeId,
    name: String,
    /// The build of the engine whose artifacts it loads.
    engine_tag: String,
    internal_url: String,
    /// Heard of within the last seconds.
    live: bool,
    /// It takes no new calls.
    draining: bool,
    /// The epoch that it serves.
    applied_epoch: Option<u64>,
    /// Epochs that it has not applied yet; null before it applied one.
    lag_epochs: Option<u64>,
    /// Calls in flight, at its last heartbeat.
    in_flight: i32,
    /// Versions that it could not load.
    failed: Vec<FailedVersionView>,
    #[serde(with = "time::serde::rfc3339")]
    joined_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    seen_at: time::OffsetDateTime,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfNode {
    /// The node's `node_…` id.
    node: NodeId,
}

/// Workers that were heard of within a day, by name
#[utoipa::path(
    get, path = "/v1/admin/nodes", tag = "admin", operation_id = "admin_list_nodes", params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<NodeView>))
)]
async fn list(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<NodeView>>, Problem> {
    let page = nodes::list(&platform, &operator, &page.request()?).await?;
    Ok(Json(page.map(NodeView::from)))
}

/// Forgets a worker that is gone; one that lives joins again
#[utoipa::path(
    delete, path = "/v1/admin/nodes/{node}", tag = "admin", operation_id = "admin_forget_node", params(OfNode),
    responses((status = 204, description = "Nobody waits for it any more"))
)]
async fn forget(
    State(platform): State<Platform>,
    AsOperator(operator): AsOperator,
    Path(of): Path<OfNode>,
) -> Result<StatusCode, Problem> {
    nodes::forget(&platform, &operator, of.node).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<Shown> for NodeView {
    fn from(shown: Shown) -> Self {
        let lag_epochs = shown.lag();
        let nodes::Told {
            node,
            live,
            in_flight,
            joined_at,
        } = shown.told;
        let failed = node.failed.into_iter().map(|failed| FailedVersionView {
            version: failed.version,
            reason: failed.reason,
        });
        Self {
            id: node.id,
            name: node.name,
            engine_tag: node.engine_tag,
            internal_url: node.internal_url,
            live,
            draining: node.draining,
            applied_epoch: node.applied.map(|position| position.epoch),
            lag_epochs,
            in_flight,
            failed: failed.collect(),
            joined_at,
            seen_at: node.seen_at,
        }
    }
}

//! The `node` table: workers, when they were last heard of, and what they serve. For the
//! platform's role; "last heard of" is by the database's clock.

use std::collections::BTreeMap;

use domain::{
    FunctionId, GenerationId, NodeId, TenantId, Timestamp,
    feed::{Demand, FailedVersion, Heard, Heartbeat, Join, NODE_LIVE_SECONDS},
    snapshot::Position,
};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result};

/// The channel that tells API servers of a worker's heartbeat.
pub const CHANNEL: &str = "atoll_node";

#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    pub name: String,
    pub engine_tag: String,
    pub internal_url: String,
    pub applied: Option<Position>,
    /// Versions that it could not load.
    pub failed: Vec<FailedVersion>,
    pub draining: bool,
    pub seen_at: Timestamp,
}

/// A node of the same name and internal URL is the same worker, started again: its old row goes.
pub async fn insert(db: &mut Connection, node: NodeId, join: &Join) -> Result<()> {
    sqlx::query!(
        "delete from node where name = $1 and internal_url = $2",
        join.name,
        join.internal_url,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "insert into node (node_id, name, engine_tag, internal_url, features) values ($1, $2, $3, $4, $5)",
        node.uuid(),
        join.name,
        join.engine_tag,
        join.internal_url,
        Json(&join.features) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// `false` where the node is not known: it has to join again.
pub async fn heartbeat(db: &mut Connection, node: NodeId, heartbeat: &Heartbeat) -> Result<bool> {
    let updated = sqlx::query!(
        "update node
            set applied_generation = $2, applied_epoch = $3, failed = $4, draining = $5, in_flight = $6,
                demand = $7, seen_at = now()
          where node_id = $1",
        node.uuid(),
        heartbeat.applied.map(|position| position.generation.uuid()),
        heartbeat
            .applied
            .map(|position| i64::try_from(position.epoch).unwrap_or(i64::MAX)),
        Json(&heartbeat.failed) as _,
        heartbeat.draining,
        i32::try_from(heartbeat.in_flight).unwrap_or(i32::MAX),
        Json(&heartbeat.demand) as _,
    )
    .execute(&mut *db)
    .await?;
    if updated.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("select pg_notify($1, '')", CHANNEL)
        .execute(db)
        .await?;
    Ok(true)
}

/// What the other live nodes said of the functions and tenants that `demand` names, summed.
pub async fn elsewhere(db: &mut Connection, node: NodeId, demand: &Demand) -> Result<Heard> {
    let functions: Vec<String> = demand.functions.keys().map(ToString::to_string).collect();
    let tenants: Vec<String> = demand.tenants.keys().map(ToString::to_string).collect();
    let row = sqlx::query!(
        r#"with other as (
               select demand from node
                where node_id <> $1 and seen_at > now() - make_interval(secs => $2) and not draining
           )
           select (select count(*) from other) as "others!",
                  (select coalesce(jsonb_object_agg(key, weight), '{}') from (
                       select key, least(sum(value::numeric), 9223372036854775807) as weight
                         from other, jsonb_each(demand -> 'functions')
                        where key = any($3) group by key) as of_functions
                  ) as "functions!: Json<BTreeMap<FunctionId, u64>>",
                  (select coalesce(jsonb_object_agg(key, weight), '{}') from (
                       select key, least(sum(value::numeric), 9223372036854775807) as weight
                         from other, jsonb_each(demand -> 'tenants')
                        where key = any($4) group by key) as of_tenants
                  ) as "tenants!: Json<BTreeMap<TenantId, u64>>""#,
        node.uuid(),
        NODE_LIVE_SECONDS as f64,
        &functions,
        &tenants,
    )
    .fetch_one(db)
    .await?;
    Ok(Heard {
        workers: u32::try_from(row.others)
            .unwrap_or(u32::MAX)
            .saturating_add(1),
        elsewhere: Demand {
            functions: row.functions.0,
            tenants: row.tenants.0,
        },
    })
}

pub async fn exists(db: &mut Connection, node: NodeId) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from node where node_id = $1) as "exists!""#,
        node.uuid(),
    )
    .fetch_one(db)
    .await
}

/// A live worker that cannot do this, by name.
pub async fn without(db: &mut Connection, feature: &str) -> Result<Option<String>> {
    sqlx::query_scalar!(
        r#"select name from node
            where seen_at > now() - make_interval(secs => $1) and not draining and not features ? $2
            order by name
            limit 1"#,
        NODE_LIVE_SECONDS as f64,
        feature,
    )
    .fetch_optional(db)
    .await
}

/// Those that were heard of within [`NODE_LIVE_SECONDS`] and take requests, by name.
pub async fn live(db: &mut Connection) -> Result<Vec<Node>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select node_id, name, engine_tag, internal_url, applied_generation, applied_epoch,
                  failed as "failed: Json<Vec<FailedVersion>>", draining, seen_at
             from node
            where seen_at > now() - make_interval(secs => $1) and not draining
            order by name, node_id"#,
        NODE_LIVE_SECONDS as f64,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Node::from).collect())
}

/// A node with what an operator wants to know of it.
#[derive(Clone, Debug)]
pub struct Told {
    pub node: Node,
    /// Heard of within [`NODE_LIVE_SECONDS`].
    pub live: bool,
    /// Invocations, at the last heartbeat.
    pub in_flight: i32,
    pub joined_at: Timestamp,
}

/// All that were heard of within a day, by name, those after `after`.
pub async fn list(
    db: &mut Connection,
    after: Option<(&str, NodeId)>,
    limit: i64,
) -> Result<Vec<Told>> {
    let (name, node) = after.unzip();
    let rows = sqlx::query!(
        r#"select node_id, name, engine_tag, internal_url, applied_generation, applied_epoch,
                  failed as "failed: Json<Vec<FailedVersion>>", draining, seen_at, in_flight, joined_at,
                  seen_at > now() - make_interval(secs => $1) as "live!"
             from node
            where $2::text is null or (name collate "C", node_id) > ($2, $3::uuid)
            order by name collate "C", node_id
            limit $4"#,
        NODE_LIVE_SECONDS as f64,
        name,
        node.map(NodeId::uuid),
        limit,
    )
    .fetch_all(db)
    .await?;
    let told = rows.into_iter().map(|row| Told {
        live: row.live,
        in_flight: row.in_flight,
        joined_at: row.joined_at,
        node: Row {
            node_id: row.node_id,
            name: row.name,
            engine_tag: row.engine_tag,
            internal_url: row.internal_url,
            applied_generation: row.applied_generation,
            applied_epoch: row.applied_epoch,
            failed: row.failed,
            draining: row.draining,
            seen_at: row.seen_at,
        }
        .into(),
    });
    Ok(told.collect())
}

/// Its name; `None` where it is not known. It joins again where it lives.
pub async fn delete(db: &mut Connection, node: NodeId) -> Result<Option<String>> {
    sqlx::query_scalar!(
        "delete from node where node_id = $1 returning name",
        node.uuid()
    )
    .fetch_optional(db)
    .await
}

/// Forgets nodes that were not heard of for a day.
pub async fn delete_gone(db: &mut Connection) -> Result<u64> {
    let deleted = sqlx::query!("delete from node where seen_at < now() - interval '1 day'")
        .execute(db)
        .await?;
    Ok(deleted.rows_affected())
}

struct Row {
    node_id: Uuid,
    name: String,
    engine_tag: String,
    internal_url: String,
    applied_generation: Option<Uuid>,
    applied_epoch: Option<i64>,
    failed: Json<Vec<FailedVersion>>,
    draining: bool,
    seen_at: Timestamp,
}

impl From<Row> for Node {
    fn from(row: Row) -> Self {
        let applied = row
            .applied_generation
            .zip(row.applied_epoch)
            .map(|(generation, epoch)| Position {
                generation: GenerationId::from_uuid(generation),
                epoch: epoch.unsigned_abs(),
            });
        Self {
            id: NodeId::from_uuid(row.node_id),
            name: row.name,
            engine_tag: row.engine_tag,
            internal_url: row.internal_url,
            applied,
            failed: row.failed.0,
            draining: row.draining,
            seen_at: row.seen_at,
        }
    }
}

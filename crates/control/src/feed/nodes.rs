//! Workers that join, renew their token and say that they live.

use domain::{
    NodeId, Problems,
    feed::{Heard, Heartbeat, Join, Joined, MAX_DEMAND_ENTRIES},
};
use store::{join_tokens, nodes};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::{Node, tokens};
use crate::{Error, Platform, vault};

const MAX_NAME: usize = 100;

/// `token` is the installation's own join token, or one of the database.
pub async fn join(p: &Platform, token: &str, join: Join) -> Result<Joined, Error> {
    let hash = crate::tokens::hash(token);
    let mut tx = p.db.platform().await?;
    if !is_configured(p, &hash) && !join_tokens::is_valid(&mut tx, &hash).await? {
        return Err(Error::Unauthenticated);
    }
    check(&join)?;
    let id = NodeId::generate();
    nodes::insert(&mut tx, id, &join).await?;
    let keys = vault::serving_keys(&mut tx, p).await?;
    tx.commit().await?;
    tracing::info!(node = %id, name = join.name, engine = join.engine_tag, url = join.internal_url, "a worker joined");
    tokens::joined(p, id, keys)
}

/// `Unauthenticated` where the node was forgotten: it joins again.
pub async fn renew(p: &Platform, node: Node) -> Result<Joined, Error> {
    let mut tx = p.db.platform().await?;
    if !nodes::exists(&mut tx, node.id).await? {
        return Err(Error::Unauthenticated);
    }
    let keys = vault::serving_keys(&mut tx, p).await?;
    tokens::joined(p, node.id, keys)
}

/// `Unauthenticated` where the node was forgotten: it joins again.
pub async fn heartbeat(p: &Platform, node: Node, heartbeat: Heartbeat) -> Result<Heard, Error> {
    check_demand(&heartbeat)?;
    if let Some(reason) = &heartbeat.refused {
        tracing::error!(node = %node.id, "a worker refused the serving state: {reason}");
    }
    let mut tx = p.db.platform().await?;
    if !nodes::heartbeat(&mut tx, node.id, &heartbeat).await? {
        return Err(Error::Unauthenticated);
    }
    let heard = nodes::elsewhere(&mut tx, node.id, &heartbeat.demand).await?;
    tx.commit().await?;
    // Those who wait on this API server need not wait for the notification.
    p.feed.nodes.send_replace(());
    Ok(heard)
}

fn is_configured(p: &Platform, hash: &[u8; 32]) -> bool {
    let mut configured = [0; 32];
    let known = p.config.join_token.as_deref();
    known.is_some_and(|known| hex::decode_to_slice(known, &mut configured).is_ok())
        && bool::from(configured.ct_eq(hash))
}

fn check_demand(heartbeat: &Heartbeat) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let seen = heartbeat.demand.entries();
    if seen > MAX_DEMAND_ENTRIES {
        let detail = format!("use at most {MAX_DEMAND_ENTRIES} entries, these are {seen}");
        problems.push("demand", detail);
    }
    problems.into_result()
}

fn check(join: &Join) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let length = join.name.chars().count();
    if !(1..=MAX_NAME).contains(&length) {
        problems.push(
            "name",
            format!("use 1 to {MAX_NAME} characters, these are {length}"),
        );
    }
    let url = Url::parse(&join.internal_url);
    if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        problems.push(
            "internal_url",
            "expected a URL such as http://10.0.0.7:8444",
        );
    }
    problems.into_result()
}

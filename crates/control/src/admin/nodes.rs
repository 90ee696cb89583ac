//! Workers that joined: what they serve, how busy they are, and which to forget.

use domain::{
    Invalid, NodeId,
    page::{Page, PageRequest},
    snapshot::Position,
};
use serde_json::{Value, json};
use store::{nodes, serving};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
};

pub use store::nodes::Told;

/// A node, and where the platform is that it follows.
#[derive(Clone, Debug)]
pub struct Shown {
    pub told: Told,
    pub newest: Position,
}

impl Shown {
    /// Epochs that it has not applied; absent before it applied one of this generation.
    pub fn lag(&self) -> Option<u64> {
        let applied = self.told.node.applied?;
        let same = applied.generation == self.newest.generation;
        same.then(|| self.newest.epoch.saturating_sub(applied.epoch))
    }
}

/// By name; those that were heard of within a day.
pub async fn list(p: &Platform, _: &Operator, page: &PageRequest) -> Result<Page<Shown>, Error> {
    let cursor = page.cursor.as_deref().map(position).transpose()?;
    let limit = page.limit();
    let mut tx = p.db.platform().await?;
    // Before the nodes: one that is ahead of what is read here does not lag.
    let newest = serving::position(&mut tx).await?;
    let found = nodes::list(&mut tx, cursor, limit as i64 + 1).await?;
    let page = Page::cut(found, limit, |told| {
        format!("{}:{}", told.node.id, told.node.name)
    });
    Ok(page.map(|told| Shown { told, newest }))
}

fn position(cursor: &str) -> Result<(&str, NodeId), Invalid> {
    let parts = cursor.split_once(':');
    parts
        .and_then(|(id, name)| Some((name, id.parse().ok()?)))
        .filter(|(name, _)| !name.contains('\0'))
        .ok_or_else(|| Invalid::new("cursor", "pass the `next_cursor` of the page before"))
}

/// Nobody waits for it any more, and its share of the limits is the others'. A worker that lives joins again.
pub async fn forget(p: &Platform, by: &Operator, node: NodeId) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    let name = nodes::delete(&mut tx, node).await?;
    let name = name.ok_or(Error::NotFound("node"))?;
    let change = Change {
        action: "node.forgotten",
        subject: node.to_string(),
        before: json!({ "name": name }),
        after: Value::Null,
    };
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    tx.commit().await?;
    Ok(())
}

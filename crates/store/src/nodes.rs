//! The `node` table: workers, when they were last heard of, and what they serve.

use domain::{NodeId, Timestamp, snapshot::Position};

#[derive(Clone, Debug)]
pub struct Node {
    pub id: NodeId,
    pub name: String,
    pub engine_tag: String,
    pub internal_url: String,
    pub applied: Option<Position>,
    pub draining: bool,
    pub seen_at: Timestamp,
}

//! The wait for the workers that live to acknowledge a position.

use std::time::Duration;

use domain::{VersionId, operation::OperationState, snapshot::Position};
use store::{
    nodes::{self, Node},
    versions::Standing,
};
use tokio::time::Instant;

use super::progress::Progress;
use crate::{Error, Platform};

/// How long workers that live may take to load, and again to switch.
const PATIENCE: Duration = Duration::from_secs(10);
/// Heartbeats wake the wait; this is for one that was lost, and for nodes that fall silent.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Wait<'a> {
    pub(super) position: Position,
    /// Those that have to be loaded by then.
    pub(super) versions: &'a [Standing],
    /// Of the operation.
    pub(super) step: &'static str,
}

impl Wait<'_> {
    /// Answers why a worker refuses. Ends without an answer when all of them are there, or when the
    /// patience is over: a worker that hangs must not keep the others from a new version.
    pub(super) async fn for_workers(
        &self,
        p: &Platform,
        progress: &mut Progress<'_>,
    ) -> Result<Option<String>, Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = p.feed.nodes();
        loop {
            let mut tx = p.db.platform().await?;
            let live = nodes::live(&mut tx).await?;
            drop(tx);
            if let Some(refusal) = refusal(&live, self.position, self.versions) {
                return Ok(Some(refusal));
            }
            let there = live
                .iter()
                .filter(|node| has_reached(node, self.position))
                .count();
            if progress.set(self.step, there, live.len()) {
                progress.write(OperationState::Running).await?;
            }
            if there == live.len() {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                let (step, workers) = (self.step, live.len());
                tracing::warn!(
                    step,
                    there,
                    workers,
                    "went on without workers that did not acknowledge"
                );
                return Ok(None);
            }
            let _ = tokio::time::timeout(LOOK, heard.changed()).await;
        }
    }
}

fn has_reached(node: &Node, position: Position) -> bool {
    node.applied.is_some_and(|applied| {
        applied.generation == position.generation && applied.epoch >= position.epoch
    })
}

fn refusal(live: &[Node], position: Position, versions: &[Standing]) -> Option<String> {
    let number = |id: VersionId| {
        let version = versions.iter().find(|version| version.id == id);
        version.map(|version| version.number)
    };
    live.iter()
        .filter(|node| has_reached(node, position))
        .flat_map(|node| node.failed.iter().map(move |failed| (node, failed)))
        .find_map(|(node, failed)| {
            let (number, worker, reason) = (number(failed.version)?, &node.name, &failed.reason);
            Some(format!(
                "worker {worker} could not load version {number}: {reason}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use domain::{GenerationId, NodeId, Timestamp, feed::FailedVersion, version::VersionState};

    use super::*;

    fn node(applied: Option<Position>, failed: Vec<FailedVersion>) -> Node {
        Node {
            id: NodeId::generate(),
            name: "w1".to_owned(),
            engine_tag: String::new(),
            internal_url: String::new(),
            applied,
            failed,
            draining: false,
            seen_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_worker_has_reached_what_it_applied_in_the_same_generation() {
        let generation = GenerationId::generate();
        let at = |epoch| Position { generation, epoch };
        assert!(has_reached(&node(Some(at(7)), Vec::new()), at(7)));
        assert!(!has_reached(&node(Some(at(6)), Vec::new()), at(7)));
        assert!(!has_reached(&node(None, Vec::new()), at(7)));
        let restored = Position {
            generation: GenerationId::generate(),
            epoch: 9,
        };
        assert!(!has_reached(&node(Some(restored), Vec::new()), at(7)));
    }

    #[test]
    fn only_what_failed_at_this_position_refuses_these_versions() {
        let generation = GenerationId::generate();
        let at = |epoch| Position { generation, epoch };
        let version = Standing {
            id: VersionId::generate(),
            number: 3,
            state: VersionState::Ready,
            error: None,
            compiled: true,
            missing: Vec::new(),
        };
        let failed = |version| {
            vec![FailedVersion {
                version,
                reason: "the signature is wrong".to_owned(),
            }]
        };
        let refused = |node| refusal(&[node], at(7), std::slice::from_ref(&version));
        assert_eq!(
            refused(node(Some(at(7)), failed(version.id))).as_deref(),
            Some("worker w1 could not load version 3: the signature is wrong")
        );
        assert_eq!(refused(node(Some(at(6)), failed(version.id))), None);
        assert_eq!(
            refused(node(Some(at(7)), failed(VersionId::generate()))),
            None
        );
    }
}

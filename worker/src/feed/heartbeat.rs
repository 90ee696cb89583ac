//! Says that the worker lives, and what it serves: every two seconds, and at once when that changes.

use std::{sync::Arc, time::Duration};

use domain::feed::{HEARTBEAT_SECONDS, Heartbeat};
use tokio::{sync::watch, time::sleep};

use super::{
    Status,
    client::{Client, Trouble},
    session::Session,
};
use crate::node::Node;

pub(super) async fn beat(
    client: Arc<Client>,
    session: Session,
    status: Arc<watch::Sender<Status>>,
    node: Arc<Node>,
) {
    let mut changes = status.subscribe();
    loop {
        let token = session.token().await;
        let now = changes.borrow_and_update().clone();
        let heartbeat = Heartbeat {
            applied: now.applied,
            failed: now.failed,
            refused: now.refused,
            draining: now.draining,
            in_flight: node.admission.in_flight(),
            demand: node.admission.demand(),
        };
        match client.heartbeat(&token, &heartbeat).await {
            Ok(heard) => node.admission.heard(&heard),
            Err(Trouble::Unknown) => session.lost(&token),
            // What else can go wrong, the feed meets too, and tells.
            Err(_) => {}
        }
        tokio::select! {
            _ = changes.changed() => {}
            () = sleep(Duration::from_secs(HEARTBEAT_SECONDS)) => {}
        }
    }
}

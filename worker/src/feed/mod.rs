//! How this worker learns what to serve: it joins, follows the epochs, and acknowledges each state
//! once it serves it. Nothing of this is in the path of a request: with every API server away, what
//! is live stays live.

mod apply;
mod body;
mod client;
mod compare;
mod decode;
mod disk;
mod follow;
pub(crate) mod fuzzing;
mod heartbeat;
mod kept;
mod published;
mod session;
mod stage;
mod start;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{feed::FailedVersion, sealed::ServingKey, snapshot::Position};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::Url;

use crate::{node::Node, telemetry};
use apply::Applier;
pub(crate) use client::{Client, Trouble};
use compare::Comparisons;
use disk::Disk;
use kept::Kept;
pub(crate) use session::Session;

/// The platform's keys, kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys {
    #[serde(with = "hex::serde")]
    pub(crate) artifact: [u8; 32],
    #[serde(with = "hex::serde")]
    pub(crate) invoke: [u8; 32],
    /// That secrets are sealed under.
    #[serde(default)]
    pub(crate) serving: Vec<ServingKey>,
}

/// What the next heartbeat says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Status {
    pub(crate) applied: Option<Position>,
    pub(crate) failed: Vec<FailedVersion>,
    pub(crate) refused: Option<String>,
    pub(crate) draining: bool,
}

pub(crate) struct Settings {
    pub(crate) api_url: Url,
    /// Certificates (PEM) of the authorities for it; those of the system if absent.
    pub(crate) api_ca: Option<PathBuf>,
    pub(crate) compare_every: Duration,
    pub(crate) join_token: String,
    pub(crate) name: String,
    pub(crate) internal_url: Url,
}

pub(crate) struct Feed {
    pub(crate) status: Arc<watch::Sender<Status>>,
    /// Ends with its tasks.
    tasks: JoinSet<()>,
    work: TaskTracker,
}

impl Feed {
    /// Serves from the disk what was served last, then follows the API servers.
    pub(crate) async fn start(
        node: &Arc<Node>,
        cache: &Path,
        settings: Settings,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let status = Arc::new(watch::Sender::new(Status::default()));
        let disk = Arc::new(Disk::open(cache)?);
        let client = Arc::new(Client::new(&settings)?);
        let kept = Arc::new(Kept::open(cache));
        let work = TaskTracker::new();
        work.close();
        let mut applier = Applier::new(Arc::clone(node), Arc::clone(&status), kept, work.clone());
        // Without keys nothing of what it names could be loaded.
        if disk.restore_keys(&node.loader) {
            applier.restore().await;
        }

        let session = Session::new();
        let mut tasks = JoinSet::new();
        let keep = session::keep(Arc::clone(&client), Arc::clone(node), disk, session.clone());
        let (asking, standing) = (Arc::clone(&client), session.clone());
        let follow = async move {
            start::without_api_servers(&standing, &mut applier).await;
            let comparisons = Comparisons::new(settings.compare_every);
            follow::follow(asking, standing, applier, comparisons).await;
        };
        tasks.spawn(until(stop.clone(), keep));
        tasks.spawn(until(stop.clone(), follow));
        let telemetry = Arc::clone(&node.telemetry);
        let sending = telemetry::send(
            telemetry,
            Arc::clone(&client),
            session.clone(),
            stop.clone(),
        );
        tasks.spawn(sending);
        let beat = heartbeat::beat(client, session, Arc::clone(&status), Arc::clone(node));
        tasks.spawn(until(stop.clone(), beat));
        Ok(Self {
            status,
            tasks,
            work,
        })
    }

    pub(crate) async fn ended(mut self) {
        while self.tasks.join_next().await.is_some() {}
        // The state that is served is on the disk then, for the next start.
        self.work.wait().await;
    }
}

async fn until(stop: CancellationToken, task: impl Future<Output = ()>) {
    stop.run_until_cancelled(task).await;
}

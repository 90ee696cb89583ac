//! An API server of a few lines: it feeds one worker whatever state is to be measured.

#![expect(
    clippy::disallowed_types,
    reason = "a stand-in for an API server, whose one caller is ours and makes no mistakes"
)]

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use domain::{
    GenerationId, NodeId,
    feed::{Heard, Heartbeat, Joined},
    snapshot::{self, Changes, Position, SCHEMA, Snapshot, TenantEntry},
};
use time::OffsetDateTime;
use tokio::{net::TcpListener, runtime::Handle, sync::watch};

use crate::guests;

const APPLIED_WITHIN: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    generation: GenerationId,
    state: watch::Sender<Published>,
    heartbeat: watch::Sender<Option<Heartbeat>>,
}

/// Both as they travel: what is measured is the worker's reading, not our writing.
#[derive(Clone)]
struct Published {
    epoch: u64,
    whole: Arc<Vec<u8>>,
    changes: Arc<Vec<u8>>,
}

impl Feed {
    /// One whose first state is `tenants`.
    pub(crate) fn start(tenants: &[TenantEntry]) -> anyhow::Result<Self> {
        let generation = GenerationId::generate();
        let shared = Arc::new(Shared {
            generation,
            state: watch::Sender::new(published(generation, 1, tenants, tenants)?),
            heartbeat: watch::Sender::new(None),
        });
        let listener = Handle::current().block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route("/internal/v1/join", post(|| async { Json(joined()) }))
            .route("/internal/v1/token", post(|| async { Json(joined()) }))
            .route("/internal/v1/snapshot", get(whole))
            .route("/internal/v1/changes", get(changes))
            .route("/internal/v1/hash", get(|| async { StatusCode::NOT_FOUND }))
            .route("/internal/v1/heartbeat", post(heartbeat))
            .route(
                "/internal/v1/telemetry",
                post(|| async { StatusCode::NO_CONTENT }),
            )
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, shared })
    }

    /// Another state, of which `changed` differs from the last.
    pub(crate) fn set(
        &self,
        tenants: &[TenantEntry],
        changed: &[TenantEntry],
    ) -> anyhow::Result<()> {
        let epoch = self.shared.state.borrow().epoch + 1;
        let state = published(self.shared.generation, epoch, tenants, changed)?;
        self.shared.state.send_replace(state);
        Ok(())
    }

    /// Waits until the worker has said that it serves the state that was set last.
    pub(crate) fn applied(&self) -> anyhow::Result<()> {
        let epoch = self.shared.state.borrow().epoch;
        let mut heartbeats = self.shared.heartbeat.subscribe();
        let applied = heartbeats.wait_for(|beat| {
            let applied = beat.as_ref().and_then(|beat| beat.applied);
            applied.is_some_and(|position| position.epoch == epoch)
        });
        let waited = async {
            tokio::time::timeout(APPLIED_WITHIN, applied)
                .await
                .map(drop)
        };
        Handle::current().block_on(waited).with_context(|| {
            format!("the worker did not apply the state within {APPLIED_WITHIN:?}")
        })
    }
}

fn published(
    generation: GenerationId,
    epoch: u64,
    tenants: &[TenantEntry],
    changed: &[TenantEntry],
) -> anyhow::Result<Published> {
    let hashes: BTreeMap<_, _> = tenants
        .iter()
        .map(|entry| (entry.id, entry.hash()))
        .collect();
    let (position, hash) = (Position { generation, epoch }, snapshot::rolled_up(&hashes));
    let whole = Snapshot {
        schema: SCHEMA,
        position,
        hash,
        tenants: tenants.to_vec(),
    };
    let changes = Changes {
        schema: SCHEMA,
        position,
        hash,
        tenants: changed.to_vec(),
        removed: Vec::new(),
    };
    Ok(Published {
        epoch,
        whole: Arc::new(serde_json::to_vec(&whole)?),
        changes: Arc::new(serde_json::to_vec(&changes)?),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the bench has no platform whose clock it could ask"
)]
fn joined() -> Joined {
    Joined {
        node: NodeId::generate(),
        token: "node".to_owned(),
        expires_at: OffsetDateTime::now_utc() + Duration::from_secs(86_400),
        artifact_key: guests::key().verifying_key().to_bytes(),
        invoke_key: guests::key().verifying_key().to_bytes(),
        serving_keys: Vec::new(),
    }
}

fn json(bytes: &[u8]) -> Response {
    ([(CONTENT_TYPE, "application/json")], bytes.to_vec()).into_response()
}

async fn whole(State(shared): State<Arc<Shared>>) -> Response {
    let whole = Arc::clone(&shared.state.borrow().whole);
    json(&whole)
}

async fn changes(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let after = uri.query().unwrap_or_default().split('&');
    let mut after = after.filter_map(|pair| pair.strip_prefix("after=")?.parse::<u64>().ok());
    let after = after.next_back().unwrap_or(0);
    let mut states = shared.state.subscribe();
    let newer = states.wait_for(|state| state.epoch > after);
    match tokio::time::timeout(POLL, newer).await {
        Ok(Ok(state)) if state.epoch == after + 1 => json(&Arc::clone(&state.changes)),
        Ok(_) => StatusCode::GONE.into_response(),
        Err(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

async fn heartbeat(State(shared): State<Arc<Shared>>, Json(beat): Json<Heartbeat>) -> Json<Heard> {
    shared.heartbeat.send_replace(Some(beat));
    Json(Heard {
        workers: 1,
        ..Heard::default()
    })
}

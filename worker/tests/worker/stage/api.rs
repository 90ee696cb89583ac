//! The worker's side of an API server: join, snapshot, changes, heartbeat.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a stand-in for an API server, whose callers are ours and make no mistakes"
)]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use blobs::{BlobKey, Blobs};
use domain::{
    FunctionId, GenerationId, NodeId, Timestamp,
    feed::{Claims, Demand, Heard, Heartbeat, Join, Joined, StateHash},
    sealed::{SealingKey, ServingKey},
    snapshot::{self, Changes, Position, SCHEMA, Snapshot, TenantEntry, signed_message},
    telemetry::Batch,
};
use ed25519_dalek::{Signer as _, SigningKey, pkcs8::EncodePrivateKey as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use url::Url;

use super::guests;

#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) url: Url,
    folder: PathBuf,
    shared: Arc<Shared>,
    server: Arc<JoinHandle<()>>,
}

struct Shared {
    snapshot: watch::Sender<Snapshot>,
    heartbeat: watch::Sender<Option<Heartbeat>>,
    elsewhere: Mutex<BTreeMap<FunctionId, u64>>,
    heard: watch::Sender<u32>,
    batches: watch::Sender<Vec<Batch>>,
    refusing: AtomicBool,
    refused: watch::Sender<u32>,
    joins: Mutex<Vec<Join>>,
    /// How many serving keys there are by now.
    serving_keys: AtomicU32,
}

pub(crate) fn blobs_url(folder: &Path) -> Url {
    Url::from_directory_path(folder.join("blobs")).unwrap()
}

impl Api {
    pub(crate) async fn start(folder: &Path) -> Self {
        let shared = Arc::new(Shared {
            snapshot: watch::Sender::new(state(Vec::new(), GenerationId::generate(), 0)),
            heartbeat: watch::Sender::new(None),
            elsewhere: Mutex::default(),
            heard: watch::Sender::default(),
            batches: watch::Sender::default(),
            refusing: AtomicBool::new(false),
            refused: watch::Sender::default(),
            joins: Mutex::default(),
            serving_keys: AtomicU32::new(1),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let routes = Router::new()
            .route("/internal/v1/join", post(join))
            .route("/internal/v1/token", post(renew))
            .route("/internal/v1/snapshot", get(snapshot))
            .route("/internal/v1/changes", get(changes))
            .route("/internal/v1/hash", get(hash))
            .route("/internal/v1/heartbeat", post(heartbeat))
            .route("/internal/v1/telemetry", post(telemetry))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            url,
            folder: folder.to_owned(),
            shared,
            server: Arc::new(server),
        }
    }

    /// From now on nobody answers at its address.
    pub(crate) fn go_away(&self) {
        self.server.abort();
    }

    /// Makes another serving key, which workers hear of when they ask.
    pub(crate) fn add_serving_key(&self) {
        self.shared.serving_keys.fetch_add(1, Relaxed);
    }

    /// Changes what is served, by one epoch.
    pub(crate) fn set(&self, tenants: Vec<TenantEntry>) {
        self.publish_artifacts();
        self.shared.snapshot.send_modify(|snapshot| {
            let position = snapshot.position;
            *snapshot = state(tenants, position.generation, position.epoch + 1);
        });
    }

    /// Says something else at the same epoch, which nobody is told of.
    pub(crate) fn set_silently(&self, tenants: Vec<TenantEntry>) {
        self.publish_artifacts();
        self.shared.snapshot.send_modify(|snapshot| {
            let position = snapshot.position;
            *snapshot = state(tenants, position.generation, position.epoch);
        });
    }

    /// What API servers put into the object store, signed by `key`.
    pub(crate) fn publish(&self, key: &SigningKey) {
        let json = serde_json::to_vec(&*self.shared.snapshot.borrow()).unwrap();
        let mut object = key.sign(&signed_message(&json)).to_bytes().to_vec();
        object.extend(json);
        let blobs = Blobs::open(&blobs_url(&self.folder)).unwrap();
        let put = blobs.replace(&BlobKey::Snapshot, object.into());
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(put)).unwrap();
    }

    /// The same, with a hash that is not that of the entries.
    pub(crate) fn set_with_a_wrong_hash(&self, tenants: Vec<TenantEntry>) {
        self.shared.snapshot.send_modify(|snapshot| {
            let position = snapshot.position;
            *snapshot = state(tenants, position.generation, position.epoch + 1);
            snapshot.hash = [0; 32];
        });
    }

    fn publish_artifacts(&self) {
        let blobs = Blobs::open(&blobs_url(&self.folder)).unwrap();
        for (artifact, bytes) in guests::all() {
            let key = BlobKey::Artifact {
                engine_tag: artifact.engine_tag,
                module: artifact.module,
            };
            let bytes = bytes.as_ref().clone().into();
            let put = async { blobs.put(&key, bytes).await.map(|_| ()) };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(put))
                .unwrap();
        }
    }

    /// Waits for a heartbeat of the position that was set last.
    pub(crate) async fn acknowledged(&self) -> Heartbeat {
        let position = self.shared.snapshot.borrow().position;
        self.heartbeat(|heartbeat| heartbeat.applied == Some(position))
            .await
    }

    pub(crate) async fn heartbeat(&self, wanted: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        let mut heartbeats = self.shared.heartbeat.subscribe();
        let wanted = heartbeats.wait_for(|beat| beat.as_ref().is_some_and(&wanted));
        let beat = tokio::time::timeout(Duration::from_secs(15), wanted).await;
        beat.expect("the heartbeat comes").unwrap().clone().unwrap()
    }

    /// From now on other workers have this many times the demand that this one names.
    pub(crate) fn busier_elsewhere(&self, function: FunctionId, times: u64) {
        self.shared
            .elsewhere
            .lock()
            .unwrap()
            .insert(function, times);
    }

    /// Waits until the worker was told so, and has had a moment to take it.
    pub(crate) async fn heard(&self) {
        let mut heard = self.shared.heard.subscribe();
        heard.wait_for(|times| *times > 0).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    pub(crate) fn refuse_telemetry(&self, refuse: bool) {
        self.shared.refusing.store(refuse, Relaxed);
    }

    pub(crate) async fn telemetry_refused(&self, times: u32) {
        let mut refused = self.shared.refused.subscribe();
        refused.wait_for(|seen| *seen >= times).await.unwrap();
    }

    pub(crate) fn decoded(base64: &str) -> String {
        let bytes = BASE64_STANDARD.decode(base64).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Waits for telemetry that has what is wanted.
    pub(crate) async fn telemetry(&self, wanted: impl Fn(&[Batch]) -> bool) -> Vec<Batch> {
        let mut batches = self.shared.batches.subscribe();
        let wanted = batches.wait_for(|batches| wanted(batches));
        let batches = tokio::time::timeout(Duration::from_secs(15), wanted).await;
        batches.expect("the telemetry comes").unwrap().clone()
    }

    /// A token for the worker's internal listener.
    pub(crate) fn token(audience: &str, function: FunctionId) -> String {
        Self::token_for(audience, function, 60)
    }

    pub(crate) fn token_of_yesterday(audience: &str, function: FunctionId) -> String {
        Self::token_for(audience, function, -86_400)
    }

    fn token_for(audience: &str, function: FunctionId, seconds: i64) -> String {
        let key = SigningKey::from_bytes(&[9; 32]).to_pkcs8_der().unwrap();
        let claims = Claims {
            aud: audience.to_owned(),
            sub: function.to_string(),
            exp: Timestamp::now_utc().unix_timestamp() + seconds,
        };
        let key = EncodingKey::from_ed_der(key.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key).unwrap()
    }

    pub(crate) fn joins(&self) -> Vec<Join> {
        self.shared.joins.lock().unwrap().clone()
    }
}

fn state(tenants: Vec<TenantEntry>, generation: GenerationId, epoch: u64) -> Snapshot {
    let hashes: BTreeMap<_, _> = tenants
        .iter()
        .map(|tenant| (tenant.id, tenant.hash()))
        .collect();
    Snapshot {
        schema: SCHEMA,
        position: Position { generation, epoch },
        hash: snapshot::rolled_up(&hashes),
        tenants,
    }
}

/// The key of that number that secrets travel under.
pub(crate) fn serving_key(number: u32) -> ServingKey {
    let byte = u8::try_from(number).unwrap();
    ServingKey {
        number,
        key: SealingKey::new([byte; 32]),
    }
}

fn joined(shared: &Shared) -> Joined {
    let keys = 1..=shared.serving_keys.load(Relaxed);
    Joined {
        node: NodeId::generate(),
        token: "node".to_owned(),
        expires_at: Timestamp::now_utc() + Duration::from_secs(600),
        artifact_key: guests::signing_key().verifying_key().to_bytes(),
        invoke_key: SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes(),
        serving_keys: keys.map(serving_key).collect(),
    }
}

async fn join(State(shared): State<Arc<Shared>>, Json(join): Json<Join>) -> Json<Joined> {
    shared.joins.lock().unwrap().push(join);
    Json(joined(&shared))
}

async fn renew(State(shared): State<Arc<Shared>>) -> Json<Joined> {
    Json(joined(&shared))
}

async fn snapshot(State(shared): State<Arc<Shared>>) -> Json<Snapshot> {
    Json(shared.snapshot.borrow().clone())
}

async fn hash(State(shared): State<Arc<Shared>>) -> Json<StateHash> {
    let snapshot = shared.snapshot.borrow();
    Json(StateHash {
        position: snapshot.position,
        hash: snapshot.hash,
    })
}

async fn changes(
    State(shared): State<Arc<Shared>>,
    Query(after): Query<BTreeMap<String, String>>,
) -> Response {
    let after: u64 = after["after"].parse().unwrap();
    let mut snapshots = shared.snapshot.subscribe();
    let newer = snapshots.wait_for(|snapshot| snapshot.position.epoch > after);
    let Ok(newer) = tokio::time::timeout(Duration::from_secs(5), newer).await else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let Snapshot {
        schema,
        position,
        hash,
        tenants,
    } = newer.unwrap().clone();
    let changes = Changes {
        schema,
        position,
        hash,
        tenants,
        removed: Vec::new(),
    };
    Json(changes).into_response()
}

async fn telemetry(State(shared): State<Arc<Shared>>, Json(batch): Json<Batch>) -> StatusCode {
    if shared.refusing.load(Relaxed) {
        shared.refused.send_modify(|times| *times += 1);
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    shared.batches.send_modify(|batches| batches.push(batch));
    StatusCode::NO_CONTENT
}

async fn heartbeat(State(shared): State<Arc<Shared>>, Json(beat): Json<Heartbeat>) -> Json<Heard> {
    let times = shared.elsewhere.lock().unwrap().clone();
    let named = &beat.demand.functions;
    let elsewhere = named.iter().filter_map(|(function, here)| {
        let times = times.get(function)?;
        Some((*function, here * times))
    });
    let heard = Heard {
        workers: 1 + times.values().len() as u32,
        elsewhere: Demand {
            functions: elsewhere.collect(),
            ..Demand::default()
        },
    };
    if !heard.elsewhere.functions.is_empty() {
        shared.heard.send_modify(|times| *times += 1);
    }
    shared.heartbeat.send_replace(Some(beat));
    Json(heard)
}

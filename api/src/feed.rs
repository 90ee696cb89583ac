//! `/internal/v1`: what workers ask. A join token or the node's own JWT says who they are.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Platform,
    feed::{self, Answer},
};
use domain::{
    GenerationId,
    feed::{Heard, Heartbeat, Join, Joined, StateHash},
    snapshot::{Position, Snapshot},
};
use http::{Method, StatusCode};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use crate::{
    access::{Bearer, Worker},
    body::Json,
    params::Query,
    problem::{Code, Problem},
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    let path = |name| format!("/internal/v1/{name}");
    Routes::default()
        .internal(Need::JoinToken, Method::POST, &path("join"), join)
        .internal(Need::Worker, Method::POST, &path("token"), renew)
        .internal(Need::Worker, Method::POST, &path("heartbeat"), heartbeat)
        .internal(Need::Worker, Method::GET, &path("changes"), changes)
        .internal(Need::Worker, Method::GET, &path("snapshot"), snapshot)
        .internal(Need::Worker, Method::GET, &path("hash"), hash)
}

/// Cancelled when the server begins to drain: a long poll must not hold it up.
#[derive(Clone, Debug)]
pub(crate) struct Draining(pub(crate) CancellationToken);

async fn join(
    State(platform): State<Platform>,
    Bearer(token): Bearer,
    Json(join): Json<Join>,
) -> Result<(StatusCode, Json<Joined>), Problem> {
    let joined = feed::join(&platform, &token, join).await?;
    Ok((StatusCode::CREATED, Json(joined)))
}

async fn renew(
    State(platform): State<Platform>,
    Worker(node): Worker,
) -> Result<Json<Joined>, Problem> {
    Ok(Json(feed::renew(&platform, node).await?))
}

async fn heartbeat(
    State(platform): State<Platform>,
    Worker(node): Worker,
    Json(heartbeat): Json<Heartbeat>,
) -> Result<Json<Heard>, Problem> {
    Ok(Json(feed::heartbeat(&platform, node, heartbeat).await?))
}

#[derive(Deserialize)]
struct After {
    generation: String,
    after: u64,
}

async fn changes(
    State(platform): State<Platform>,
    Extension(Draining(draining)): Extension<Draining>,
    Worker(node): Worker,
    Query(query): Query<After>,
) -> Result<Response, Problem> {
    let generation = query.generation.parse::<GenerationId>();
    let after = Position {
        generation: generation.map_err(|problem| problem.at("generation"))?,
        epoch: query.after,
    };
    let answer = tokio::select! {
        answer = feed::changes(&platform, node, after) => answer?,
        () = draining.cancelled() => Answer::Unchanged,
    };
    match answer {
        Answer::Changed(changes) => Ok(Json(changes).into_response()),
        Answer::Unchanged => Ok(StatusCode::NO_CONTENT.into_response()),
        Answer::Gone => Err(Problem::new(
            Code::PositionGone,
            "the position is not of this history; take the whole snapshot",
        )),
    }
}

async fn snapshot(
    State(platform): State<Platform>,
    Worker(node): Worker,
) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(feed::snapshot(&platform, node).await?))
}

async fn hash(
    State(platform): State<Platform>,
    Worker(node): Worker,
) -> Result<Json<StateHash>, Problem> {
    Ok(Json(feed::hash(&platform, node).await?))
}

//! Compiles a version's module in the jail, signs the artifact, and lets what waited for it go on.

use std::time::{Duration, Instant};

use blobs::{BlobKey, Put};
use bytes::Bytes;
use domain::{
    Digest, VersionId,
    artifact::{Artifact, ArtifactHash},
    version::VersionState,
};
use ed25519_dalek::Signer as _;
use store::{
    Connection, artifacts, deployments,
    jobs::{self, Kind},
    serving,
    versions::{self, ToCompile},
};

use super::Done;
use crate::{Error, Platform};

pub(super) async fn run(p: &Platform, id: VersionId) -> Result<Done, Error> {
    let mut tx = p.db.platform().await?;
    let version = versions::to_compile(&mut tx, id).await?;
    let Some(version) = version.filter(|version| version.state != VersionState::Failed) else {
        return Ok(Done::Finished);
    };
    let compiled = artifacts::exists(&mut tx, &version.digest, engine::TAG).await?;
    drop(tx);
    if compiled {
        publish(p, id, &version, None).await?;
        return Ok(Done::Finished);
    }

    let bytes = version.bytes.unsigned_abs();
    let module = BlobKey::Module(version.digest);
    let module = p.blobs.get_bytes(&module, bytes).await?;
    let started = Instant::now();
    let memory_bytes = version.limits.memory_bytes;
    match p.jail.compile(module, memory_bytes).await {
        Ok(native) => {
            let took = started.elapsed();
            tracing::info!(version = %id, milliseconds = took.as_millis(), bytes = native.len(), "compiled");
            publish(p, id, &version, Some((native.into(), took))).await?;
            Ok(Done::Finished)
        }
        Err(error) if error.is_ours() => Err(Error::Internal(error.into())),
        // It goes on serving where workers have an engine that could.
        Err(error) if version.state == VersionState::Ready => {
            tracing::warn!(version = %id, engine = engine::TAG, "a version does not compile for this engine: {error}");
            Ok(Done::Refused(error.to_string()))
        }
        Err(error) => {
            tracing::info!(version = %id, "the version does not compile: {error}");
            let mut tx = p.db.platform().await?;
            fail(&mut tx, id, &version, &error.to_string()).await?;
            tx.commit().await?;
            Ok(Done::Finished)
        }
    }
}

/// The job failed too often for reasons of our own.
pub(super) async fn give_up(tx: &mut Connection, id: VersionId) -> Result<(), Error> {
    if let Some(version) = versions::to_compile(tx, id).await? {
        let reason = "the platform could not compile it at the time; upload it again";
        fail(tx, id, &version, reason).await?;
    }
    Ok(())
}

async fn fail(
    tx: &mut Connection,
    id: VersionId,
    version: &ToCompile,
    reason: &str,
) -> Result<(), Error> {
    versions::set_failed(tx, id, reason).await?;
    wake_deployment(tx, version).await
}

/// Makes the version ready. `native` is absent where the artifact was there already.
async fn publish(
    p: &Platform,
    id: VersionId,
    version: &ToCompile,
    native: Option<(Bytes, Duration)>,
) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    artifacts::lock(&mut tx, &version.digest, engine::TAG).await?;
    let mut compile_ms = None;
    let mut served_by = Vec::new();
    if let Some((native, took)) = native
        && !artifacts::exists(&mut tx, &version.digest, engine::TAG).await?
    {
        let artifact = keep(p, &version.digest, native).await?;
        artifacts::insert(&mut tx, &artifact).await?;
        compile_ms = i32::try_from(took.as_millis()).ok();
        served_by = artifacts::tenants_serving(&mut tx, &version.digest).await?;
    }
    versions::set_ready(&mut tx, id, compile_ms).await?;
    wake_deployment(&mut tx, version).await?;
    for tenant in served_by {
        serving::bump(&mut tx, tenant).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Puts the artifact in the object store and signs for these very bytes.
async fn keep(p: &Platform, module: &Digest, native: Bytes) -> Result<Artifact, Error> {
    let hash = ArtifactHash::of(&native);
    let bytes = native.len() as u64;
    let key = BlobKey::Artifact {
        engine_tag: engine::TAG.to_owned(),
        module: *module,
    };
    // An object without a row is left of a run that broke off, and may be of other bytes.
    if p.blobs.put(&key, native.clone()).await? == Put::AlreadyThere {
        p.blobs.delete(&key).await?;
        p.blobs.put(&key, native).await?;
    }
    let message = Artifact::signed_message(engine::TAG, module, &hash);
    let signature = p.config.keys.signing("artifact signing").sign(&message);
    Ok(Artifact {
        engine_tag: engine::TAG.to_owned(),
        module: *module,
        bytes,
        hash,
        signature: signature.to_vec(),
    })
}

async fn wake_deployment(tx: &mut Connection, version: &ToCompile) -> Result<(), Error> {
    let waiting = deployments::preparing(tx, version.tenant, version.function).await?;
    if let Some(deployment) = waiting {
        jobs::wake(tx, Kind::Activate, deployment.uuid()).await?;
    }
    Ok(())
}

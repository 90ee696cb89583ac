//! Deletes what expired and what nothing refers to any more.

use std::time::Duration as Wait;

use blobs::{BlobKey, Blobs};
use domain::Digest;
use futures::TryStreamExt as _;
use store::{jobs, keys, modules, nodes, secrets, serving, uploads};
use time::Duration;

use super::Done;
use crate::{Error, Platform, sessions, telemetry, tenants};

const EVERY: Wait = Wait::from_secs(3_600);
/// Longer than any upload is on its way from the blob to its row.
const GRACE: Duration = Duration::hours(24);
const AT_A_TIME: i64 = 100;

/// Comes back every hour by itself.
pub(super) async fn run(p: &Platform) -> Result<Done, Error> {
    let now = p.clock.now();
    sessions::sweep(p).await?;
    let mut tx = p.db.platform().await?;
    let uploads = uploads::delete_expired(&mut tx, now).await?;
    serving::trim_log(&mut tx).await?;
    nodes::delete_gone(&mut tx).await?;
    jobs::delete_pointless(&mut tx).await?;
    secrets::delete_unused(&mut tx).await?;
    keys::delete_unused(&mut tx).await?;
    tx.commit().await?;

    // Before the modules: those of a tenant that goes are orphans then.
    let tenants = tenants::sweep(p).await?;
    let modules = sweep_modules(p).await? + sweep_blobs(p).await?;
    let days = telemetry::keep(p).await?;
    if uploads + tenants + modules + days > 0 {
        tracing::info!(uploads, tenants, modules, days, "swept");
    }
    Ok(Done::Later(EVERY))
}

async fn sweep_modules(p: &Platform) -> Result<u64, Error> {
    let before = p.clock.now() - GRACE;
    let mut swept = 0;
    loop {
        let mut tx = p.db.platform().await?;
        let orphans = modules::orphans(&mut tx, before, AT_A_TIME).await?;
        drop(tx);
        let mut progress = false;
        for digest in &orphans {
            let mut tx = p.db.platform().await?;
            if let Some(tags) = modules::delete_orphan(&mut tx, digest).await? {
                delete_blobs(&p.blobs, digest, tags).await?;
                tx.commit().await?;
                swept += 1;
                progress = true;
            }
        }
        if !progress || orphans.len() < AT_A_TIME as usize {
            return Ok(swept);
        }
    }
}

/// Modules in the object store whose row was never written.
async fn sweep_blobs(p: &Platform) -> Result<u64, Error> {
    let before = p.clock.now() - GRACE;
    let mut swept = 0;
    let mut stored = p.blobs.modules();
    while let Some(module) = stored.try_next().await? {
        if module.stored_at >= before {
            continue;
        }
        let mut tx = p.db.platform().await?;
        if modules::is_absent(&mut tx, &module.digest).await? {
            delete_blobs(&p.blobs, &module.digest, Vec::new()).await?;
            swept += 1;
        }
    }
    Ok(swept)
}

async fn delete_blobs(blobs: &Blobs, module: &Digest, tags: Vec<String>) -> Result<(), Error> {
    for engine_tag in tags {
        let module = *module;
        blobs
            .delete(&BlobKey::Artifact { engine_tag, module })
            .await?;
    }
    Ok(blobs.delete(&BlobKey::Module(*module)).await?)
}

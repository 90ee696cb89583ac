//! Carries a deployment to the workers in two phases: each live worker loads its versions while the
//! ones before them answer, then all switch. So no request meets a version that is not loaded.

use std::time::Duration;

use domain::{
    DeploymentId, TenantId, deployment::DeploymentState, operation::OperationState,
    snapshot::Position, version::VersionState,
};
use store::{
    Connection,
    deployments::{self, Deployment},
    functions::{self, FunctionKey},
    jobs::{self, Kind},
    operations, serving,
    versions::{self, Standing},
};

use super::{Done, progress::Progress, workers::Wait};
use crate::{Error, Platform};

/// The compile job wakes this one; this is for a wake that was lost.
const COMPILING: Duration = Duration::from_secs(15);

pub(super) async fn run(p: &Platform, id: DeploymentId) -> Result<Done, Error> {
    let Some((tenant, deployment)) = read(p, id).await? else {
        return Ok(Done::Finished);
    };
    let mut progress = Progress::read(p, tenant, deployment.operation).await?;
    let switched = match deployment.state {
        DeploymentState::Preparing => {
            let versions = match compiled(p, tenant, &deployment).await? {
                Compiled::All(versions) => versions,
                Compiled::NotYet => return Ok(Done::Later(COMPILING)),
                Compiled::Never(reason) => return fail(p, tenant, &deployment, &reason).await,
            };
            progress.set("compiled", versions.len(), versions.len());
            let Some(announced) = announce(p, tenant, id, &progress).await? else {
                return Ok(Done::Finished);
            };
            let wait = Wait {
                position: announced,
                versions: &versions,
                step: "prepared",
            };
            if let Some(reason) = wait.for_workers(p, &mut progress).await? {
                return fail(p, tenant, &deployment, &reason).await;
            }
            switch(p, tenant, &deployment, &progress).await?
        }
        // A run before this one broke off after the switch.
        DeploymentState::Live => Some(position(p).await?),
        DeploymentState::Superseded | DeploymentState::Failed => None,
    };
    let Some(position) = switched else {
        return Ok(Done::Finished);
    };
    let wait = Wait {
        position,
        versions: &[],
        step: "live",
    };
    wait.for_workers(p, &mut progress).await?;
    progress.write(OperationState::Succeeded).await?;
    Ok(Done::Finished)
}

/// The job failed too often for reasons of our own.
pub(super) async fn give_up(
    p: &Platform,
    tx: &mut Connection,
    id: DeploymentId,
) -> Result<(), Error> {
    let Some(tenant) = deployments::tenant_of(tx, id).await? else {
        return Ok(());
    };
    if let Some(deployment) = deployments::find(tx, tenant, id).await? {
        let reason = "the platform could not activate it at the time; deploy it again";
        end(p, tx, tenant, &deployment, reason).await?;
    }
    Ok(())
}

async fn read(p: &Platform, id: DeploymentId) -> Result<Option<(TenantId, Deployment)>, Error> {
    let mut tx = p.db.platform().await?;
    let Some(tenant) = deployments::tenant_of(&mut tx, id).await? else {
        return Ok(None);
    };
    let found = deployments::find(&mut tx, tenant, id).await?;
    Ok(found.map(|deployment| (tenant, deployment)))
}

async fn position(p: &Platform) -> Result<Position, Error> {
    let mut tx = p.db.platform().await?;
    Ok(serving::position(&mut tx).await?)
}

enum Compiled {
    All(Vec<Standing>),
    NotYet,
    Never(String),
}

async fn compiled(
    p: &Platform,
    tenant: TenantId,
    deployment: &Deployment,
) -> Result<Compiled, Error> {
    let shares = deployment.traffic.iter();
    let numbers: Vec<i32> = shares.map(|share| share.version.cast_signed()).collect();
    let mut tx = p.db.platform().await?;
    let function = deployment.function;
    let found = versions::states(&mut tx, tenant, function, &numbers, engine::TAG).await?;
    let mut all = true;
    for version in found.iter().filter(|version| !version.compiled) {
        all = false;
        let refusal = match version.state {
            VersionState::Failed => version.error.clone(),
            VersionState::Compiling => None,
            // Compiled for an engine that is no longer ours.
            VersionState::Ready => {
                let (id, tag) = (version.id, engine::TAG);
                jobs::enqueue(&mut tx, Some(tenant), Kind::Compile, id.uuid(), tag).await?;
                jobs::refusal(&mut tx, id, tag).await?
            }
        };
        if let Some(reason) = refusal {
            let number = version.number;
            return Ok(Compiled::Never(format!(
                "version {number} does not compile: {reason}"
            )));
        }
    }
    tx.commit().await?;
    Ok(if all {
        Compiled::All(found)
    } else {
        Compiled::NotYet
    })
}

/// Asks workers to load the versions. `None` where the deployment no longer prepares.
async fn announce(
    p: &Platform,
    tenant: TenantId,
    id: DeploymentId,
    progress: &Progress<'_>,
) -> Result<Option<Position>, Error> {
    let mut tx = p.db.platform().await?;
    if !deployments::announce(&mut tx, tenant, id, p.clock.now()).await? {
        return Ok(None);
    }
    progress.save(&mut tx, OperationState::Running).await?;
    let position = serving::bump(&mut tx, tenant).await?;
    tx.commit().await?;
    Ok(Some(position))
}

/// Lets the deployment answer. `None` where it no longer prepares.
async fn switch(
    p: &Platform,
    tenant: TenantId,
    deployment: &Deployment,
    progress: &Progress<'_>,
) -> Result<Option<Position>, Error> {
    let now = p.clock.now();
    let function = deployment.function;
    let mut tx = p.db.platform().await?;
    // A deployment that is being made holds the row too: one of the two sees the other's work.
    functions::lock(&mut tx, tenant, &FunctionKey::Id(function)).await?;
    if !deployments::go_live(&mut tx, tenant, function, deployment.id, now).await? {
        return Ok(None);
    }
    functions::touch(&mut tx, tenant, function, now).await?;
    progress.save(&mut tx, OperationState::Running).await?;
    let position = serving::bump(&mut tx, tenant).await?;
    tx.commit().await?;
    Ok(Some(position))
}

async fn fail(
    p: &Platform,
    tenant: TenantId,
    deployment: &Deployment,
    reason: &str,
) -> Result<Done, Error> {
    let mut tx = p.db.platform().await?;
    end(p, &mut tx, tenant, deployment, reason).await?;
    tx.commit().await?;
    Ok(Done::Finished)
}

/// What was live before goes on answering.
async fn end(
    p: &Platform,
    tx: &mut Connection,
    tenant: TenantId,
    deployment: &Deployment,
    reason: &str,
) -> Result<(), Error> {
    if deployments::fail(tx, tenant, deployment.id, reason).await? {
        operations::fail(tx, tenant, deployment.operation, reason, p.clock.now()).await?;
        serving::bump(tx, tenant).await?;
    }
    Ok(())
}

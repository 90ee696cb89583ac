//! Deployments: what answers, since when, and by whom. Activation runs in two phases as a job:
//! every live worker loads the version, then all of them switch.

use domain::{
    DeploymentId, FunctionId, OperationId, Problems,
    deployment::{Share, check_traffic},
    operation::{OperationState, Step},
    page::{Page, PageRequest},
    version::VersionState,
};
use serde_json::{Value, json};
use store::{
    Connection,
    deployments::{self, Deployment, NewDeployment},
    jobs::{self, Kind},
    operations::{self, Operation},
    serving, versions,
};

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    functions::{check_text, find, key, lock},
    versions::MAX_MESSAGE,
};

/// A version that still compiles is waited for by the operation; one that failed is a `Conflict`.
pub async fn create(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    traffic: Vec<Share>,
    message: String,
) -> Result<(Deployment, Operation), Error> {
    let mut problems = Problems::default();
    if let Err(found) = check_traffic(&traffic) {
        problems.0.extend(found.0);
    }
    check_text(&mut problems, "message", &message, MAX_MESSAGE);
    problems.into_result()?;

    let mut tx = by.begin(p).await?;
    let function = lock(&mut tx, by, function).await?;
    let wanted = Wanted {
        function,
        traffic,
        message,
        rollback: false,
    };
    let made = start(&mut tx, p, by, &wanted).await?;
    tx.commit().await?;
    Ok(made)
}

/// Deploys again what was live before the current deployment. `Conflict` where nothing was.
pub async fn roll_back(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    message: String,
) -> Result<(Deployment, Operation), Error> {
    let mut problems = Problems::default();
    check_text(&mut problems, "message", &message, MAX_MESSAGE);
    problems.into_result()?;

    let mut tx = by.begin(p).await?;
    let function = lock(&mut tx, by, function).await?;
    let before = deployments::previous_traffic(&mut tx, by.tenant, function).await?;
    let nothing = || Error::Conflict("nothing was live before what is live now".to_owned());
    let wanted = Wanted {
        function,
        traffic: before.ok_or_else(nothing)?,
        message,
        rollback: true,
    };
    let made = start(&mut tx, p, by, &wanted).await?;
    tx.commit().await?;
    Ok(made)
}

/// Newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    page: &PageRequest,
) -> Result<Page<Deployment>, Error> {
    let cursor = page.cursor.as_deref().map(str::parse::<DeploymentId>);
    let before = cursor.transpose().map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let found = deployments::list(&mut tx, by.tenant, function, before, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |deployment| {
        deployment.id.to_string()
    }))
}

pub(crate) struct Wanted {
    pub(crate) function: FunctionId,
    pub(crate) traffic: Vec<Share>,
    pub(crate) message: String,
    pub(crate) rollback: bool,
}

/// Writes the deployment, its operation and its job. The function's row is locked.
pub(crate) async fn start(
    tx: &mut Connection,
    p: &Platform,
    by: &Member<Developer>,
    wanted: &Wanted,
) -> Result<(Deployment, Operation), Error> {
    let now = p.clock.now();
    let ready = check_versions(tx, by, wanted).await?;
    let superseded = deployments::supersede_preparing(tx, by.tenant, wanted.function).await?;
    if let Some(over) = superseded {
        let error = "a newer deployment took its place";
        operations::fail(tx, by.tenant, over.operation, error, now).await?;
    }

    let total = wanted.traffic.len() as u32;
    let step = |name: &str, done, total| Step {
        name: name.to_owned(),
        done,
        total,
        finished_at: (total > 0 && done == total).then_some(now),
    };
    let operation = Operation {
        id: OperationId::generate(),
        tenant: by.tenant,
        kind: if wanted.rollback {
            "rollback"
        } else {
            "deploy"
        }
        .to_owned(),
        state: OperationState::Pending,
        steps: vec![
            step("compiled", ready, total),
            step("prepared", 0, 0),
            step("live", 0, 0),
        ],
        error: None,
        created_at: now,
        updated_at: now,
    };
    operations::insert(tx, by.tenant, &operation).await?;
    let new = NewDeployment {
        id: DeploymentId::generate(),
        function: wanted.function,
        traffic: &wanted.traffic,
        message: &wanted.message,
        author: by.actor.author(),
        rollback: wanted.rollback,
        operation: operation.id,
    };
    deployments::insert(tx, by.tenant, &new, now).await?;
    jobs::enqueue(tx, Some(by.tenant), Kind::Activate, new.id.uuid(), "").await?;
    let change = Change {
        action: "deployment.created",
        subject: new.id.to_string(),
        before: Value::Null,
        after: json!({
            "function": wanted.function,
            "traffic": wanted.traffic,
            "rollback": wanted.rollback,
        }),
    };
    audit::record(tx, p, by, change).await?;
    let made = deployments::find(tx, by.tenant, new.id).await?;
    let made = made.ok_or(Error::NotFound("deployment"))?;
    // Workers that were told to prepare the one before it hear that they need not.
    if superseded.is_some_and(|over| over.announced) {
        serving::bump(tx, by.tenant).await?;
    }
    Ok((made, operation))
}

/// How many of the versions are ready; each has to exist, and may not have failed.
async fn check_versions(
    tx: &mut Connection,
    by: &Member<Developer>,
    wanted: &Wanted,
) -> Result<u32, Error> {
    // A number too large to be stored is no version's.
    let number = |share: &Share| i32::try_from(share.version).unwrap_or(-1);
    let numbers: Vec<i32> = wanted.traffic.iter().map(number).collect();
    let found = versions::states(tx, by.tenant, wanted.function, &numbers, engine::TAG).await?;
    let mut problems = Problems::default();
    for (index, share) in wanted.traffic.iter().enumerate() {
        if !found.iter().any(|version| version.number == number(share)) {
            problems.push(
                format!("traffic[{index}].version"),
                format!("the function has no version {}", share.version),
            );
        }
    }
    problems.into_result()?;
    let failed = |version: &&versions::Standing| version.state == VersionState::Failed;
    if let Some(version) = found.iter().find(failed) {
        return Err(Error::Conflict(format!(
            "version {} failed to compile: {}",
            version.number,
            version.error.as_deref().unwrap_or("no reason is known")
        )));
    }
    if let Some(version) = found.iter().find(|version| !version.missing.is_empty()) {
        let missing: Vec<_> = version
            .missing
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        return Err(Error::Conflict(format!(
            "version {} requires {}, which it was not made with; set that, and make a version of it anew",
            version.number,
            missing.join(", "),
        )));
    }
    Ok(found.iter().filter(|version| version.compiled).count() as u32)
}

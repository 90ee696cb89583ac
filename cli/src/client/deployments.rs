//! `atoll deployments`, `rollback` and `split`: what is live.

use domain::{
    deployment::{Share, check_traffic},
    rest::{
        deployments::{CreateDeployment, DeploymentView, RollBack},
        functions::FunctionView,
    },
};
use serde::Serialize;
use serde_json::json;

use super::{
    args::{DeploymentsTask, Rollback, Split},
    context::Context,
    failure::Failure,
    functions::traffic,
    output::{moment, word},
    progress,
    text::FunctionRef,
};

pub(crate) async fn run(context: &Context, task: DeploymentsTask) -> Result<(), Failure> {
    let DeploymentsTask::List { of, limit } = task;
    let function = context.function(&of)?;
    let here = context.here().await?;
    let found = here
        .api
        .list(&here.of(&function, "/deployments"), &[], limit.limit)
        .await?;
    let none = format!("{function} was never deployed");
    let headings = ["TRAFFIC", "STATE", "LIVE SINCE", "CREATED", "BY", "MESSAGE"];
    context
        .out
        .list(found, headings, &none, |deployment: DeploymentView| {
            let why = match (deployment.error, deployment.rollback) {
                (Some(error), _) => error,
                (None, true) if deployment.message.is_empty() => "rollback".to_owned(),
                (None, true) => format!("rollback: {}", deployment.message),
                (None, false) => deployment.message,
            };
            [
                traffic(&deployment.traffic),
                word(&deployment.state),
                deployment.live_at.map(moment).unwrap_or_default(),
                moment(deployment.created_at),
                deployment.author_name.unwrap_or_default(),
                why,
            ]
        })
}

pub(crate) async fn roll_back(context: &Context, args: Rollback) -> Result<(), Failure> {
    let function = context.function(&args.of)?;
    let body = RollBack {
        message: args.message,
    };
    let what = format!("Rolling back `{function}`");
    ask(context, &function, "/rollback", &body, &what).await
}

pub(crate) async fn split(context: &Context, args: Split) -> Result<(), Failure> {
    let shares: Vec<Share> = args.traffic.iter().map(|weight| weight.0).collect();
    check_traffic(&shares)?;
    let function = args.function;
    let what = format!("Sharing the traffic of `{function}`: {}", traffic(&shares));
    let body = CreateDeployment {
        traffic: shares,
        message: args.message,
    };
    ask(context, &function, "/deployments", &body, &what).await
}

/// Asks for a deployment, waits until it is live, and says what is.
async fn ask(
    context: &Context,
    function: &FunctionRef,
    below: &str,
    body: &impl Serialize,
    what: &str,
) -> Result<(), Failure> {
    let here = context.here().await?;
    context.out.note(what);
    let accepted = here.api.post(&here.of(function, below), body).await?;
    let operation = progress::follow(&here.api, context.out, &accepted).await?;
    let live = here.api.get(&here.of(function, "")).await?;
    if context.out.json {
        return context
            .out
            .json(&json!({ "function": live.raw, "operation": operation }));
    }
    let view: FunctionView = live.view()?;
    context
        .out
        .line(format!("Live: {}", traffic(&view.traffic)))
}

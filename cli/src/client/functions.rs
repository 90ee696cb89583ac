//! `atoll functions`

use domain::{deployment::Share, rest::functions::FunctionView};
use serde_json::json;

use super::{
    args::FunctionsTask,
    context::Context,
    failure::Failure,
    output::{fields, moment, word},
    terminal,
    text::FunctionRef,
};

pub(crate) async fn run(context: &Context, task: FunctionsTask) -> Result<(), Failure> {
    match task {
        FunctionsTask::List => list(context).await,
        FunctionsTask::Show(of) => show(context, &context.function(&of)?).await,
        FunctionsTask::Delete { function, yes } => delete(context, &function, yes).await,
    }
}

async fn list(context: &Context) -> Result<(), Failure> {
    let here = context.here().await?;
    let found = here
        .api
        .list(&here.path("/functions"), &[], usize::MAX)
        .await?;
    let none = format!(
        "{} has no functions yet; `atoll deploy` makes one",
        here.tenant
    );
    let headings = ["NAME", "LIVE", "ACCESS", "CHANGED", "URL"];
    context
        .out
        .list(found, headings, &none, |function: FunctionView| {
            [
                function.name.to_string(),
                live(&function),
                word(&function.access),
                moment(function.updated_at),
                function.url,
            ]
        })
}

async fn show(context: &Context, function: &FunctionRef) -> Result<(), Failure> {
    let here = context.here().await?;
    let found = here.api.get(&here.of(function, "")).await?;
    let all = found.raw["limits"].clone();
    context.out.one(&found.raw, |function: FunctionView| {
        let reuse = function.reuse.map(|reuse| {
            format!(
                "{} calls, {} s idle, {} at a time",
                reuse.requests, reuse.idle_seconds, reuse.concurrency
            )
        });
        let limits = all.as_object().into_iter().flatten();
        let limits: Vec<_> = limits
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        let latest = function.latest_version.map(|number| format!("v{number}"));
        fields([
            ("Name", function.name.to_string()),
            ("Id", function.id.to_string()),
            ("URL", function.url.clone()),
            ("Description", function.description.clone()),
            ("Live", live(&function)),
            ("Latest", latest.unwrap_or_default()),
            ("Access", word(&function.access)),
            ("Outbound", function.allowed_outbound_hosts.join(" ")),
            ("Reuse", reuse.unwrap_or_default()),
            ("Limits", limits.join(", ")),
            ("Created", moment(function.created_at)),
            ("Changed", moment(function.updated_at)),
        ])
    })
}

async fn delete(context: &Context, function: &FunctionRef, yes: bool) -> Result<(), Failure> {
    let here = context.here().await?;
    let path = here.of(function, "");
    let found = here.api.get(&path).await?;
    let view: FunctionView = found.view()?;
    let question = format!(
        "Delete `{}` of {} with all its versions?",
        view.name, here.tenant
    );
    if !yes && !terminal::confirm(&question, "pass --yes to delete it")? {
        return Err(Failure::Failed("nothing was deleted".to_owned()));
    }
    here.api.delete_read(&path, &found).await?;
    if context.out.json {
        return context.out.json(&json!({ "deleted": found.raw }));
    }
    context
        .out
        .line(format!("Deleted `{}`; its URL answers 404.", view.name))
}

fn live(function: &FunctionView) -> String {
    match function.enabled {
        true => traffic(&function.traffic),
        false => "disabled".to_owned(),
    }
}

/// `v3`, or `v3=90 v4=10`.
pub(crate) fn traffic(shares: &[Share]) -> String {
    match shares {
        [] => "-".to_owned(),
        [only] => format!("v{}", only.version),
        several => {
            let shares = several
                .iter()
                .map(|share| format!("v{}={}", share.version, share.percent));
            shares.collect::<Vec<_>>().join(" ")
        }
    }
}

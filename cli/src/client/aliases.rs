//! `atoll aliases`

use domain::{
    AliasName,
    rest::aliases::{AliasView, CreateAlias, CreateLink, LinkView, UpdateAlias},
};
use serde_json::json;

use super::{
    args::AliasesTask,
    context::Context,
    failure::Failure,
    output::moment,
    text::{FunctionRef, VersionNumber},
};

pub(crate) async fn run(context: &Context, task: AliasesTask) -> Result<(), Failure> {
    match task {
        AliasesTask::List(of) => list(context, &context.function(&of)?).await,
        AliasesTask::Set {
            function,
            alias,
            version,
            open,
            private,
        } => {
            let open = (open || private).then_some(open);
            set(context, &function, alias, version, open).await
        }
        AliasesTask::Delete { function, alias } => delete(context, &function, &alias).await,
        AliasesTask::Link {
            function,
            name,
            expires_in,
        } => {
            let seconds = expires_in.map(|span| span.0.whole_seconds());
            let link = CreateLink {
                name,
                // What does not fit is refused by the server, which knows the range.
                expires_in_seconds: seconds
                    .map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
            };
            make_link(context, &function, &link).await
        }
    }
}

async fn list(context: &Context, function: &FunctionRef) -> Result<(), Failure> {
    let here = context.here().await?;
    // All of them: this list has one page and takes no limit.
    let told = here.api.get(&here.of(function, "/aliases")).await?;
    let found: domain::page::Page<serde_json::Value> = told.view()?;
    let headings = ["ALIAS", "VERSION", "PREVIEW", "CHANGED", "URL"];
    let none = format!("{function} has no aliases");
    context
        .out
        .list(found.items, headings, &none, |alias: AliasView| {
            [
                alias.name.to_string(),
                format!("v{}", alias.version),
                if alias.open { "open" } else { "private" }.to_owned(),
                moment(alias.updated_at),
                alias.url,
            ]
        })
}

async fn set(
    context: &Context,
    function: &FunctionRef,
    alias: AliasName,
    VersionNumber(version): VersionNumber,
    open: Option<bool>,
) -> Result<(), Failure> {
    let here = context.here().await?;
    // The version's parser holds it to what the API counts with.
    let version = version.cast_signed();
    let path = here.of(function, &format!("/aliases/{alias}"));
    let told = match here.api.get(&path).await {
        Ok(found) => {
            let version = Some(version);
            here.api
                .patch(&path, &found, &UpdateAlias { version, open })
                .await?
        }
        Err(refusal) if refusal.is_status(404) => {
            let body = CreateAlias {
                name: alias.to_string(),
                version,
                open: open.unwrap_or_default(),
            };
            here.api.post(&here.of(function, "/aliases"), &body).await?
        }
        Err(failure) => return Err(failure),
    };
    context.out.one(&told.raw, |alias: AliasView| {
        let reach = match alias.open {
            true => "",
            false => "  (private: `atoll aliases link` opens it for a while)",
        };
        format!("{} is v{}: {}{reach}", alias.name, alias.version, alias.url)
    })
}

async fn delete(
    context: &Context,
    function: &FunctionRef,
    alias: &AliasName,
) -> Result<(), Failure> {
    let here = context.here().await?;
    let path = here.of(function, &format!("/aliases/{alias}"));
    let found = here.api.get(&path).await?;
    here.api.delete_read(&path, &found).await?;
    if context.out.json {
        return context.out.json(&json!({ "deleted": found.raw }));
    }
    context
        .out
        .line(format!("Deleted the alias `{alias}`; its version stays."))
}

async fn make_link(
    context: &Context,
    function: &FunctionRef,
    link: &CreateLink,
) -> Result<(), Failure> {
    let here = context.here().await?;
    let told = here.api.post(&here.of(function, "/previews"), link).await?;
    if !context.out.json {
        let link: LinkView = told.view()?;
        context.out.note(format!(
            "Opens the preview until {}, to whoever has it:",
            moment(link.expires_at)
        ));
    }
    context.out.one(&told.raw, |link: LinkView| link.url)
}

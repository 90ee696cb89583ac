//! `atoll variables` and `atoll secrets`: what versions are configured with. Each version keeps what it was made with,
//! so a change makes others of those that are deployed.

use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Read as _},
};

use domain::{
    ConfigName,
    page::Page,
    rest::configuration::{
        ChangeVariables, CreateSecret, FollowedView, RotateSecret, SecretChanged, SecretDeleted,
        SecretText, SecretView, VariablesChanged, VariablesView,
    },
};
use reqwest::Method;
use serde_json::Value;

use super::{
    api::{Told, based_on},
    args::{Holder, OfFunction, SecretsTask, VariablesTask},
    context::{Context, Here},
    failure::Failure,
    output::{moment, printable},
    progress, terminal,
};

pub(crate) async fn variables(context: &Context, task: VariablesTask) -> Result<(), Failure> {
    match task {
        VariablesTask::List { of } => {
            let (here, path) = place(context, &of, "variables").await?;
            let told = here.api.get(&path).await?;
            let view: VariablesView = told.view()?;
            if view.variables.is_empty() && !context.out.json {
                context.out.note("There are no variables.");
                return Ok(());
            }
            context.out.one(&told.raw, |view: VariablesView| {
                let named = view.variables.iter();
                let lines = named.map(|(name, value)| format!("{name}={}\n", printable(value)));
                lines.collect()
            })
        }
        VariablesTask::Set {
            of,
            variables,
            deploy,
        } => {
            let named = variables
                .into_iter()
                .map(|one| (one.name.to_string(), Some(one.value)));
            change(context, &of, named.collect(), deploy).await
        }
        VariablesTask::Unset { of, names, deploy } => {
            let named = names.into_iter().map(|name| (name.to_string(), None));
            change(context, &of, named.collect(), deploy).await
        }
    }
}

async fn change(
    context: &Context,
    of: &Holder,
    variables: BTreeMap<String, Option<String>>,
    deploy: bool,
) -> Result<(), Failure> {
    let (here, path) = place(context, of, "variables").await?;
    let before = here.api.get(&path).await?;
    let body = ChangeVariables { variables, deploy };
    let told = here.api.patch(&path, &before, &body).await?;
    let view: VariablesChanged = told.view()?;
    finish(context, &here, &told.raw, &view.versions, "Changed.").await
}

pub(crate) async fn secrets(context: &Context, task: SecretsTask) -> Result<(), Failure> {
    match task {
        SecretsTask::List { of } => {
            let (here, path) = place(context, &of, "secrets").await?;
            // All of them: this list has one page and takes no limit.
            let found: Page<Value> = here.api.get(&path).await?.view()?;
            let headings = ["NAME", "VALUE", "CHANGED", "ID"];
            context.out.list(
                found.items,
                headings,
                "There are no secrets.",
                |secret: SecretView| {
                    [
                        secret.name.to_string(),
                        format!("no. {}", secret.number),
                        moment(secret.updated_at),
                        secret.id.to_string(),
                    ]
                },
            )
        }
        SecretsTask::Set { of, name, deploy } => set(context, &of, &name, deploy).await,
        SecretsTask::Delete { of, name, deploy } => delete(context, &of, &name, deploy).await,
    }
}

/// Makes it, or gives it another value.
async fn set(
    context: &Context,
    of: &Holder,
    name: &ConfigName,
    deploy: bool,
) -> Result<(), Failure> {
    let (here, path) = place(context, of, "secrets").await?;
    let at = format!("{path}/{name}");
    let is_there = match here.api.get(&at).await {
        Ok(_) => true,
        Err(refusal) if refusal.is_status(404) => false,
        Err(failure) => return Err(failure),
    };
    let value = SecretText(value_of(name)?);
    let told = if is_there {
        let body = RotateSecret { value, deploy };
        here.api.post(&format!("{at}/rotate"), &body).await?
    } else {
        let name = name.to_string();
        here.api
            .post(
                &path,
                &CreateSecret {
                    name,
                    value,
                    deploy,
                },
            )
            .await?
    };
    let view: SecretChanged = told.view()?;
    let done = match is_there {
        true => format!("`{name}` has another value."),
        false => format!("`{name}` is made."),
    };
    finish(context, &here, &told.raw, &view.versions, &done).await
}

/// Never an argument: every user of a machine can read its command lines.
fn value_of(name: &ConfigName) -> Result<String, Failure> {
    if std::io::stdin().is_terminal() {
        return terminal::ask_secret(&format!("Value of {name}: "), "");
    }
    let mut value = String::new();
    let read = std::io::stdin().read_to_string(&mut value);
    read.map_err(|error| Failure::Usage(format!("standard input is no text: {error}")))?;
    // The one that `echo` adds.
    if value.ends_with('\n') {
        value.pop();
    }
    Ok(value)
}

async fn delete(
    context: &Context,
    of: &Holder,
    name: &ConfigName,
    deploy: bool,
) -> Result<(), Failure> {
    let (here, path) = place(context, of, "secrets").await?;
    let at = format!("{path}/{name}");
    let before = here.api.get(&at).await?;
    let request = here
        .api
        .request(Method::DELETE, &at)
        .query(&[("deploy", deploy)]);
    let told: Told = here.api.send(based_on(request, &before)).await?;
    let view: SecretDeleted = told.view()?;
    let done = format!("Deleted `{name}`; versions that were made with it keep it.");
    finish(context, &here, &told.raw, &view.versions, &done).await
}

/// Of the function that is named or the project's, or of all of the tenant's.
async fn place(context: &Context, of: &Holder, what: &str) -> Result<(Here, String), Failure> {
    if of.everywhere {
        let here = context.here().await?;
        let path = here.path(&format!("/{what}"));
        return Ok((here, path));
    }
    let function = OfFunction {
        function: of.function.clone(),
    };
    let function = context.function(&function)?;
    let here = context.here().await?;
    let path = here.of(&function, &format!("/{what}"));
    Ok((here, path))
}

/// Waits for what is deployed, and says what is not.
async fn finish(
    context: &Context,
    here: &Here,
    raw: &Value,
    versions: &[FollowedView],
    done: &str,
) -> Result<(), Failure> {
    for made in versions {
        let (function, version) = (&made.function, made.version);
        match made.operation {
            Some(operation) => {
                context.out.note(format!("Deploying v{version} of `{function}`"));
                let begun = here.api.get(&format!("/operations/{operation}")).await?;
                progress::follow(&here.api, context.out, &begun).await?;
            }
            None => context.out.note(format!(
                "Made v{version} of `{function}` from v{}. It is not deployed: `atoll split {function} v{version}=100` \
                 does that, as --deploy would have.",
                made.from
            )),
        }
    }
    match context.out.json {
        true => context.out.json(raw),
        false => context.out.line(done),
    }
}

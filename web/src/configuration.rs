//! `…/functions/{function}/configuration`: its variables and secrets. A change makes a version of the
//! deployed one, and deploys it unless the box is cleared.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use control::{
    Developer, Error, Member, Platform,
    configuration::{Followed, Holder},
    functions, secrets, variables,
};
use domain::{ConfigName, Problems};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    csrf::Form,
    errors::{self, Result},
    extract::{As, Path, Visit},
    flash,
    format::When,
    forms::{self, Faults},
    frame::Frame,
    function_page::Heading,
    page::Page,
};

const FIELDS: &[&str] = &["name", "value"];

pub(crate) fn routes() -> Router<Platform> {
    let base = "/tenants/{tenant}/functions/{function}";
    Router::new().route(&format!("{base}/configuration"), get(show).post(change))
}

#[derive(Template)]
#[template(path = "functions/configuration.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    revision: i64,
    variables: Vec<(String, String)>,
    secrets: Vec<SecretRow>,
    /// The tenant's, which the function has where it has none of the name itself.
    inherited: Vec<String>,
    /// The name that was typed.
    name: String,
    faults: Faults,
}

struct SecretRow {
    name: String,
    number: i32,
    revision: i64,
    changed: When,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    SetVariable,
    RemoveVariable,
    CreateSecret,
    RotateSecret,
    DeleteSecret,
}

#[derive(Deserialize)]
struct Change {
    what: What,
    /// Of the function, or of the secret that goes.
    revision: i64,
    name: String,
    #[serde(default)]
    value: String,
    /// Present where the box is ticked.
    deploy: Option<String>,
}

async fn show(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
) -> Result<Page<Show>> {
    let faults = Faults::default();
    page(
        &platform,
        &developer,
        visit,
        &function,
        String::new(),
        faults,
    )
    .await
}

async fn change(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<Change>,
) -> Result<Response> {
    let name = form.name.trim().to_owned();
    let holder = Holder::Function(&developer, &function);
    match apply(&platform, holder, form, &name).await {
        Ok(followed) => {
            let said = flash::say(&platform, &said(&followed));
            let slug = &developer.slug;
            let address = format!("/tenants/{slug}/functions/{function}/configuration");
            Ok((said, Redirect::to(&address)).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, FIELDS)?;
            let page = page(&platform, &developer, visit, &function, name, faults).await?;
            Ok((status, page).into_response())
        }
    }
}

async fn apply(
    platform: &Platform,
    holder: Holder<'_>,
    form: Change,
    name: &str,
) -> Result<Vec<Followed>, Error> {
    let deploy = form.deploy.is_some();
    let parsed = || {
        let mut problems = Problems::default();
        let name = problems.keep("name", name.parse::<ConfigName>());
        name.ok_or(problems)
    };
    let value = match form.what {
        What::SetVariable => Some(form.value),
        What::RemoveVariable => None,
        What::CreateSecret => {
            let value = Zeroizing::new(form.value);
            let made = secrets::create(platform, holder, parsed()?, value, deploy).await?;
            return Ok(made.1);
        }
        What::RotateSecret => {
            let value = Zeroizing::new(form.value);
            let made = secrets::rotate(platform, holder, name, value, deploy).await?;
            return Ok(made.1);
        }
        What::DeleteSecret => {
            return secrets::delete(platform, holder, name, deploy, form.revision).await;
        }
    };
    let changes = BTreeMap::from([(parsed()?.to_string(), value)]);
    let changed = variables::change(platform, holder, changes, deploy, form.revision).await?;
    Ok(changed.1)
}

fn said(followed: &[Followed]) -> String {
    let numbers: Vec<_> = followed
        .iter()
        .map(|made| format!("v{}", made.version))
        .collect();
    match followed.first() {
        None => "Saved. The next version has it.".to_owned(),
        Some(made) if made.operation.is_some() => {
            format!(
                "Saved. {} has it, and goes live once the workers have that.",
                numbers.join(" and ")
            )
        }
        Some(_) => format!(
            "Saved. {} has it; deploy that when you want.",
            numbers.join(" and ")
        ),
    }
}

async fn page(
    platform: &Platform,
    developer: &Member<Developer>,
    visit: Visit,
    function: &str,
    name: String,
    faults: Faults,
) -> Result<Page<Show>> {
    let now = platform.clock.now();
    let viewer = developer.as_viewer();
    let overview = functions::get(platform, &viewer, function).await?;
    let own = variables::show(platform, &viewer, Some(function)).await?;
    let secrets_of_tenant = secrets::list(platform, &viewer, None).await?;
    let of_tenant = variables::show(platform, &viewer, None).await?.variables;
    let secrets = secrets::list(platform, &viewer, Some(function)).await?;
    let inherited = of_tenant
        .keys()
        .chain(secrets_of_tenant.iter().map(|secret| &secret.name))
        .map(ConfigName::to_string);
    Ok(Page(Show {
        heading: Heading::new(developer, &overview, "configuration"),
        revision: own.revision,
        variables: own
            .variables
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect(),
        inherited: inherited.collect(),
        secrets: secrets
            .into_iter()
            .map(|secret| SecretRow {
                name: secret.name.to_string(),
                number: secret.number,
                revision: secret.revision,
                changed: When::new(secret.updated_at, now),
            })
            .collect(),
        name,
        faults,
        frame: Frame::in_tenant(platform, developer, visit, "functions").await?,
    }))
}

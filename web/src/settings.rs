//! `…/functions/{function}/settings`: what a function may use, who may call it, and its end.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{
    Developer, Member, Platform, functions,
    functions::{LimitsPatch, Patch},
};
use domain::{Invalid, Problems, function::Access};
use serde::Deserialize;

use crate::{
    csrf::Form,
    errors::{self, Result},
    extract::{As, Path, Visit},
    flash,
    forms::{self, Faults},
    frame::Frame,
    function_page::Heading,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    let base = "/tenants/{tenant}/functions/{function}";
    Router::new()
        .route(&format!("{base}/settings"), get(show).post(update))
        .route(&format!("{base}/delete"), post(delete))
}

#[derive(Template)]
#[template(path = "functions/settings.html")]
struct Show {
    frame: Frame,
    heading: Heading,
    form: Settings,
    faults: Faults,
    /// What was typed to confirm the deletion.
    confirm: String,
}

/// The fields as they were typed, limits in the units of the form.
#[derive(Deserialize)]
struct Settings {
    revision: i64,
    #[serde(default)]
    description: String,
    access: Access,
    /// Present where the box is ticked.
    enabled: Option<String>,
    #[serde(rename = "limits.cpu_ms")]
    cpu_ms: String,
    #[serde(rename = "limits.wall_ms")]
    wall_ms: String,
    #[serde(rename = "limits.memory_bytes")]
    memory_mib: String,
    #[serde(rename = "limits.request_body_bytes")]
    request_mib: String,
    #[serde(rename = "limits.response_body_bytes")]
    response_mib: String,
    #[serde(rename = "limits.log_bytes")]
    log_kib: String,
}

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;

const FIELDS: &[&str] = &[
    "description",
    "access",
    "limits.cpu_ms",
    "limits.wall_ms",
    "limits.memory_bytes",
    "limits.request_body_bytes",
    "limits.response_body_bytes",
    "limits.log_bytes",
    "confirm",
];

impl Settings {
    fn of(function: &control::Function) -> Self {
        let limits = function.limits;
        let mib = |bytes: u64| (bytes as f64 / MIB).to_string();
        Self {
            revision: function.revision,
            description: function.description.clone(),
            access: function.access,
            enabled: function.enabled.then(String::new),
            cpu_ms: limits.cpu_ms.to_string(),
            wall_ms: limits.wall_ms.to_string(),
            memory_mib: mib(limits.memory_bytes),
            request_mib: mib(limits.request_body_bytes),
            response_mib: mib(limits.response_body_bytes),
            log_kib: (f64::from(limits.log_bytes) / KIB).to_string(),
        }
    }

    fn is_private(&self) -> bool {
        self.access == Access::Private
    }

    fn patch(&self) -> Result<Patch, Problems> {
        let mut problems = Problems::default();
        let mut keep = |field: &str, text: &str, unit: f64| {
            problems.keep(&format!("limits.{field}"), amount(text, unit))
        };
        let narrow = |amount: Option<u64>| amount.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        let limits = LimitsPatch {
            cpu_ms: narrow(keep("cpu_ms", &self.cpu_ms, 1.0)),
            wall_ms: narrow(keep("wall_ms", &self.wall_ms, 1.0)),
            memory_bytes: keep("memory_bytes", &self.memory_mib, MIB),
            request_body_bytes: keep("request_body_bytes", &self.request_mib, MIB),
            response_body_bytes: keep("response_body_bytes", &self.response_mib, MIB),
            log_bytes: narrow(keep("log_bytes", &self.log_kib, KIB)),
            ..LimitsPatch::default()
        };
        problems.into_result()?;
        Ok(Patch {
            description: Some(self.description.trim().to_owned()),
            access: Some(self.access),
            enabled: Some(self.enabled.is_some()),
            limits,
        })
    }
}

fn amount(text: &str, unit: f64) -> Result<u64, Invalid> {
    match text.trim().parse::<f64>() {
        Ok(number) if (0.0..1e9).contains(&number) => Ok((number * unit).round() as u64),
        _ => Err(Invalid::new("", format!("give a number; this is `{text}`"))),
    }
}

async fn show(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
) -> Result<Page<Show>> {
    let faults = Faults::default();
    page(&platform, &developer, visit, &function, None, faults).await
}

/// `typed` is the form to show again; without it the page shows how things are.
async fn page(
    platform: &Platform,
    developer: &Member<Developer>,
    visit: Visit,
    function: &str,
    typed: Option<Settings>,
    faults: Faults,
) -> Result<Page<Show>> {
    let overview = functions::get(platform, &developer.as_viewer(), function).await?;
    Ok(Page(Show {
        heading: Heading::new(developer, &overview, "settings"),
        form: typed.unwrap_or_else(|| Settings::of(&overview.function)),
        faults,
        confirm: String::new(),
        frame: Frame::in_tenant(platform, developer, visit, "functions").await?,
    }))
}

async fn update(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<Settings>,
) -> Result<Response> {
    let changed = match form.patch() {
        Ok(patch) => {
            functions::update(&platform, &developer, &function, patch, form.revision).await
        }
        Err(problems) => Err(problems.into()),
    };
    match changed {
        Ok(_) => {
            let said = flash::say(&platform, "Saved. Workers apply it within a second.");
            let address = format!("/tenants/{}/functions/{function}/settings", developer.slug);
            Ok((said, Redirect::to(&address)).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, FIELDS)?.with_sizes("_bytes");
            let page = page(&platform, &developer, visit, &function, Some(form), faults).await?;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Deletion {
    revision: i64,
    #[serde(default)]
    confirm: String,
}

async fn delete(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    visit: Visit,
    Path((_, function)): Path<(String, String)>,
    Form(form): Form<Deletion>,
) -> Result<Response> {
    let name = functions::get(&platform, &developer.as_viewer(), &function).await?;
    let name = name.function.name;
    let done = if form.confirm.trim() == name.as_str() {
        functions::delete(&platform, &developer, &function, form.revision).await
    } else {
        let detail = format!("type `{name}` to delete it; this is `{}`", form.confirm);
        Err(Invalid::new("confirm", detail).into())
    };
    match done {
        Ok(()) => {
            let said = flash::say(&platform, &format!("{name} is deleted."));
            let address = format!("/tenants/{}/functions", developer.slug);
            Ok((said, Redirect::to(&address)).into_response())
        }
        Err(error) => {
            let status = errors::status(&error);
            let faults = forms::mendable(error, FIELDS)?;
            let mut page = page(&platform, &developer, visit, &function, None, faults).await?;
            page.0.confirm = form.confirm;
            Ok((status, page).into_response())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_typed_in_their_units() {
        assert_eq!(amount("128", MIB).unwrap(), 128 << 20);
        assert_eq!(amount(" 0.5 ", MIB).unwrap(), 512 << 10);
        for bad in ["", "many", "-1", "NaN", "inf"] {
            assert!(amount(bad, 1.0).is_err(), "{bad}");
        }
    }
}

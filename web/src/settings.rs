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
    limits,
};
use domain::{
    Invalid, Problems,
    function::{Access, Reuse},
};
use serde::Deserialize;

use crate::{
    csrf::Form,
    errors::{self, Result},
    extract::{As, Path, Visit},
    flash,
    forms::{self, Faults},
    frame::Frame,
    function_page::Heading,
    limits::{LimitRow, rows},
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
    limits: Vec<LimitRow>,
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
    #[serde(rename = "limits.concurrency")]
    concurrency: String,
    #[serde(rename = "limits.rate_per_second")]
    rate: String,
    #[serde(rename = "limits.outbound_requests")]
    outbound_requests: String,
    #[serde(rename = "limits.outbound_bytes")]
    outbound_mib: String,
    /// One on a line.
    #[serde(default)]
    allowed_outbound_hosts: String,
    /// Present where the box is ticked.
    reuse: Option<String>,
    #[serde(default, rename = "reuse.requests")]
    reuse_requests: String,
    #[serde(default, rename = "reuse.idle_seconds")]
    reuse_idle_seconds: String,
    #[serde(default, rename = "reuse.concurrency")]
    reuse_concurrency: String,
}

/// What the fields suggest while reuse is off.
const SUGGESTED: Reuse = Reuse {
    requests: 1_000,
    idle_seconds: 30,
    concurrency: 1,
};

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
    "limits.concurrency",
    "limits.rate_per_second",
    "limits.outbound_requests",
    "limits.outbound_bytes",
    "allowed_outbound_hosts",
    "reuse.requests",
    "reuse.idle_seconds",
    "reuse.concurrency",
    "confirm",
];

impl Settings {
    fn of(function: &control::Function) -> Self {
        let limits = function.limits;
        let reuse = function.reuse.unwrap_or(SUGGESTED);
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
            concurrency: limits.concurrency.to_string(),
            rate: limits.rate_per_second.to_string(),
            outbound_requests: limits.outbound_requests.to_string(),
            outbound_mib: mib(limits.outbound_bytes),
            allowed_outbound_hosts: function.allowed_outbound_hosts.join("\n"),
            reuse: function.reuse.map(|_| String::new()),
            reuse_requests: reuse.requests.to_string(),
            reuse_idle_seconds: reuse.idle_seconds.to_string(),
            reuse_concurrency: reuse.concurrency.to_string(),
        }
    }

    fn is_private(&self) -> bool {
        self.access == Access::Private
    }

    fn patch(&self) -> Result<Patch, Problems> {
        let mut problems = Problems::default();
        let reuse = self.reuse_patch(&mut problems);
        let mut keep = |field: &str, text: &str, unit: f64| {
            problems.keep(&format!("limits.{field}"), amount(text, unit))
        };
        let limits = LimitsPatch {
            cpu_ms: narrow(keep("cpu_ms", &self.cpu_ms, 1.0)),
            wall_ms: narrow(keep("wall_ms", &self.wall_ms, 1.0)),
            memory_bytes: keep("memory_bytes", &self.memory_mib, MIB),
            request_body_bytes: keep("request_body_bytes", &self.request_mib, MIB),
            response_body_bytes: keep("response_body_bytes", &self.response_mib, MIB),
            log_bytes: narrow(keep("log_bytes", &self.log_kib, KIB)),
            concurrency: narrow(keep("concurrency", &self.concurrency, 1.0)),
            rate_per_second: narrow(keep("rate_per_second", &self.rate, 1.0)),
            outbound_requests: narrow(keep("outbound_requests", &self.outbound_requests, 1.0)),
            outbound_bytes: keep("outbound_bytes", &self.outbound_mib, MIB),
        };
        problems.into_result()?;
        Ok(Patch {
            description: Some(self.description.trim().to_owned()),
            access: Some(self.access),
            enabled: Some(self.enabled.is_some()),
            limits,
            allowed_outbound_hosts: Some(self.hosts()),
            reuse: Some(reuse),
        })
    }

    fn hosts(&self) -> Vec<String> {
        let lines = self.allowed_outbound_hosts.lines().map(str::trim);
        let hosts = lines.filter(|line| !line.is_empty());
        hosts.map(str::to_owned).collect()
    }

    /// None where it is turned off, whatever the fields say.
    fn reuse_patch(&self, problems: &mut Problems) -> Option<Reuse> {
        self.reuse.as_ref()?;
        let mut keep = |field: &str, text: &str| {
            narrow(problems.keep(&format!("reuse.{field}"), amount(text, 1.0)))
        };
        // All three are read, so that each one's problem is told.
        let requests = keep("requests", &self.reuse_requests);
        let idle_seconds = keep("idle_seconds", &self.reuse_idle_seconds);
        let concurrency = keep("concurrency", &self.reuse_concurrency);
        Some(Reuse {
            requests: requests?,
            idle_seconds: idle_seconds?,
            concurrency: concurrency?,
        })
    }
}

/// What is too large for a field is refused by its limit.
fn narrow(amount: Option<u64>) -> Option<u32> {
    amount.map(|number| u32::try_from(number).unwrap_or(u32::MAX))
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
    let limits = limits::of_function(platform, &developer.as_viewer(), function).await?;
    Ok(Page(Show {
        heading: Heading::new(developer, &overview, "settings"),
        limits: rows(limits),
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

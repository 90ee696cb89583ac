//! `atoll admin plans`

use anyhow::Context;
use api::admin::plans::PlanView;
use control::{
    Operator, Platform,
    plans::{self, Patch},
};
use domain::{PlanName, limits::LimitsPatch};
use serde_json::{Map, Value};

use super::{
    args::PlansTask,
    print::{Columns, Printer},
    whole,
};

const COLUMNS: Columns = &[
    ("NAME", "/name"),
    ("TENANTS", "/tenants"),
    ("FUNCTIONS", "/quotas/functions"),
    ("STORED BYTES", "/quotas/stored_bytes"),
    ("CONCURRENCY", "/tenant_limits/concurrency"),
    ("CPU MS", "/function_limits/cpu_ms"),
    ("MEMORY BYTES", "/function_limits/memory_bytes"),
];

pub(super) async fn run(
    p: &Platform,
    by: &Operator,
    task: PlansTask,
    printer: &Printer,
) -> anyhow::Result<()> {
    let shown = match task {
        PlansTask::List => {
            let found = whole(async |page| plans::list(p, by, &page).await).await?;
            let views: Vec<_> = found.into_iter().map(PlanView::from).collect();
            return printer.list(&views, COLUMNS);
        }
        PlansTask::Show { plan } => plans::get(p, by, &plan).await?,
        PlansTask::Create { name, figures } => {
            let name = PlanName::parse(&name).map_err(|problem| problem.at("NAME"))?;
            plans::create(p, by, name, patch(&figures)?).await?
        }
        PlansTask::Set { plan, figures } => {
            let patch = patch(&figures)?;
            // Whoever types a command means the plan as it is at that moment.
            let revision = plans::get(p, by, &plan).await?.plan.revision;
            plans::update(p, by, &plan, patch, revision).await?
        }
        PlansTask::Delete { plan } => {
            let revision = plans::get(p, by, &plan).await?.plan.revision;
            return Ok(plans::delete(p, by, &plan, revision).await?);
        }
    };
    printer.one(&PlanView::from(shown))
}

/// `quotas.functions=50` and the like, spelt as in the API.
fn patch(figures: &[String]) -> anyhow::Result<Patch> {
    let mut groups: Map<String, Value> = Map::new();
    for figure in figures {
        let parts = figure
            .split_once('=')
            .and_then(|(name, number)| Some((name.split_once('.')?, number)));
        let ((group, name), number) = parts.with_context(|| {
            format!("`{figure}`: expected a figure such as quotas.functions=50")
        })?;
        let number: u64 = number
            .parse()
            .with_context(|| format!("`{figure}`: `{number}` is no whole number"))?;
        let group = groups
            .entry(group)
            .or_insert_with(|| Value::Object(Map::new()));
        group[name] = number.into();
    }
    let mut take = |group: &str| groups.remove(group).unwrap_or_else(|| Map::new().into());
    let function_limits = take("function_limits");
    known_limits(&function_limits)?;
    let patch = Patch {
        function_limits: serde_json::from_value(function_limits).context("function_limits")?,
        tenant_limits: serde_json::from_value(take("tenant_limits")).context("tenant_limits")?,
        quotas: serde_json::from_value(take("quotas")).context("quotas")?,
    };
    if let Some(group) = groups.keys().next() {
        anyhow::bail!("`{group}`: use function_limits, tenant_limits or quotas");
    }
    Ok(patch)
}

/// The type passes over what it does not know, for the sake of rows that a later release wrote.
fn known_limits(named: &Value) -> anyhow::Result<()> {
    let known: Vec<_> = LimitsPatch::default()
        .each()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    for name in named.as_object().into_iter().flat_map(Map::keys) {
        if !known.contains(&name.as_str()) {
            let known = known.join(", ");
            anyhow::bail!("function_limits: unknown figure `{name}`, expected one of {known}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(figures: &[&str]) -> Result<Patch, String> {
        let figures: Vec<_> = figures.iter().map(|figure| (*figure).to_owned()).collect();
        patch(&figures).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn figures_are_named_as_the_api_names_them() {
        let patch = read(&["quotas.functions=50", "function_limits.cpu_ms=200"]).unwrap();
        assert_eq!(patch.quotas.functions, Some(50));
        assert_eq!(patch.function_limits.cpu_ms, Some(200));
        assert_eq!(patch.tenant_limits.concurrency, None);
    }

    #[test]
    fn what_is_no_figure_is_named() {
        for (figure, told) in [
            (
                "functions=50",
                "expected a figure such as quotas.functions=50",
            ),
            ("quotas.functions=many", "`many` is no whole number"),
            ("quotas.colours=3", "unknown field `colours`"),
            ("function_limits.colours=3", "unknown figure `colours`"),
            (
                "colours.red=3",
                "use function_limits, tenant_limits or quotas",
            ),
        ] {
            let refusal = read(&[figure]).map(|_| ()).unwrap_err();
            assert!(refusal.contains(told), "{figure}: {refusal}");
        }
    }
}

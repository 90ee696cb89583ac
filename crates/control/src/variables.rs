//! Variables: what guests read by name and anybody in the tenant may see. What nobody may see is a
//! secret.

use std::collections::BTreeMap;

use domain::{ConfigName, Problems, configuration::MAX_VARIABLE_BYTES};
use serde_json::json;
use store::{Connection, functions::FunctionKey, serving, tenants, variables};

use crate::{
    Error, Member, Platform, Viewer,
    audit::{self, Change},
    configuration::{Followed, Holder},
    functions::{check_text, find, key},
};

/// The variables of a tenant, or of a function, and the revision of that.
#[derive(Clone, Debug)]
pub struct Shown {
    pub variables: BTreeMap<ConfigName, String>,
    pub revision: i64,
}

/// `function` is a name or an id; absent for the tenant's own.
pub async fn show(
    p: &Platform,
    by: &Member<Viewer>,
    function: Option<&str>,
) -> Result<Shown, Error> {
    let mut tx = by.begin(p).await?;
    let (function, revision) = match function {
        Some(function) => {
            let found = find(&mut tx, by, &key(function)?).await?.function;
            (Some(found.id), found.revision)
        }
        None => {
            let tenant = tenants::find(&mut tx, by.tenant).await?;
            (None, tenant.ok_or(Error::NotFound("tenant"))?.revision)
        }
    };
    let variables = all(&mut tx, by.tenant, function).await?;
    Ok(Shown {
        variables,
        revision,
    })
}

/// Sets the named variables, and takes away those that are `None`; others stay.
pub async fn change(
    p: &Platform,
    holder: Holder<'_>,
    changes: BTreeMap<String, Option<String>>,
    deploy: bool,
    revision: i64,
) -> Result<(Shown, Vec<Followed>), Error> {
    let mut problems = Problems::default();
    let mut checked = Vec::new();
    for (name, value) in changes {
        let field = format!("variables.{name}");
        let text = value.as_deref().unwrap_or_default();
        check_text(&mut problems, &field, text, MAX_VARIABLE_BYTES);
        checked.extend(
            problems
                .keep(&field, name.parse::<ConfigName>())
                .map(|name| (name, value)),
        );
    }
    problems.into_result()?;

    let (mut tx, held) = holder.begin(p).await?;
    if held.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    let before = all(&mut tx, held.tenant(), held.function).await?;
    for (name, value) in &checked {
        match value {
            Some(value) => {
                variables::set(&mut tx, held.tenant(), held.function, name, value).await?;
            }
            None => variables::unset(&mut tx, held.tenant(), held.function, name).await?,
        }
    }
    let mut problems = Problems::default();
    held.check_names(&mut tx, &mut problems).await?;
    problems.into_result()?;
    let after = all(&mut tx, held.tenant(), held.function).await?;
    if after == before {
        let shown = Shown {
            variables: after,
            revision,
        };
        return Ok((shown, Vec::new()));
    }
    let change = Change {
        action: "variables.changed",
        subject: held.subject(),
        before: json!(before),
        after: json!(after),
    };
    audit::record(&mut tx, p, &held.by, change).await?;
    let names: Vec<_> = checked.iter().map(|(name, _)| name.as_str()).collect();
    let message = shortened(&format!("variables: {}", names.join(", ")));
    let followed = held.follow(&mut tx, p, deploy, &message).await?;
    held.touch(&mut tx, p).await?;
    let revision = match held.function {
        Some(function) => {
            let found = find(&mut tx, &held.by, &FunctionKey::Id(function)).await?;
            found.function.revision
        }
        None => revision + 1,
    };
    serving::bump(&mut tx, held.tenant()).await?;
    tx.commit().await?;
    let shown = Shown {
        variables: after,
        revision,
    };
    Ok((shown, followed))
}

async fn all(
    tx: &mut Connection,
    tenant: domain::TenantId,
    function: Option<domain::FunctionId>,
) -> Result<BTreeMap<ConfigName, String>, Error> {
    let found = variables::list(tx, tenant, function).await?;
    Ok(found
        .into_iter()
        .map(|variable| (variable.name, variable.value))
        .collect())
}

/// For the message of a version, whose length is bounded.
pub(crate) fn shortened(text: &str) -> String {
    const ENOUGH: usize = 200;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

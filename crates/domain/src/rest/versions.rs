//! A version as it is told, with the report of its module, and what two of them differ in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    ConfigName, Digest, FunctionId, UploadId, UserId, VersionId,
    configuration::{SecretReference, Settings},
    report::ImportReport,
    version::{Handler, VersionState},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionView {
    pub id: VersionId,
    pub function: FunctionId,
    /// Counts from 1 within the function.
    pub number: i32,
    pub state: VersionState,
    /// Why it failed to compile.
    pub error: Option<String>,
    pub digest: Digest,
    pub size_bytes: i64,
    pub handler: Handler,
    pub report: ImportReport,
    pub message: String,
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// How long the compiler took.
    pub compile_ms: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    /// Where its source is, for people.
    #[serde(default)]
    pub source_url: Option<String>,
    /// What it was made with, and keeps.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub variables: BTreeMap<ConfigName, String>,
    /// The secrets that it was made with, by the name that it reads.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, SecretReference>))]
    pub secrets: BTreeMap<ConfigName, SecretReference>,
    /// Variables or secrets without which it is not deployed.
    #[serde(default)]
    pub requires: Vec<ConfigName>,
    /// The function's when it was made, for comparing: what the function has now is what counts.
    #[serde(default)]
    pub settings: Option<Settings>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateVersion {
    /// Of a module; or else `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload: Option<UploadId>,
    /// The number of a version whose module is taken again, with what is configured now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<i32>,
    /// What changed, for people.
    #[serde(default)]
    pub message: String,
    /// Where its source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_url: Option<String>,
    /// Variables or secrets that it cannot do without.
    #[serde(default)]
    pub requires: Vec<String>,
}

/// What changed from one version to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Difference {
    pub from: i32,
    pub to: i32,
    /// Null where both are of the same bytes.
    pub module: Option<Changed<Digest>>,
    pub imports: Named<String>,
    pub variables: Named<String>,
    /// By the number of the value; of another secret of that name, too.
    pub secrets: Named<SecretReference>,
    pub requires: Named<ConfigName>,
    /// Null where neither changed, and where one of them was not kept.
    pub settings: Option<Changed<Settings>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Changed<T> {
    pub from: T,
    pub to: T,
}

/// By name, what is there on one side alone, and what is there on both and differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Named<T> {
    pub added: BTreeMap<String, T>,
    pub removed: BTreeMap<String, T>,
    pub changed: BTreeMap<String, Changed<T>>,
}

impl Difference {
    pub fn between(from: &VersionView, to: &VersionView) -> Self {
        let imports = |version: &VersionView| {
            let names = version
                .report
                .imports
                .iter()
                .map(|import| import.name.clone());
            names.map(|name| (name.clone(), name)).collect()
        };
        let requires = |version: &VersionView| {
            let names = version.requires.iter();
            names.map(|name| (name.to_string(), name.clone())).collect()
        };
        let settings = match (&from.settings, &to.settings) {
            (Some(from), Some(to)) => Changed::between(from, to),
            _ => None,
        };
        Self {
            from: from.number,
            to: to.number,
            module: Changed::between(&from.digest, &to.digest),
            imports: Named::between(imports(from), imports(to)),
            variables: Named::between(texts(&from.variables), texts(&to.variables)),
            secrets: Named::between(texts(&from.secrets), texts(&to.secrets)),
            requires: Named::between(requires(from), requires(to)),
            settings,
        }
    }
}

impl<T: Clone + PartialEq> Changed<T> {
    fn between(from: &T, to: &T) -> Option<Self> {
        (from != to).then(|| Self {
            from: from.clone(),
            to: to.clone(),
        })
    }
}

impl<T: Clone + PartialEq> Named<T> {
    fn between(mut from: BTreeMap<String, T>, to: BTreeMap<String, T>) -> Self {
        let mut named = Self {
            added: BTreeMap::new(),
            removed: BTreeMap::new(),
            changed: BTreeMap::new(),
        };
        for (name, to) in to {
            match from.remove(&name) {
                None => _ = named.added.insert(name, to),
                Some(from) => named
                    .changed
                    .extend(Changed::between(&from, &to).map(|changed| (name, changed))),
            }
        }
        named.removed = from;
        named
    }
}

fn texts<T: Clone>(named: &BTreeMap<ConfigName, T>) -> BTreeMap<String, T> {
    let named = named.iter();
    named
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect()
}

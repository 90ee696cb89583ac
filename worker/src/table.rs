//! What this worker serves, as requests look it up: immutable, swapped whole, read without a lock.

use std::{collections::HashMap, sync::Arc};

use domain::{
    FunctionId, Limits, TenantId, TenantSlug,
    artifact::Artifact,
    function::Access,
    snapshot::{FunctionEntry, Position, TenantEntry},
    tenant::TenantState,
};

use crate::version::Version;

/// What this release can do for a function that says it `requires` something.
pub(crate) const FEATURES: &[&str] = &[];

#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) position: Option<Position>,
    by_slug: HashMap<TenantSlug, Arc<Tenant>>,
    by_id: HashMap<TenantId, Arc<Tenant>>,
}

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) slug: TenantSlug,
    pub(crate) state: TenantState,
    functions: HashMap<String, Arc<Function>>,
}

pub(crate) struct Function {
    pub(crate) id: FunctionId,
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) enabled: bool,
    pub(crate) limits: Limits,
    /// The live versions with their percents; empty until something is live.
    pub(crate) traffic: Vec<(u8, Arc<Version>)>,
    pub(crate) versions: Vec<Arc<Version>>,
    /// To be loaded before this state is acknowledged.
    pub(crate) prepare: Vec<Arc<Version>>,
    /// A feature that this worker lacks: the function cannot be served by it.
    pub(crate) lacking: Option<String>,
}

impl Table {
    pub(crate) fn tenant(&self, slug: &TenantSlug) -> Option<&Arc<Tenant>> {
        self.by_slug.get(slug)
    }

    pub(crate) fn tenant_by_id(&self, id: TenantId) -> Option<&Arc<Tenant>> {
        self.by_id.get(&id)
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.by_id.values()
    }

    pub(crate) fn insert(&mut self, tenant: Arc<Tenant>) {
        self.remove(tenant.id);
        self.by_slug
            .insert(tenant.slug.clone(), Arc::clone(&tenant));
        self.by_id.insert(tenant.id, tenant);
    }

    pub(crate) fn remove(&mut self, id: TenantId) {
        let Some(tenant) = self.by_id.remove(&id) else {
            return;
        };
        // The slug may have passed to another tenant in the same change.
        if self
            .by_slug
            .get(&tenant.slug)
            .is_some_and(|owner| owner.id == id)
        {
            self.by_slug.remove(&tenant.slug);
        }
    }
}

impl Tenant {
    /// Versions that `before` knew stay what they are, with their loaded code.
    pub(crate) fn build(entry: TenantEntry, before: Option<&Self>, engine_tag: &str) -> Self {
        let functions = entry.functions.into_iter().map(|function| {
            let known = before.and_then(|tenant| tenant.functions.get(function.name.as_str()));
            let known = known.filter(|known| known.id == function.id);
            let built = Function::build(function, known, engine_tag);
            (built.name.clone(), built)
        });
        Self {
            functions: functions.collect(),
            id: entry.id,
            slug: entry.slug,
            state: entry.state,
        }
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Arc<Function>> {
        self.functions.get(name)
    }

    pub(crate) fn function_by_id(&self, id: FunctionId) -> Option<&Arc<Function>> {
        self.functions.values().find(|function| function.id == id)
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.functions.values()
    }
}

impl Function {
    fn build(entry: FunctionEntry, before: Option<&Arc<Self>>, engine_tag: &str) -> Arc<Self> {
        let lacking = entry
            .requires
            .iter()
            .find(|feature| !FEATURES.contains(&feature.as_str()));
        // An entry that cannot be understood changes nothing for a function that is being served.
        if lacking.is_some()
            && let Some(before) = before.filter(|before| before.lacking.is_none())
        {
            return Arc::clone(before);
        }
        let versions: Vec<_> = entry
            .versions
            .into_iter()
            .map(|version| {
                let artifact = version
                    .artifacts
                    .into_iter()
                    .find(|artifact: &Artifact| artifact.engine_tag == engine_tag);
                let known = before.and_then(|function| function.version(version.number));
                match known {
                    Some(known) if known.id == version.id && known.artifact == artifact => {
                        Arc::clone(known)
                    }
                    _ => Arc::new(Version::new(
                        version.id,
                        version.number,
                        version.module,
                        version.handler,
                        artifact,
                    )),
                }
            })
            .collect();
        let find = |number: u32| {
            versions
                .iter()
                .find(|version| version.number == number)
                .cloned()
        };
        let traffic = entry.traffic.iter();
        let traffic = traffic.filter_map(|share| Some((share.percent, find(share.version)?)));
        Arc::new(Self {
            traffic: traffic.collect(),
            prepare: entry
                .prepare
                .iter()
                .filter_map(|&number| find(number))
                .collect(),
            id: entry.id,
            name: entry.name.into(),
            access: entry.access,
            enabled: entry.enabled,
            limits: entry.limits,
            lacking: lacking.cloned(),
            versions,
        })
    }

    pub(crate) fn version(&self, number: u32) -> Option<&Arc<Version>> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    /// One of the live versions; `dice` is 0 to 99.
    pub(crate) fn pick(&self, dice: u8) -> Option<&Arc<Version>> {
        let mut left = dice;
        for (percent, version) in &self.traffic {
            if left < *percent {
                return Some(version);
            }
            left -= percent;
        }
        self.traffic.last().map(|(_, version)| version)
    }
}

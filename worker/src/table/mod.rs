//! What this worker serves, as requests look it up: immutable, swapped whole, read without a lock.

mod function;
mod routes;

use std::{collections::HashMap, sync::Arc};

use domain::{
    FunctionId, TenantId, TenantSlug, Timestamp,
    snapshot::{ALIAS_ROUTES, FormerSlug, Position, SECRETS, TenantEntry},
    tenant::TenantState,
};

pub(crate) use function::Function;
pub(crate) use routes::Leads;
use routes::Routes;

use crate::admission::{Gate, Owner};

/// What this release can do for a function or a route that says it `requires` something.
pub(crate) const FEATURES: &[&str] = &[SECRETS, ALIAS_ROUTES];

/// The first feature that this release lacks.
fn lacking(requires: &[String]) -> Option<&String> {
    requires
        .iter()
        .find(|feature| !FEATURES.contains(&feature.as_str()))
}

#[derive(Clone, Default)]
pub(crate) struct Table {
    pub(crate) position: Option<Position>,
    by_slug: HashMap<TenantSlug, Arc<Tenant>>,
    by_id: HashMap<TenantId, Arc<Tenant>>,
    by_domain: HashMap<Box<str>, Arc<Tenant>>,
    /// By slugs that they had before.
    by_former_slug: HashMap<TenantSlug, Arc<Tenant>>,
}

pub(crate) struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) slug: TenantSlug,
    pub(crate) state: TenantState,
    pub(crate) gate: Arc<Gate>,
    /// Absent where there are none.
    pub(crate) routes: Option<Box<Routes>>,
    domains: Box<[Box<str>]>,
    former_slugs: Box<[FormerSlug]>,
    /// By name.
    functions: Box<[Arc<Function>]>,
}

/// What a worker adds to an entry to serve it.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) engine_tag: &'a str,
    /// Calls that one tenant may run on this machine, so that there is always room for others.
    pub(crate) tenant_ceiling: u32,
}

impl Table {
    pub(crate) fn tenant(&self, slug: &TenantSlug) -> Option<&Arc<Tenant>> {
        self.by_slug.get(slug)
    }

    pub(crate) fn tenant_by_id(&self, id: TenantId) -> Option<&Arc<Tenant>> {
        self.by_id.get(&id)
    }

    pub(crate) fn tenant_by_domain(&self, host: &str) -> Option<&Arc<Tenant>> {
        self.by_domain.get(host)
    }

    /// Who had that slug before and has its callers led on at `now`.
    pub(crate) fn moved_tenant(&self, slug: &TenantSlug, now: Timestamp) -> Option<&Arc<Tenant>> {
        let tenant = self.by_former_slug.get(slug)?;
        let mut former = tenant.former_slugs.iter();
        former
            .any(|former| former.slug == *slug && former.until > now)
            .then_some(tenant)
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.by_id.values()
    }

    pub(crate) fn insert(&mut self, tenant: Arc<Tenant>) {
        self.remove(tenant.id);
        for domain in &tenant.domains {
            self.by_domain.insert(domain.clone(), Arc::clone(&tenant));
        }
        for former in &tenant.former_slugs {
            self.by_former_slug
                .insert(former.slug.clone(), Arc::clone(&tenant));
        }
        self.by_slug
            .insert(tenant.slug.clone(), Arc::clone(&tenant));
        self.by_id.insert(tenant.id, tenant);
    }

    pub(crate) fn remove(&mut self, id: TenantId) {
        let Some(tenant) = self.by_id.remove(&id) else {
            return;
        };
        // Slug and domains may have passed to another tenant in the same change.
        if self
            .tenant(&tenant.slug)
            .is_some_and(|owner| owner.id == id)
        {
            self.by_slug.remove(&tenant.slug);
        }
        for FormerSlug { slug, .. } in &tenant.former_slugs {
            let owner = self.by_former_slug.get(slug);
            if owner.is_some_and(|owner| owner.id == id) {
                self.by_former_slug.remove(slug);
            }
        }
        for domain in &tenant.domains {
            if self
                .tenant_by_domain(domain)
                .is_some_and(|owner| owner.id == id)
            {
                self.by_domain.remove(domain);
            }
        }
    }
}

impl Tenant {
    /// Versions that `before` knew stay what they are, with their loaded code, and gates with the
    /// calls that passed them.
    pub(crate) fn build(entry: TenantEntry, before: Option<&Self>, here: Here<'_>) -> Self {
        let limits = entry.limits;
        let gate = Gate::of(
            before.map(|before| &before.gate),
            Owner::Tenant(entry.id),
            [limits.concurrency, limits.rate_per_second],
            here.tenant_ceiling,
        );
        let mut functions: Vec<_> = entry
            .functions
            .into_iter()
            .map(|function| {
                let known = before.and_then(|tenant| tenant.function(function.name.as_str()));
                let known = known.filter(|known| known.id == function.id);
                Function::build(function, known, entry.id, here)
            })
            .collect();
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        let by_id: HashMap<FunctionId, &Arc<Function>> = functions
            .iter()
            .map(|function| (function.id, function))
            .collect();
        let routes = Routes::build(&entry.routes, |route| by_id.get(&route.function).copied());
        Self {
            routes,
            gate,
            functions: functions.into(),
            domains: entry
                .domains
                .into_iter()
                .map(String::into_boxed_str)
                .collect(),
            former_slugs: entry.former_slugs.into(),
            id: entry.id,
            slug: entry.slug,
            state: entry.state,
        }
    }

    pub(crate) fn function(&self, name: &str) -> Option<&Arc<Function>> {
        let found = self
            .functions
            .binary_search_by(|function| function.name.as_str().cmp(name));
        found.ok().map(|index| &self.functions[index])
    }

    pub(crate) fn function_by_id(&self, id: FunctionId) -> Option<&Arc<Function>> {
        self.functions.iter().find(|function| function.id == id)
    }

    pub(crate) fn functions(&self) -> impl Iterator<Item = &Arc<Function>> {
        self.functions.iter()
    }
}

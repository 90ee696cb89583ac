//! One function as this worker serves it.

use std::sync::{Arc, LazyLock};

use domain::{
    FunctionId, Limits, TenantId,
    egress::AllowedHosts,
    function::{Access, Reuse},
    name::version_number,
    snapshot::{AliasEntry, FunctionEntry},
};

use super::{Here, lacking};
use crate::{
    admission::{Gate, Owner},
    artifacts::Compiled,
    version::{Config, Version},
};

/// One for all functions that send no requests, which are most.
static NO_HOSTS: LazyLock<Arc<AllowedHosts>> = LazyLock::new(Arc::default);

pub(crate) struct Function {
    pub(crate) id: FunctionId,
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) enabled: bool,
    pub(crate) limits: Limits,
    pub(crate) gate: Arc<Gate>,
    pub(crate) allowed_outbound_hosts: Arc<AllowedHosts>,
    /// Absent: an instance for each invocation.
    pub(crate) reuse: Option<Reuse>,
    pub(crate) aliases: Box<[AliasEntry]>,
    /// The live versions with their percents, the newest first; empty until something is live.
    pub(crate) traffic: Box<[(u8, Arc<Version>)]>,
    pub(crate) versions: Box<[Arc<Version>]>,
    /// To be loaded before this state is acknowledged.
    pub(crate) prepare: Box<[Arc<Version>]>,
    /// A feature that this worker lacks: the function cannot be served by it.
    pub(crate) lacking: Option<String>,
}

impl Function {
    pub(super) fn build(
        entry: FunctionEntry,
        before: Option<&Arc<Self>>,
        tenant: TenantId,
        here: Here<'_>,
    ) -> Arc<Self> {
        let lacking = lacking(&entry.requires);
        // An entry that cannot be understood changes nothing for a function that is being served.
        if lacking.is_some()
            && let Some(before) = before.filter(|before| before.lacking.is_none())
        {
            return Arc::clone(before);
        }
        // By reference: made of the entry's own vector, it would keep all of its room.
        let versions: Box<[_]> = entry
            .versions
            .iter()
            .map(|version| {
                let compiled = Compiled::find(&version.artifacts, here.engine_tag, version.module);
                let config = Config::new(tenant, &version.variables, &version.secrets);
                let known = before.and_then(|function| function.version(version.number));
                match known {
                    Some(known) if known.is_still(version.id, compiled.as_ref(), &config) => {
                        Arc::clone(known)
                    }
                    _ => Arc::new(Version::new(
                        version.id,
                        version.number,
                        version.module,
                        version.handler,
                        compiled,
                        config,
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
        let mut shares = entry.traffic;
        // While a newer version's share grows, whoever met it stays with it.
        shares.sort_unstable_by_key(|share| std::cmp::Reverse(share.version));
        let traffic = shares.iter();
        let traffic = traffic.filter_map(|share| Some((share.percent, find(share.version)?)));
        let limits = entry.limits;
        let allowed = AllowedHosts::parse(&entry.allowed_outbound_hosts);
        // What a later release's grammar allows is not allowed here, and nothing else changes.
        let allowed = allowed.unwrap_or_else(|problems| {
            tracing::warn!(function = %entry.id, %problems, "outbound requests are not understood and refused");
            AllowedHosts::default()
        });
        let allowed_outbound_hosts = if allowed == AllowedHosts::default() {
            Arc::clone(&NO_HOSTS)
        } else {
            Arc::new(allowed)
        };
        let gate = Gate::of(
            before.map(|before| &before.gate),
            Owner::Function(entry.id),
            [limits.concurrency, limits.rate_per_second],
            u32::MAX,
        );
        Arc::new(Self {
            traffic: traffic.collect(),
            gate,
            allowed_outbound_hosts,
            reuse: entry.reuse,
            aliases: entry.aliases.into_boxed_slice(),
            prepare: entry
                .prepare
                .iter()
                .filter_map(|&number| find(number))
                .collect(),
            id: entry.id,
            name: entry.name.into(),
            access: entry.access,
            enabled: entry.enabled,
            limits,
            lacking: lacking.cloned(),
            versions,
        })
    }

    pub(crate) fn version(&self, number: u32) -> Option<&Arc<Version>> {
        self.versions
            .iter()
            .find(|version| version.number == number)
    }

    pub(crate) fn is_deployed(&self) -> bool {
        !self.traffic.is_empty()
    }

    /// One of the live versions; `position` is 0 to 99, the same for the same caller.
    pub(crate) fn pick(&self, position: u8) -> Option<&Arc<Version>> {
        let mut left = position;
        for (percent, version) in self.traffic.iter() {
            if left < *percent {
                return Some(version);
            }
            left -= percent;
        }
        self.traffic.last().map(|(_, version)| version)
    }

    fn alias(&self, name: &str) -> Option<&AliasEntry> {
        self.aliases
            .iter()
            .find(|alias| alias.name.as_str() == name)
    }

    /// `None` where its version is not there, or not yet.
    pub(crate) fn version_of_alias(&self, name: &str) -> Option<&Arc<Version>> {
        self.version(self.alias(name)?.version)
    }

    /// Of the name before a preview's host: an alias, or `v12`. Whether anybody may call it, too.
    pub(crate) fn preview(&self, label: &str) -> Option<(&Arc<Version>, bool)> {
        let (number, open) = match self.alias(label) {
            Some(alias) => (alias.version, alias.open),
            None => (version_number(label)?, false),
        };
        Some((self.version(number)?, open))
    }
}

//! What workers serve: every live function, in one versioned schema.
//!
//! Workers take unknown fields as absent, so that releases N and N-1 live together; what a worker
//! must understand to serve a function is listed in that function's `requires`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    AliasName, ConfigName, Digest, FunctionId, FunctionName, GenerationId, Limits, TenantId,
    TenantSlug, Timestamp, VersionId,
    artifact::Artifact,
    configuration::SecretReference,
    deployment::Share,
    function::{Access, Reuse},
    limits::TenantLimits,
    sealed::Sealed,
    tenant::TenantState,
    version::Handler,
};

pub const SCHEMA: u32 = 1;
/// The feature of workers that open secrets.
pub const SECRETS: &str = "secrets";
/// Follows a route to the version of an alias.
pub const ALIAS_ROUTES: &str = "alias_routes";

/// A place in the history of the serving state. Epochs count without gaps, in commit order,
/// within a generation; restoring a backup starts another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub generation: GenerationId,
    pub epoch: u64,
}

/// The whole serving state at a position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub schema: u32,
    pub position: Position,
    /// [`rolled_up`] over the tenants' hashes.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    pub tenants: Vec<TenantEntry>,
}

/// What changed between two positions: whole entries of the tenants concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    pub schema: u32,
    pub position: Position,
    /// Of the state once the changes are applied.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    pub tenants: Vec<TenantEntry>,
    pub removed: Vec<TenantId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantEntry {
    pub id: TenantId,
    pub slug: TenantSlug,
    pub state: TenantState,
    #[serde(default)]
    pub limits: TenantLimits,
    /// Ahead of the `/<function>` prefix, on the tenant's own host and on its domains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteEntry>,
    /// Verified host names of the tenant's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Slugs that it had before, whose hosts lead to the one of `slug`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_slugs: Vec<FormerSlug>,
    pub functions: Vec<FunctionEntry>,
}

/// A name that a tenant had, and when its hosts stop leading to the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerSlug {
    pub slug: TenantSlug,
    #[serde(with = "time::serde::rfc3339")]
    pub until: Timestamp,
}

/// A path, and the function that answers there. The function sees the path whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteEntry {
    /// One of the tenant's domains; all of its hosts if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `/exact`, `/:segment` or `/...` at the end for all below.
    pub path: String,
    pub function: FunctionId,
    /// Its version answers; what is live if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<AliasName>,
    /// Features a worker must have to follow this route; one that lacks any refuses the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionEntry {
    pub id: FunctionId,
    pub name: FunctionName,
    pub access: Access,
    pub enabled: bool,
    /// Already the lower of the plan's and the function's.
    pub limits: Limits,
    /// Hosts it may send requests to, in the grammar of [`crate::egress`]; none by default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_outbound_hosts: Vec<String>,
    /// Absent: an instance for each invocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Names for versions, each with a preview host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<AliasEntry>,
    /// Empty until the first deployment is live.
    pub traffic: Vec<Share>,
    /// All that `traffic` and `prepare` name, and those kept warm for a rollback.
    pub versions: Vec<VersionEntry>,
    /// Numbers of versions to load before this state is acknowledged.
    #[serde(default)]
    pub prepare: Vec<u32>,
    /// Features a worker must have to serve this entry.
    #[serde(default)]
    pub requires: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionEntry {
    pub id: VersionId,
    pub number: u32,
    /// Of the bytes as uploaded.
    pub module: Digest,
    pub handler: Handler,
    /// What the guest reads through `wasi:config/store`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<ConfigName, String>,
    /// Read alike; a function that has any `requires` [`SECRETS`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<ConfigName, SecretEntry>,
    /// One for each engine tag that live workers have.
    pub artifacts: Vec<Artifact>,
}

/// A value that only workers open, by its reference and their serving key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretEntry {
    #[serde(flatten)]
    pub reference: SecretReference,
    pub sealed: Sealed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasEntry {
    pub name: AliasName,
    pub version: u32,
    /// Anybody may call the preview.
    #[serde(default)]
    pub open: bool,
}

impl TenantEntry {
    /// BLAKE3 of the entry's JSON, whose fields come in the order declared here.
    pub fn hash(&self) -> [u8; 32] {
        let json =
            serde_json::to_vec(self).expect("an entry holds no map with keys other than strings");
        hash(&json)
    }
}

/// What the platform's artifact key signs of a snapshot that lies in the object store.
pub fn signed_message(json: &[u8]) -> Vec<u8> {
    let mut message = b"atoll snapshot v1\0".to_vec();
    message.extend(hash(json));
    message
}

/// Of an entry as it travels: a worker hashes the text that came, with fields it does not know.
pub fn hash(json: &[u8]) -> [u8; 32] {
    *blake3::hash(json).as_bytes()
}

/// One hash over all tenants, whatever the order they arrived in.
pub fn rolled_up(tenants: &BTreeMap<TenantId, [u8; 32]>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for (tenant, hash) in tenants {
        hasher.update(tenant.uuid().as_bytes());
        hasher.update(hash);
    }
    *hasher.finalize().as_bytes()
}

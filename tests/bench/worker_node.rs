//! A worker alone, as `atoll worker` starts it, fed by the bench with as many functions as it is to know.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, process::Command};

use anyhow::Context as _;
use domain::{
    FunctionId, FunctionName, Limits, TenantId, VersionId,
    artifact::Artifact,
    deployment::Share,
    function::Access,
    limits::TenantLimits,
    snapshot::{FunctionEntry, TenantEntry, VersionEntry},
    tenant::TenantState,
};

use crate::{
    atoll,
    client::Client,
    feed::Feed,
    guests::Compiled,
    load::{Load, Protocol},
    process::{Process, free_address},
};

const APPS_DOMAIN: &str = "localhost";

pub(crate) struct Node {
    pub(crate) process: Process,
    plain: SocketAddr,
}

impl Node {
    /// In `folder`, where it finds what an earlier one left. It serves once this returns.
    pub(crate) fn start(folder: &Path, feed: &Feed, blobs: &str) -> anyhow::Result<Self> {
        let authority = folder.join("ca");
        worker::development_ca::ensure(&authority, APPS_DOMAIN)?;
        let plain = free_address()?;
        let mut command = Command::new(atoll::program()?);
        command
            .arg("worker")
            .args(["--api-url", &format!("http://{}", feed.address)])
            .args(["--functions", "127.0.0.1:0", "--internal", "127.0.0.1:0"])
            .args(["--functions-plain", &plain.to_string()])
            .args(["--trusted-proxies", "127.0.0.0/8"])
            .args(["--apps-domain", APPS_DOMAIN, "--blobs", blobs])
            .arg("--cache")
            .arg(folder.join("cache"))
            .arg("--development-ca")
            .arg(&authority)
            .env("ATOLL_JOIN_TOKEN", "bench")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench-secret");
        let process = Process::start(&mut command, plain)?;
        feed.applied().context("starting a worker")?;
        Ok(Self { process, plain })
    }

    pub(crate) fn client(&self, tenant: &str) -> anyhow::Result<Client> {
        Client::connect(self.plain, &format!("{tenant}.{APPS_DOMAIN}"))
    }

    pub(crate) fn load(&self, tenant: &str, path: &str) -> Load {
        Load {
            protocol: Protocol::Plain,
            address: self.plain,
            host: format!("{tenant}.{APPS_DOMAIN}"),
            path: path.to_owned(),
            body: None,
            script: String::new(),
        }
    }
}

pub(crate) fn tenant(slug: &str, functions: Vec<FunctionEntry>) -> anyhow::Result<TenantEntry> {
    Ok(TenantEntry {
        id: TenantId::generate(),
        slug: slug.parse()?,
        state: TenantState::Active,
        limits: TenantLimits::DEFAULT,
        routes: Vec::new(),
        domains: Vec::new(),
        former_slugs: Vec::new(),
        functions,
    })
}

/// A public function with the limits of the default plan.
pub(crate) fn function(name: FunctionName, guest: &Compiled, artifact: Artifact) -> FunctionEntry {
    let version = VersionEntry {
        id: VersionId::generate(),
        number: 1,
        module: artifact.module,
        handler: guest.handler(),
        variables: BTreeMap::new(),
        secrets: BTreeMap::new(),
        artifacts: vec![artifact],
    };
    FunctionEntry {
        id: FunctionId::generate(),
        name,
        access: Access::Public,
        enabled: true,
        limits: Limits::DEFAULT,
        allowed_outbound_hosts: Vec::new(),
        reuse: None,
        aliases: Vec::new(),
        traffic: vec![Share {
            version: 1,
            percent: 100,
        }],
        versions: vec![version],
        prepare: Vec::new(),
        requires: Vec::new(),
    }
}

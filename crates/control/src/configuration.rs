//! What functions are configured with. A version keeps the variables and secrets that it was made
//! with, so a change of them shows in the next version: one is made at once of each deployed version
//! that the change concerns, and deployed where the caller asks for it.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ConfigName, FunctionId, FunctionName, OperationId, Problems, TenantId,
    configuration::{Configuration, MAX_NAMES, Settings},
    deployment::Share,
};
use store::{
    Connection, Tx,
    functions::{self, Function, FunctionKey},
    secrets, tenants, variables,
    versions::Version,
};

use crate::{Admin, Developer, Error, Member, Platform, deployments, versions};

/// Whose variables and secrets: a tenant's are there for all of its functions, and a function's own
/// go before them.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    Tenant(&'a Member<Admin>),
    Function(&'a Member<Developer>, &'a str),
}

/// A holder in a transaction, by what it is known there.
pub(crate) struct Held {
    pub(crate) by: Member<Developer>,
    pub(crate) function: Option<FunctionId>,
    pub(crate) revision: i64,
}

/// A version that a change of the configuration led to.
#[derive(Clone, Debug)]
pub struct Followed {
    pub function: FunctionName,
    /// The deployed version that it replaces, or would.
    pub from: i32,
    pub version: i32,
    /// Of its deployment, where that was asked for.
    pub operation: Option<OperationId>,
}

impl Holder<'_> {
    /// A function's row is held to the end of the transaction; a tenant's is not, since its functions'
    /// rows are to be held first.
    pub(crate) async fn begin(self, p: &Platform) -> Result<(Tx, Held), Error> {
        match self {
            Self::Tenant(by) => {
                let mut tx = by.begin(p).await?;
                let tenant = tenants::find(&mut tx, by.tenant).await?;
                let held = Held {
                    by: by.as_developer(),
                    function: None,
                    revision: tenant.ok_or(Error::NotFound("tenant"))?.revision,
                };
                Ok((tx, held))
            }
            Self::Function(by, function) => {
                let mut tx = by.begin(p).await?;
                let id = crate::functions::lock(&mut tx, by, function).await?;
                let found = crate::functions::find(&mut tx, by, &FunctionKey::Id(id)).await?;
                let held = Held {
                    by: by.clone(),
                    function: Some(id),
                    revision: found.function.revision,
                };
                Ok((tx, held))
            }
        }
    }
}

impl Held {
    pub(crate) fn tenant(&self) -> TenantId {
        self.by.tenant
    }

    /// The typed id of the function, or of the tenant, for the audit.
    pub(crate) fn subject(&self) -> String {
        match self.function {
            Some(function) => function.to_string(),
            None => self.tenant().to_string(),
        }
    }

    /// Counts a change of what it holds; `PreconditionFailed` where somebody else made one meanwhile.
    pub(crate) async fn touch(&self, tx: &mut Connection, p: &Platform) -> Result<(), Error> {
        let now = p.clock.now();
        match self.function {
            Some(function) => functions::touch(tx, self.tenant(), function, now).await?,
            None => {
                if !tenants::touch(tx, self.tenant(), self.revision, now).await? {
                    return Err(Error::PreconditionFailed);
                }
            }
        }
        Ok(())
    }

    /// Refuses what would be more names, or twice one name, than a holder may have.
    pub(crate) async fn check_names(
        &self,
        tx: &mut Connection,
        problems: &mut Problems,
    ) -> Result<(), Error> {
        let variables = variables::list(tx, self.tenant(), self.function).await?;
        let secrets = secrets::list(tx, self.tenant(), self.function).await?;
        let count = variables.len() + secrets.len();
        if count > MAX_NAMES {
            let detail =
                format!("there may be {MAX_NAMES} variables and secrets, these are {count}");
            problems.push("name", detail);
        }
        let names: BTreeSet<_> = variables.iter().map(|variable| &variable.name).collect();
        for secret in secrets.iter().filter(|secret| names.contains(&secret.name)) {
            let detail = format!("`{}` would be a variable and a secret", secret.name);
            problems.push("name", detail);
        }
        Ok(())
    }

    /// Versions like the deployed ones, with what is configured now.
    pub(crate) async fn follow(
        &self,
        tx: &mut Tx,
        p: &Platform,
        deploy: bool,
        message: &str,
    ) -> Result<Vec<Followed>, Error> {
        // All of them before the first version: a version is counted in a row of the tenant, for which whoever
        // makes one of another function waits with that function's row.
        let mut locked = Vec::new();
        for id in functions::deployed(tx, self.tenant(), self.function).await? {
            locked.extend(functions::lock(tx, self.tenant(), &FunctionKey::Id(id)).await?);
        }
        let mut followed = Vec::new();
        for id in locked {
            let found = crate::functions::find(tx, &self.by, &FunctionKey::Id(id)).await?;
            let mut traffic = found.traffic;
            let mut made = Vec::new();
            for share in &mut traffic {
                let from = share.version.cast_signed();
                if let Some(version) = self.replace(tx, p, &found.function, from, message).await? {
                    share.version = version.number.cast_unsigned();
                    made.push((from, version.number));
                }
            }
            let operation = match made.is_empty() || !deploy {
                true => None,
                false => Some(self.deploy(tx, p, id, traffic, message).await?),
            };
            followed.extend(made.into_iter().map(|(from, version)| Followed {
                function: found.function.name.clone(),
                from,
                version,
                operation,
            }));
        }
        Ok(followed)
    }

    async fn replace(
        &self,
        tx: &mut Tx,
        p: &Platform,
        function: &Function,
        from: i32,
        message: &str,
    ) -> Result<Option<Version>, Error> {
        let before = versions::one(tx, &self.by, function.id, from).await?;
        let now = of(tx, function, before.requires.clone()).await?;
        if now.variables == before.variables && now.secrets == before.secrets {
            return Ok(None);
        }
        let wanted = versions::Wanted {
            digest: before.digest,
            configuration: now,
            message,
            source_url: before.source_url.as_deref(),
        };
        versions::insert(tx, p, &self.by, function.id, wanted)
            .await
            .map(Some)
    }

    async fn deploy(
        &self,
        tx: &mut Tx,
        p: &Platform,
        function: FunctionId,
        traffic: Vec<Share>,
        message: &str,
    ) -> Result<OperationId, Error> {
        let wanted = deployments::Wanted {
            function,
            traffic,
            message: message.to_owned(),
            rollback: false,
        };
        let (_, operation) = deployments::start(tx, p, &self.by, &wanted).await?;
        Ok(operation.id)
    }
}

/// What a version of this function would be made with now.
pub(crate) async fn of(
    tx: &mut Connection,
    function: &Function,
    requires: Vec<ConfigName>,
) -> Result<Configuration, Error> {
    let mut variables = variables::visible(tx, function.tenant, function.id).await?;
    let mut secrets = secrets::visible(tx, function.tenant, function.id).await?;
    // A function's own goes before the tenant's of that name, whichever of them is the secret.
    let own: BTreeSet<ConfigName> = variables
        .iter()
        .filter(|variable| variable.function.is_some())
        .map(|variable| variable.name.clone())
        .chain(
            secrets
                .iter()
                .filter(|secret| secret.function.is_some())
                .map(|secret| secret.name.clone()),
        )
        .collect();
    variables.retain(|variable| variable.function.is_some() || !own.contains(&variable.name));
    secrets.retain(|secret| secret.function.is_some() || !own.contains(&secret.name));
    let variables = variables
        .into_iter()
        .map(|variable| (variable.name, variable.value));
    let secrets = secrets
        .into_iter()
        .map(|secret| (secret.name.clone(), secret.reference()));
    Ok(Configuration {
        variables: variables.collect::<BTreeMap<_, _>>(),
        secrets: secrets.collect::<BTreeMap<_, _>>(),
        requires,
        settings: Settings {
            access: function.access,
            limits: function.limits,
            allowed_outbound_hosts: function.allowed_outbound_hosts.clone(),
            reuse: function.reuse,
        },
    })
}

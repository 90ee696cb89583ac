//! What a version is configured with: variables as they came, secrets sealed until it is loaded, so
//! that a worker's memory holds those alone that its guests may ask for.

use std::{collections::BTreeMap, sync::OnceLock};

use anyhow::{Context as _, anyhow};
use domain::{
    ConfigName, TenantId,
    sealed::{Place, Sealed, ServingKey},
    snapshot::SecretEntry,
};
use zeroize::Zeroizing;

pub(crate) struct Config {
    variables: BTreeMap<ConfigName, String>,
    sealed: Box<[SealedSecret]>,
    opened: OnceLock<BTreeMap<ConfigName, Zeroizing<String>>>,
}

#[derive(PartialEq, Eq)]
struct SealedSecret {
    name: ConfigName,
    place: Place,
    sealed: Sealed,
}

/// The worker has to ask for its keys again.
#[derive(Debug, thiserror::Error)]
#[error("the serving key {0} is not here yet")]
pub(crate) struct KeyMissing(u32);

impl Config {
    pub(crate) fn new(
        tenant: TenantId,
        variables: &BTreeMap<ConfigName, String>,
        secrets: &BTreeMap<ConfigName, SecretEntry>,
    ) -> Self {
        let sealed = secrets.iter().map(|(name, entry)| SealedSecret {
            name: name.clone(),
            place: Place::secret(tenant, entry.reference.secret, entry.reference.number),
            sealed: entry.sealed.clone(),
        });
        Self {
            variables: variables.clone(),
            sealed: sealed.collect(),
            opened: OnceLock::new(),
        }
    }

    /// Whether a version that has this may keep it: a value never changes, but it may come sealed
    /// under another key before it was opened.
    pub(super) fn is_as_good_as(&self, newer: &Self) -> bool {
        self.opened.get().is_some() || self.sealed == newer.sealed
    }

    /// Opens the secrets, if that was not done before.
    pub(crate) fn open(&self, keys: &[ServingKey]) -> anyhow::Result<()> {
        if self.sealed.is_empty() || self.opened.get().is_some() {
            return Ok(());
        }
        let opened = self.sealed.iter().map(|secret| {
            let value = open(secret, keys);
            let value =
                value.with_context(|| format!("its secret `{}` cannot be opened", secret.name))?;
            Ok((secret.name.clone(), value))
        });
        let opened = opened.collect::<anyhow::Result<_>>()?;
        // Whoever else opened them meanwhile got the same.
        let _ = self.opened.set(opened);
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let name: ConfigName = name.parse().ok()?;
        let secret = self.opened.get().and_then(|secrets| secrets.get(&name));
        let secret = secret.map(|value| value.as_str());
        secret
            .or_else(|| self.variables.get(&name).map(String::as_str))
            .map(str::to_owned)
    }

    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let variables = self
            .variables
            .iter()
            .map(|(name, value)| (name, value.as_str()));
        let secrets = self.opened.get().into_iter().flatten();
        let secrets = secrets.map(|(name, value)| (name, value.as_str()));
        variables
            .chain(secrets)
            .map(|(name, value)| (name.to_string(), value.to_owned()))
            .collect()
    }
}

fn open(secret: &SealedSecret, keys: &[ServingKey]) -> anyhow::Result<Zeroizing<String>> {
    let number = secret.sealed.key;
    if !keys.iter().any(|key| key.number == number) {
        return Err(KeyMissing(number).into());
    }
    let bytes = secret
        .sealed
        .open(keys, &secret.place)
        .ok_or_else(|| anyhow!("the serving key {number} does not open it"))?;
    let text = std::str::from_utf8(&bytes).context("it is not UTF-8")?;
    Ok(Zeroizing::new(text.to_owned()))
}

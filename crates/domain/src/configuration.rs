//! What a version of a function is configured with, beside its code: variables, and secrets by
//! reference. A guest reads both by name through `wasi:config/store`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{
    Invalid, Limits, SecretId,
    function::{Access, Reuse},
};

/// Variables, and secrets, that a tenant or a function may have of its own.
pub const MAX_NAMES: usize = 100;
pub const MAX_VARIABLE_BYTES: usize = 16 << 10;
pub const MAX_SECRET_BYTES: usize = 64 << 10;

/// The name of a variable or a secret, alike for both: a function has one value of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct ConfigName(String);

impl ConfigName {
    pub const MAX_LEN: usize = 128;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ConfigName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let follows = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let starts = |b: u8| b.is_ascii_alphabetic() || b == b'_';
        let well_formed = text.len() <= Self::MAX_LEN
            && text.bytes().next().is_some_and(starts)
            && text.bytes().all(follows);
        if !well_formed {
            let detail =
                "use 1 to 128 of A-Z, a-z, 0-9, `_`, `-` and `.`, the first a letter or `_`";
            return Err(Invalid::new("name", detail));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ConfigName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<ConfigName> for String {
    fn from(name: ConfigName) -> Self {
        name.0
    }
}

impl fmt::Display for ConfigName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One value of a secret: values are numbered from 1, and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretReference {
    pub secret: SecretId,
    pub number: u32,
}

/// What a version was made with. Two versions of the same module and configuration are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Configuration {
    #[serde(default)]
    pub variables: BTreeMap<ConfigName, String>,
    #[serde(default)]
    pub secrets: BTreeMap<ConfigName, SecretReference>,
    /// Secrets or variables that it cannot do without: it is not deployed while one is missing.
    #[serde(default)]
    pub requires: Vec<ConfigName>,
    /// The function's at that moment.
    pub settings: Settings,
}

/// What a function allows, as it was when a version was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Settings {
    pub access: Access,
    pub limits: Limits,
    pub allowed_outbound_hosts: Vec<String>,
    pub reuse: Option<Reuse>,
}

impl Configuration {
    /// Names that are required and that neither a variable nor a secret has.
    pub fn missing(&self) -> impl Iterator<Item = &ConfigName> {
        self.requires
            .iter()
            .filter(|name| !self.variables.contains_key(name) && !self.secrets.contains_key(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_programs_call_their_settings() {
        for good in ["DATABASE_URL", "db.url", "_x", "a", "feature-flag"] {
            assert!(good.parse::<ConfigName>().is_ok(), "{good}");
        }
        let long = "a".repeat(129);
        for bad in ["", "1a", "a b", "a=b", "é", "-a", ".a", "a\0", &long] {
            assert!(bad.parse::<ConfigName>().is_err(), "{bad}");
        }
    }
}

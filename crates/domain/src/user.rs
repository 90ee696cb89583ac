//! What identifies a person: an address to sign in with, and a password that is never stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Kept lower-case: two spellings of one mailbox are one account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Email(String);

impl Email {
    /// As strict as is useful: the proof of an address is a mail that arrives there.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        let well_formed = text.len() <= 254
            && text.split_once('@').is_some_and(|(local, domain)| {
                (1..=64).contains(&local.len()) && !domain.is_empty() && !domain.contains('@')
            })
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | '"'));
        if !well_formed {
            return Err(Invalid::new(
                "email",
                "expected an address such as you@example.com",
            ));
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Email {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// A password on its way to being hashed or checked. Prints as nothing.
#[derive(Clone, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    pub const MIN_LEN: usize = 12;
    /// Argon2's cost must not be the caller's to choose.
    pub const MAX_LEN: usize = 128;

    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For a new password. Length alone, as NIST SP 800-63B §5.1.1.2 advises.
    pub fn check(&self) -> Result<(), Invalid> {
        match self.0.chars().count() {
            Self::MIN_LEN..=Self::MAX_LEN => Ok(()),
            seen => Err(Invalid::new(
                "password",
                format!("use 12 to 128 characters, these are {seen}"),
            )),
        }
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

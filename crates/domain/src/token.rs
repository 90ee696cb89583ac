//! How an access token is written: `atoll_<kind>_<30 of base 62>_<crc32>`.
//!
//! The prefix lets scanners of leaked secrets find one, and the checksum tells a real one from a
//! typing error without a look into the database, as GitHub's tokens do.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

const PREFIX: &str = "atoll";
const RANDOM_CHARS: usize = 30;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// Its owner's, who may do with it what he may do now, in all of his tenants.
    Personal,
    /// The tenant's, with the role it was given; it stays when its maker leaves.
    Tenant,
}

impl TokenKind {
    const fn name(self) -> &'static str {
        match self {
            Self::Personal => "user",
            Self::Tenant => "tenant",
        }
    }
}

/// A token in full. It is told once; its `Debug` form keeps it secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenText(String);

/// The text is no access token. Which part of it is wrong is nobody's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access token")]
pub struct Malformed;

impl TokenText {
    /// `random` must be 30 numbers below 62, each drawn by itself.
    pub fn new(kind: TokenKind, random: [u8; RANDOM_CHARS]) -> Self {
        let chars = random.map(|number| char::from(ALPHABET[usize::from(number)]));
        let body = format!("{PREFIX}_{}_{}", kind.name(), String::from_iter(chars));
        let checksum = crc32fast::hash(body.as_bytes());
        Self(format!("{body}_{checksum:08x}"))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn kind(&self) -> TokenKind {
        match self.0.as_bytes()[PREFIX.len() + 1] {
            b'u' => TokenKind::Personal,
            _ => TokenKind::Tenant,
        }
    }

    /// The last characters of the random part, by which a person tells one from another in a list.
    pub fn hint(&self) -> &str {
        let end = self.0.len() - "_00000000".len();
        &self.0[end - 4..end]
    }
}

impl FromStr for TokenText {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (body, checksum) = text.rsplit_once('_').ok_or(Malformed)?;
        let (head, random) = body.rsplit_once('_').ok_or(Malformed)?;
        let kind = head
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix('_'));
        let is_known = kind.is_some_and(|kind| {
            kind == TokenKind::Personal.name() || kind == TokenKind::Tenant.name()
        });
        let is_random =
            random.len() == RANDOM_CHARS && random.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // Compared as text, for a number has more spellings than one.
        let is_intact = checksum == format!("{:08x}", crc32fast::hash(body.as_bytes()));
        (is_known && is_random && is_intact)
            .then(|| Self(text.to_owned()))
            .ok_or(Malformed)
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}_{}_…{}", self.kind().name(), self.hint())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            random in proptest::array::uniform30(0_u8..62),
            of_tenant: bool,
        ) {
            let kind = if of_tenant { TokenKind::Tenant } else { TokenKind::Personal };
            let token = TokenText::new(kind, random);
            prop_assert_eq!(token.as_str().parse(), Ok(token.clone()));
            prop_assert_eq!(token.kind(), kind);
            let shown = format!("{token:?}");
            prop_assert!(!shown.contains(&token.as_str()[..24]));
        }

        #[test]
        fn a_token_with_another_character_is_none(
            random in proptest::array::uniform30(0_u8..62),
            at: proptest::sample::Index,
            other: char,
        ) {
            let text = TokenText::new(TokenKind::Personal, random).as_str().to_owned();
            let mut chars: Vec<_> = text.chars().collect();
            let at = at.index(chars.len());
            prop_assume!(chars[at] != other);
            chars[at] = other;
            prop_assert_eq!(String::from_iter(chars).parse::<TokenText>(), Err(Malformed));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            if let Ok(token) = text.parse::<TokenText>() {
                prop_assert_eq!(token.as_str(), text);
            }
        }
    }
}

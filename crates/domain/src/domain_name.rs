//! A tenant's own host name, in the one spelling that requests carry: ASCII, lower case, `xn--`.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Before the name that is proven, the name whose TXT record proves it.
const CHALLENGE: &str = "_atoll-challenge.";
/// Of a host name (RFC 1035 §2.3.4), and what people may type for it, in whatever script.
const MAX_NAME: usize = 253;
const MAX_TYPED: usize = 1_000;

/// Top-level names that are no domains of the internet (RFC 6761, RFC 8375, RFC 9476).
const NOT_PUBLIC: &[&str] = &[
    "alt",
    "arpa",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

impl DomainName {
    pub const MAX_LEN: usize = MAX_NAME - CHALLENGE.len();

    /// Takes any script, and a dot at the end.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if text.len() > MAX_TYPED {
            let seen = text.len();
            return Err(refused(format!(
                "use at most {MAX_TYPED} bytes, these are {seen}"
            )));
        }
        if text.starts_with("*.") {
            return Err(refused("wildcards are not taken, add each host name"));
        }
        if text.contains(['/', ':', '@', '?', '#']) {
            return Err(refused(
                "give the host name alone, such as shop.example.com: no scheme, port or path",
            ));
        }
        let text = text.strip_suffix('.').unwrap_or(text);
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| {
            refused("this is no host name; it has labels of letters, digits and inner dashes, with dots between them")
        })?;
        if ascii.len() > Self::MAX_LEN {
            let (max, seen) = (Self::MAX_LEN, ascii.len());
            return Err(refused(format!(
                "use at most {max} characters, these are {seen} as sent in requests"
            )));
        }
        let Some((_, top)) = ascii.rsplit_once('.') else {
            return Err(refused("a domain has at least one dot, as in example.com"));
        };
        // What ends in a number is read as an address (WHATWG URL §3.5).
        if ascii.parse::<IpAddr>().is_ok()
            || top.bytes().all(|b| b.is_ascii_digit())
            || top.starts_with("0x")
        {
            return Err(refused("give a host name, not an address"));
        }
        if NOT_PUBLIC.contains(&top) {
            return Err(refused(format!(
                "names under .{top} are not of the public DNS, where a domain is proven"
            )));
        }
        Ok(Self(ascii))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where the record is looked for that proves it.
    pub fn challenge(&self) -> String {
        format!("{CHALLENGE}{}", self.0)
    }

    /// Whether this is `other` or a name below it.
    pub fn is_within(&self, other: &str) -> bool {
        let rest = self.0.strip_suffix(other);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// As people write it.
    pub fn unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

fn refused(detail: impl Into<String>) -> Invalid {
    Invalid::new("name", detail)
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for DomainName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for DomainName {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for DomainName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .max_length(Some(Self::MAX_LEN))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for DomainName {}

/// How far a tenant's domain is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// Not proven yet, or no longer: it is not served.
    Pending,
    Verified,
    /// Its proof is gone; it is served for some days more.
    Failing,
}

impl DomainState {
    pub fn is_served(self) -> bool {
        self != Self::Pending
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_of_any_script_is_kept_as_requests_carry_it() {
        for (text, kept) in [
            ("shop.example", "shop.example"),
            (" Shop.Example. ", "shop.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ] {
            let name = DomainName::parse(text).unwrap();
            assert_eq!(name.as_str(), kept);
        }
        let name = DomainName::parse("bücher.example").unwrap();
        assert_eq!(name.unicode(), "bücher.example");
        assert_eq!(name.challenge(), "_atoll-challenge.xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_public_host_name_is_refused_with_the_reason() {
        let long = format!("{}.example", "a.".repeat(120).trim_end_matches('.'));
        for (text, told) in [
            ("", "no host name"),
            ("example", "at least one dot"),
            ("*.example.com", "wildcards"),
            ("https://a.example", "alone"),
            ("a.example:443", "alone"),
            ("[::1]", "alone"),
            ("127.0.0.1", "not an address"),
            ("1.2.3.0x7f", "not an address"),
            ("a..example", "no host name"),
            ("-a.example", "no host name"),
            ("a_b.example", "no host name"),
            ("a b.example", "no host name"),
            ("a\0.example", "no host name"),
            ("xn--a.example", "no host name"),
            ("db.internal", "public DNS"),
            ("a.localhost", "public DNS"),
            (&long, "at most 236 characters"),
        ] {
            let refusal = DomainName::parse(text).unwrap_err();
            assert!(refusal.detail.contains(told), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_name_is_within_itself_and_what_it_is_below() {
        let name = DomainName::parse("a.apps.example").unwrap();
        assert!(name.is_within("apps.example") && name.is_within("a.apps.example"));
        assert!(!name.is_within("pps.example") && !name.is_within("b.a.apps.example"));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_reads_back_as_the_host_of_a_request(text in "\\PC{1,12}(\\.\\PC{1,8}){0,2}") {
            if let Ok(name) = DomainName::parse(&text) {
                prop_assert_eq!(DomainName::parse(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().bytes().all(
                    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.'
                ));
                prop_assert!(name.challenge().len() <= MAX_NAME);
            }
        }
    }
}

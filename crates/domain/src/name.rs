//! Names that become part of a host or a path: DNS labels, hence their alphabet and lengths.
//!
//! The label of a preview is `<alias>--<function>--<tenant>`, at most 63 characters (RFC 1035
//! §2.3.4): 15 + 24 + 20 and two separators just fit, and no name may hold `--` itself.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Labels that mean something in the platform's own URLs.
const RESERVED_SLUGS: &[&str] = &[
    "account",
    "admin",
    "api",
    "app",
    "apps",
    "assets",
    "atoll",
    "auth",
    "billing",
    "blog",
    "cdn",
    "console",
    "dashboard",
    "dev",
    "docs",
    "ftp",
    "help",
    "internal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "new",
    "ns1",
    "ns2",
    "oauth",
    "operator",
    "root",
    "setup",
    "signin",
    "signup",
    "smtp",
    "static",
    "status",
    "support",
    "system",
    "test",
    "webmail",
    "www",
];

fn is_label(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, max $max:literal, field $field:literal, reserved $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub const MAX_LEN: usize = $max;

            pub fn parse(text: &str) -> Result<Self, Invalid> {
                if !is_label(text, $max) {
                    let detail = concat!(
                        "use 1 to ", stringify!($max), " of a-z, 0-9 and single inner dashes"
                    );
                    return Err(Invalid::new($field, detail));
                }
                if ($reserved)(text) {
                    return Err(Invalid::new($field, format!("`{text}` is reserved, choose another")));
                }
                Ok(Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .max_length(Some($max))
                    .pattern(Some("^[a-z0-9]+(-[a-z0-9]+)*$"))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    };
}

label! {
    /// A tenant's name in URLs: the first label of its functions' host.
    TenantSlug, max 20, field "slug", reserved |text| RESERVED_SLUGS.contains(&text)
}

label! {
    /// A function's name inside its tenant, and the first segment of its path.
    FunctionName, max 24, field "name", reserved |_| false
}

label! {
    /// What the operator calls a set of limits and quotas.
    PlanName, max 32, field "name", reserved |_| false
}

label! {
    /// A name for a version of a function, and the first part of its preview's host. None looks like
    /// `v12`, which names the version of that number.
    AliasName, max 15, field "name", reserved |text: &str| version_number(text).is_some()
}

/// `v12` is 12.
pub fn version_number(label: &str) -> Option<u32> {
    let digits = label.strip_prefix('v')?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

/// What people call a thing, free of the alphabet above: one line of 1 to 100 characters.
pub fn display_name(field: &str, text: &str) -> Result<String, Invalid> {
    let text = text.trim();
    if !(1..=100).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Invalid::new(field, "use 1 to 100 characters on one line"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_dns_label_with_single_inner_dashes() {
        for good in ["a", "hello", "hello-2", "0", "a1-b2-c3"] {
            assert!(FunctionName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "Hello",
            "a_b",
            "a.b",
            "ä",
            &"a".repeat(25),
        ] {
            assert!(FunctionName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_slug_that_means_something_is_reserved() {
        assert!(TenantSlug::parse("acme").is_ok());
        assert!(
            TenantSlug::parse("www")
                .unwrap_err()
                .detail
                .contains("reserved")
        );
    }

    #[test]
    fn an_alias_is_never_taken_for_a_version() {
        assert!(AliasName::parse("v12").is_err());
        for good in ["staging", "v", "v012", "v1a", "12"] {
            assert!(AliasName::parse(good).is_ok(), "{good}");
        }
        assert_eq!(version_number("v4294967296"), None);
    }

    #[test]
    fn a_display_name_is_one_line() {
        assert_eq!(display_name("name", "  Acme Ltd. ").unwrap(), "Acme Ltd.");
        for bad in ["", " ", "a\nb", &"a".repeat(101)] {
            assert!(display_name("name", bad).is_err(), "{bad:?}");
        }
    }
}

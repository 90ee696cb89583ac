//! What a person writes on the command line, parsed: names, versions, shares, lengths of time.

use std::{fmt, str::FromStr};

use domain::{
    ConfigName, FunctionId, FunctionName, Role, TenantId, TenantSlug, deployment::Share,
    name::version_number,
};
use serde::de::{DeserializeOwned, IntoDeserializer, value};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// A name or an id, as the paths of the API take it. Anything else could lead to another path.
macro_rules! name_or_id {
    ($type:ident, $name:ident, $id:ident, $what:literal) => {
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) struct $type(String);

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                if text.parse::<$id>().is_ok() {
                    return Ok(Self(text.to_owned()));
                }
                let name = $name::parse(text);
                let name = name.map_err(|problem| format!("{}: {}", $what, problem.detail))?;
                Ok(Self(name.to_string()))
            }
        }

        impl From<$name> for $type {
            fn from(name: $name) -> Self {
                Self(name.to_string())
            }
        }

        impl From<$id> for $type {
            fn from(id: $id) -> Self {
                Self(id.to_string())
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_or_id!(FunctionRef, FunctionName, FunctionId, "a function's name");
name_or_id!(TenantRef, TenantSlug, TenantId, "a tenant's slug");

/// `v3` or `3`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionNumber(pub(crate) u32);

impl FromStr for VersionNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = version_number(text).or_else(|| version_number(&format!("v{text}")));
        // The API counts in signed numbers.
        let number = number.filter(|number| (1..=i32::MAX as u32).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no version; write one such as v3"))
    }
}

/// `v3=90`: a version and its share of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weight(pub(crate) Share);

impl FromStr for Weight {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is no share of the traffic; write one such as v3=90");
        let (version, percent) = text.split_once('=').ok_or_else(malformed)?;
        let VersionNumber(version) = version.parse()?;
        let percent = percent.strip_suffix('%').unwrap_or(percent);
        let percent = percent.parse::<u8>().map_err(|_| malformed())?;
        Ok(Self(Share { version, percent }))
    }
}

/// `NAME=VALUE`, the value as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) name: ConfigName,
    pub(crate) value: String,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` sets nothing; write NAME=VALUE"))?;
        let name = name.parse::<ConfigName>();
        Ok(Self {
            name: name.map_err(|problem| problem.detail)?,
            value: value.to_owned(),
        })
    }
}

/// `10m`: a number and one of s, m, h, d.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed =
            || format!("`{text}` is no length of time; write one such as 90s, 10m, 2h or 7d");
        let unit = text.chars().last().ok_or_else(malformed)?;
        let seconds = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(malformed()),
        };
        let count = &text[..text.len() - 1];
        // Digits alone, and no more than a century: neither a sign nor an overflow.
        let count = Some(count).filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
        let count = count.and_then(|count| count.parse::<i64>().ok());
        let length = count.and_then(|count| count.checked_mul(seconds));
        let length = length.filter(|length| *length <= 100 * 366 * 86_400);
        Ok(Self(Duration::seconds(length.ok_or_else(malformed)?)))
    }
}

/// A moment, or how long ago it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Since {
    Ago(Duration),
    At(OffsetDateTime),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self::At(at));
        }
        let ago = text.parse::<Span>().map_err(|_| {
            format!(
                "`{text}` is no time; write 10m, 2h, 7d, or a moment such as 2026-01-31T12:00:00Z"
            )
        })?;
        Ok(Self::Ago(ago.0))
    }
}

impl Since {
    /// As the API takes it.
    pub(crate) fn moment(self) -> String {
        #[expect(
            clippy::disallowed_methods,
            reason = "the client is no part of the platform, and `10m` counts from the person's own clock"
        )]
        let now = OffsetDateTime::now_utc();
        let at = match self {
            Self::At(at) => at,
            Self::Ago(span) => now - span,
        };
        rfc3339(at)
    }
}

pub(crate) fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

/// `name: value`
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) name: reqwest::header::HeaderName,
    pub(crate) value: reqwest::header::HeaderValue,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed = || format!("`{text}` is no header; write one such as `accept: text/html`");
        let (name, value) = text.split_once(':').ok_or_else(malformed)?;
        Ok(Self {
            name: name.trim().parse().map_err(|_| malformed())?,
            value: value.trim().parse().map_err(|_| malformed())?,
        })
    }
}

pub(crate) fn role(text: &str) -> Result<Role, String> {
    word(text)
}

/// One of the words of an enum of the API; serde knows them all and lists them.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let text: value::StrDeserializer<'_, value::Error> = text.into_deserializer();
    T::deserialize(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> Result<(u32, u8), String> {
        let Weight(share) = text.parse()?;
        Ok((share.version, share.percent))
    }

    #[test]
    fn a_share_is_a_version_and_its_percent() {
        assert_eq!(share("v3=90"), Ok((3, 90)));
        assert_eq!(share("4=10%"), Ok((4, 10)));
        for wrong in [
            "v3", "v3=", "=90", "v3=-1", "v3=256", "v03=1", "vv3=1", "v0=1",
        ] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_variable_is_set_to_all_that_follows_its_name() {
        let set: Assignment = "URL=postgres://a?b=c ".parse().unwrap();
        assert_eq!(
            (set.name.to_string().as_str(), set.value.as_str()),
            ("URL", "postgres://a?b=c ")
        );
        assert_eq!("a=".parse::<Assignment>().unwrap().value, "");
        assert!("URL".parse::<Assignment>().is_err() && "a b=c".parse::<Assignment>().is_err());
    }

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        let seconds = |text: &str| text.parse::<Span>().map(|span| span.0.whole_seconds());
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("2h"), Ok(7_200));
        assert_eq!(seconds("7d"), Ok(604_800));
        for wrong in [
            "",
            "s",
            "10",
            "-1s",
            "+1s",
            "1.5h",
            "10 m",
            "1w",
            "ä",
            "1ä",
            "9223372036854775807d",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_moment_may_be_written_out() {
        let at: Since = "2026-01-31T12:00:00+01:00".parse().unwrap();
        assert_eq!(at.moment(), "2026-01-31T12:00:00+01:00");
        assert!("yesterday".parse::<Since>().is_err());
    }

    #[test]
    fn a_function_is_named_by_what_can_be_one_segment_of_a_path() {
        let id = FunctionId::generate().to_string();
        for good in ["shop", id.as_str()] {
            assert_eq!(good.parse::<FunctionRef>().unwrap().to_string(), good);
        }
        for wrong in ["", "..", "a/b", "Shop", "shop?x", "ten_x"] {
            assert!(wrong.parse::<FunctionRef>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_role_is_one_of_those_there_are() {
        assert_eq!(role("developer"), Ok(Role::Developer));
        assert!(role("king").unwrap_err().contains("developer"));
    }

    #[test]
    fn a_header_has_a_name_and_a_value() {
        let header: Header = "Accept:  text/html".parse().unwrap();
        assert_eq!(
            (header.name.as_str(), header.value.as_bytes()),
            ("accept", &b"text/html"[..])
        );
        assert!("accept".parse::<Header>().is_err() && "a b: c".parse::<Header>().is_err());
    }
}

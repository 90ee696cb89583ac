//! The path of a route: exact segments, `:name` for any one, `...` at the end for all that follow.
//!
//! Workers compare a request's path byte for byte, without decoding or resolving anything in it. So a
//! pattern holds only what clients send as it is written; anything else would look right and never match.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// `/`, `/a/:id/edit`, `/a/...`; without a slash at the end, which means nothing in a request either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern(String);

impl PathPattern {
    pub const MAX_LEN: usize = 256;
    pub const MAX_SEGMENTS: usize = 32;
    const MAX_PARAMETER_LEN: usize = 32;

    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text.len() > Self::MAX_LEN {
            let (max, seen) = (Self::MAX_LEN, text.len());
            return Err(refused(format!(
                "use at most {max} bytes, these are {seen}"
            )));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(refused(
                "begin with a slash, as in /items/:id or /files/...",
            ));
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return match text {
                "/" => Ok(Self("/".to_owned())),
                _ => Err(refused(
                    "two slashes in a row enclose nothing, leave one out",
                )),
            };
        }
        let segments: Vec<&str> = rest.split('/').collect();
        if segments.len() > Self::MAX_SEGMENTS {
            let (max, seen) = (Self::MAX_SEGMENTS, segments.len());
            return Err(refused(format!(
                "use at most {max} segments, these are {seen}"
            )));
        }
        let mut parameters = BTreeSet::new();
        for (index, segment) in segments.iter().enumerate() {
            check(segment, index + 1 == segments.len())?;
            if segment.starts_with(':') && !parameters.insert(*segment) {
                return Err(refused(format!(
                    "`{segment}` is there twice, name each once"
                )));
            }
        }
        Ok(Self(format!("/{rest}")))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same for two patterns that match the same requests: `/a/:` for `/a/:x` and `/a/:y`.
    pub fn shape(&self) -> String {
        let shaped = |segment| match segment {
            segment if str::starts_with(segment, ':') => ":",
            segment => segment,
        };
        let segments: Vec<&str> = self.0.split('/').map(shaped).collect();
        segments.join("/")
    }
}

fn check(segment: &str, is_last: bool) -> Result<(), Invalid> {
    if segment == "..." {
        return match is_last {
            true => Ok(()),
            false => Err(refused(
                "`...` stands for all that follows, so it comes last",
            )),
        };
    }
    if let Some(name) = segment.strip_prefix(':') {
        let well_formed = (1..=PathPattern::MAX_PARAMETER_LEN).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        let form =
            "after `:` comes a name of 1 to 32 letters, digits and `_` that begins with no digit";
        return if well_formed {
            Ok(())
        } else {
            Err(refused(form))
        };
    }
    let detail = match segment {
        "" => "two slashes in a row enclose nothing, leave one out",
        "." | ".." => "`.` and `..` never reach a function: clients resolve them",
        _ if segment.contains('%') => {
            "`%` is not taken: a request's path is compared as it was sent, and the same text can be encoded in several ways"
        }
        _ if segment.contains('*') => {
            "`*` is not taken: write `:name` for any one segment, `...` for all that follow"
        }
        _ if segment.contains(['?', '#']) => "a route is of a path, without query and fragment",
        _ if segment.contains(['{', '}']) => "write `:name` for any one segment",
        _ if segment.ends_with("...") => "`...` is a segment of its own, as in /files/...",
        _ if segment.bytes().all(is_plain) => return Ok(()),
        _ => "use letters, digits and -._~!$&'()+,;=:@",
    };
    Err(refused(detail))
}

/// What RFC 3986 lets stand in a segment as it is (`pchar`), but for `*`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()+,;=:@".contains(&byte)
}

fn refused(detail: impl Into<String>) -> Invalid {
    Invalid::new("path", detail)
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PathPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> Self {
        pattern.0
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for PathPattern {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .max_length(Some(Self::MAX_LEN))
            .pattern(Some("^/"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for PathPattern {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_is_kept_as_it_is_written_but_for_a_slash_at_its_end() {
        for (text, kept) in [
            ("/", "/"),
            ("/a", "/a"),
            ("/a/", "/a"),
            ("/...", "/..."),
            ("/a/:id/edit", "/a/:id/edit"),
            ("/~me/a:b@c/$x", "/~me/a:b@c/$x"),
            ("/.well-known/...", "/.well-known/..."),
        ] {
            assert_eq!(
                PathPattern::parse(text).map(String::from).as_deref(),
                Ok(kept)
            );
        }
    }

    #[test]
    fn what_would_never_match_is_refused_with_the_reason() {
        let long = format!("/{}", "a".repeat(256));
        let deep = "/a".repeat(33);
        for (text, told) in [
            ("", "begin with a slash"),
            ("a", "begin with a slash"),
            ("//", "two slashes"),
            ("/a//b", "two slashes"),
            ("/a//", "two slashes"),
            ("/./a", "clients resolve"),
            ("/a/..", "clients resolve"),
            ("/.../a", "comes last"),
            ("/a...", "a segment of its own"),
            ("/:", "after `:`"),
            ("/:1st", "after `:`"),
            ("/:a/:a", "there twice"),
            ("/a%2Fb", "compared as it was sent"),
            ("/a*", "`:name`"),
            ("/{id}", "`:name`"),
            ("/a?b=1", "without query"),
            ("/ä", "use letters"),
            ("/a b", "use letters"),
            ("/a\0", "use letters"),
            (&long, "at most 256 bytes, these are 257"),
            (&deep, "at most 32 segments, these are 33"),
        ] {
            let refusal = PathPattern::parse(text).unwrap_err();
            assert!(refusal.detail.contains(told), "{text}: {refusal}");
        }
    }

    #[test]
    fn patterns_that_match_the_same_requests_have_one_shape() {
        let shape = |text| PathPattern::parse(text).unwrap().shape();
        assert_eq!(shape("/a/:x/b/..."), shape("/a/:y/b/.../"));
        assert_ne!(shape("/a/..."), shape("/a"));
        assert_ne!(shape("/a/:x"), shape("/a/x"));
        assert_eq!(shape("/"), "/");
    }

    proptest! {
        #[test]
        fn whatever_is_taken_reads_back_and_keeps_its_shape(text in "[/a-c:.%*\\x00é_1]{0,20}") {
            if let Ok(pattern) = PathPattern::parse(&text) {
                prop_assert_eq!(PathPattern::parse(pattern.as_str()), Ok(pattern.clone()));
                prop_assert!([text.as_str(), text.trim_end_matches('/')].contains(&pattern.as_str()));
                prop_assert_eq!(pattern.shape().split('/').count(), pattern.as_str().split('/').count());
                prop_assert!(pattern.as_str().bytes().all(|b| b.is_ascii_graphic() && b != b'%'));
            }
        }
    }
}

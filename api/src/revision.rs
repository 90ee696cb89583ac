//! Revisions: the strong `ETag` of a resource, and the `If-Match` that a change must carry, so
//! that nobody overwrites what he has not seen.

use axum::extract::FromRequestParts;
use control::Error;
use http::{HeaderName, HeaderValue, header, request::Parts};

use crate::problem::{Code, Problem};

/// The revision that a change is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IfMatch(pub(crate) i64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else {
            return Err(Error::PreconditionRequired.into());
        };
        if values.next().is_some() {
            return Err(several());
        }
        parse(value.to_str().unwrap_or_default())
    }
}

fn parse(value: &str) -> Result<IfMatch, Problem> {
    let value = value.trim();
    if value == "*" {
        // It would match whatever is there, which is what the header is required to prevent.
        return Err(Error::PreconditionRequired.into());
    }
    if value.contains(',') {
        return Err(several());
    }
    // A weak tag never matches here (RFC 9110 §13.1.1), nor does one that we did not make.
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .and_then(|revision| revision.parse().ok())
        .map(IfMatch)
        .ok_or_else(|| Error::PreconditionFailed.into())
}

fn several() -> Problem {
    Problem::new(
        Code::BadRequest,
        "`If-Match` names several revisions, name the one you read",
    )
}

/// The header that tells a revision.
pub(crate) fn etag(revision: i64) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::try_from(format!("\"{revision}\"")).expect("a number is ASCII");
    [(header::ETAG, value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(value: &str) -> Code {
        parse(value).unwrap_err().code()
    }

    #[test]
    fn a_change_names_the_one_revision_it_is_based_on() {
        assert_eq!(parse("\"17\"").unwrap(), IfMatch(17));
        assert_eq!(parse(" \"17\" ").unwrap(), IfMatch(17));
        assert_eq!(code("*"), Code::PreconditionRequired);
        assert_eq!(code("\"17\", \"18\""), Code::BadRequest);
    }

    #[test]
    fn a_tag_that_was_never_given_out_does_not_match() {
        for foreign in ["W/\"17\"", "17", "\"abc\"", "\"\"", "\""] {
            assert_eq!(code(foreign), Code::PreconditionFailed, "{foreign}");
        }
    }

    #[test]
    fn a_tag_reads_back_as_it_was_written() {
        let [(_, value)] = etag(42);
        assert_eq!(parse(value.to_str().unwrap()).unwrap(), IfMatch(42));
    }
}

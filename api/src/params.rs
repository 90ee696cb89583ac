//! What a URL carries: segments of the path and the query, refused with problems.

#![expect(
    clippy::disallowed_types,
    reason = "these are the ones that ours are made of"
)]

use axum::extract::FromRequestParts;
use control::telemetry::Span;
use domain::{Invalid, Problems, Timestamp, page::PageRequest};
use http::request::Parts;
use serde::{Deserialize, de::DeserializeOwned};
use time::{UtcOffset, format_description::well_known::Rfc3339};
use utoipa::IntoParams;

use crate::problem::{Code, Problem};

/// Segments of the path, by name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        use axum::extract::path::Path as Segments;
        match Segments::from_request_parts(parts, state).await {
            Ok(Segments(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::BadRequest, rejection.body_text())),
        }
    }
}

/// The query; a parameter that the route does not know is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.body_text();
                let detail = text.strip_prefix("Failed to deserialize query string: ");
                Err(Invalid::new("query", detail.unwrap_or(&text)).into())
            }
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InFunction {
    /// The function's name or its `fn_…` id.
    pub(crate) function: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct InVersion {
    /// The function's name or its `fn_…` id.
    pub(crate) function: String,
    /// The version's number within its function.
    pub(crate) number: i32,
}

/// Which part of a list is asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// How many items at most, 1 to 200; 50 unless told.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

impl PageQuery {
    /// Longer than any cursor that was ever given out.
    const MAX_CURSOR_LEN: usize = 512;

    /// Of a list whose query has more than this in it.
    pub(crate) fn new(limit: Option<u32>, cursor: Option<String>) -> Self {
        Self { limit, cursor }
    }

    pub(crate) fn request(self) -> Result<PageRequest, Problem> {
        let mut problems = Problems::default();
        if let Some(limit) = self.limit
            && !(1..=PageRequest::MAX_LIMIT).contains(&limit)
        {
            let detail = format!("use 1 to {}, this is {limit}", PageRequest::MAX_LIMIT);
            problems.push("limit", detail);
        }
        if let Some(cursor) = &self.cursor
            && !(1..=Self::MAX_CURSOR_LEN).contains(&cursor.len())
        {
            problems.push("cursor", "use a `next_cursor` as it was answered");
        }
        problems.into_result()?;
        Ok(PageRequest {
            limit: self.limit,
            cursor: self.cursor,
        })
    }
}

/// From when to when, as the query spells it.
pub(crate) struct SpanQuery {
    since: Option<String>,
    until: Option<String>,
}

impl SpanQuery {
    pub(crate) fn new(since: Option<String>, until: Option<String>) -> Self {
        Self { since, until }
    }

    pub(crate) fn span(self) -> Result<Span, Problem> {
        let mut problems = Problems::default();
        let mut moment = |field: &str, text: Option<String>| {
            let parsed = Timestamp::parse(&text?, &Rfc3339);
            let parsed = parsed.map(|at| at.to_offset(UtcOffset::UTC));
            let expected = |_| Invalid::new(field, "expected RFC 3339, as 2026-11-23T08:00:00Z");
            problems.keep(field, parsed.map_err(expected))
        };
        let span = Span {
            since: moment("since", self.since),
            until: moment("until", self.until),
        };
        problems.into_result()?;
        Ok(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn page(uri: &str) -> Result<PageRequest, Problem> {
        let (mut parts, ()) = http::Request::get(uri).body(()).unwrap().into_parts();
        let Query(query) = Query::<PageQuery>::from_request_parts(&mut parts, &()).await?;
        query.request()
    }

    #[tokio::test]
    async fn a_page_is_asked_for_within_bounds() {
        let request = page("/v1/tenants?limit=2&cursor=abc").await.unwrap();
        assert_eq!(request.limit, Some(2));
        assert_eq!(request.cursor.as_deref(), Some("abc"));

        for uri in [
            "/?limit=0",
            "/?limit=201",
            "/?limit=x",
            "/?cursor=",
            "/?lim=1",
        ] {
            let problem = page(uri).await.unwrap_err();
            assert_eq!(problem.code(), Code::Invalid, "{uri}");
        }
        let problem = page("/?limit=0&cursor=").await.unwrap_err();
        assert_eq!(
            problem.to_string(),
            "limit: use 1 to 200, this is 0; cursor: use a `next_cursor` as it was answered"
        );
    }
}

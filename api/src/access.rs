//! Who is calling, as an argument of a handler: a [`Caller`], a member of the tenant in the path
//! ([`As`]), or a worker. A handler that asks for none is open to anybody.
//!
//! What the route declared that it needs comes with the request, and is what is checked here.

use axum::extract::{FromRequestParts, RawPathParams};
use control::{
    Actor, Error, Member, Operator, Origin, Platform,
    access::{AtLeast, Restorer, Wanted},
    access_tokens,
    feed::Node,
    sessions,
};
use domain::Role;
use http::{HeaderMap, header, request::Parts};

use crate::{
    problem::{Code, Problem},
    routes::Need,
};

/// Of every access token, and of no session.
const TOKEN_PREFIX: &str = "atoll_";

/// Somebody with a session, or with a token where the route takes one.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Actor);

impl FromRequestParts<Platform> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let secret = bearer(&parts.headers)?;
        let actor = if secret.starts_with(TOKEN_PREFIX) {
            access_tokens::authenticate(platform, secret, origin(parts)?).await?
        } else {
            sessions::authenticate(platform, secret, origin(parts)?).await?
        };
        match need(parts)? {
            Need::Session => drop(actor.signed_in()?),
            Need::Member(_, scope) | Need::Scope(scope) => actor.check_scope(scope)?,
            // Whether he is an operator is decided by whoever asks for the proof.
            Need::Caller | Need::Operator => {}
            need @ (Need::Anybody | Need::JoinToken | Need::Worker) => {
                return Err(misdeclared(need));
            }
        }
        Ok(Self(actor))
    }
}

/// A member who holds at least the role `R` in the path's `{tenant}`.
#[derive(Clone, Debug)]
pub(crate) struct As<R>(pub(crate) Member<R>);

impl<R: AtLeast> FromRequestParts<Platform> for As<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let Caller(actor) = Caller::from_request_parts(parts, platform).await?;
        match need(parts)? {
            Need::Member(role, _) if role == R::ROLE => {}
            need => return Err(misdeclared(need)),
        }
        let params = segments(parts).await?;
        let segment = |name| params.iter().find(|(segment, _)| *segment == name);
        let wanted = Wanted {
            tenant: segment("tenant").map_or("", |(_, value)| value),
            function: segment("function").map(|(_, value)| value),
        };
        Ok(Self(
            control::access::member(platform, &actor, wanted).await?,
        ))
    }
}

/// An owner of the path's `{tenant}`, be it deleted or not.
#[derive(Clone, Debug)]
pub(crate) struct AsRestorer(pub(crate) Restorer);

impl FromRequestParts<Platform> for AsRestorer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let Caller(actor) = Caller::from_request_parts(parts, platform).await?;
        match need(parts)? {
            Need::Member(Role::Owner, _) => {}
            need => return Err(misdeclared(need)),
        }
        let params = segments(parts).await?;
        let tenant = params.iter().find(|(segment, _)| *segment == "tenant");
        let tenant = tenant.map_or("", |(_, value)| value);
        let wanted = Wanted {
            tenant,
            function: None,
        };
        Ok(Self(
            control::access::restorer(platform, &actor, wanted).await?,
        ))
    }
}

async fn segments(parts: &mut Parts) -> Result<RawPathParams, Problem> {
    let params = RawPathParams::from_request_parts(parts, &()).await;
    params.map_err(|_| Problem::new(Code::BadRequest, "a segment of the path is not UTF-8"))
}

/// An operator. To everybody else who has signed in there is no such route.
#[derive(Clone, Debug)]
pub(crate) struct AsOperator(pub(crate) Operator);

impl FromRequestParts<Platform> for AsOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let Caller(actor) = Caller::from_request_parts(parts, platform).await?;
        match need(parts)? {
            Need::Operator => Ok(Self(control::access::operator(&actor)?)),
            need => Err(misdeclared(need)),
        }
    }
}

fn need(parts: &Parts) -> Result<Need, Problem> {
    let undeclared = || Error::Internal(anyhow::anyhow!("the route declares no need"));
    Ok(parts.extensions.get().copied().ok_or_else(undeclared)?)
}

fn misdeclared(need: Need) -> Problem {
    Error::Internal(anyhow::anyhow!(
        "the handler asks for what {need:?} does not declare"
    ))
    .into()
}

/// A worker that joined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Worker(pub(crate) Node);

impl FromRequestParts<Platform> for Worker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
        Ok(Self(control::feed::authenticate(platform, token)?))
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1), whatever it proves.
#[derive(Clone, Debug)]
pub(crate) struct Bearer(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(bearer(&parts.headers)?.to_owned()))
    }
}

/// Where the request came from.
#[derive(Clone, Debug)]
pub(crate) struct CameFrom(pub(crate) Origin);

impl<S: Sync> FromRequestParts<S> for CameFrom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        origin(parts).map(Self)
    }
}

fn origin(parts: &Parts) -> Result<Origin, Problem> {
    let missing = || Error::Internal(anyhow::anyhow!("the request was not tracked"));
    Ok(parts.extensions.get().cloned().ok_or_else(missing)?)
}

fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or(Error::Unauthenticated)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token(value: &'static str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
        bearer(&headers).ok().map(str::to_owned)
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        assert_eq!(token("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(token("bearer  abc ").as_deref(), Some("abc"));
        for bad in ["abc", "Basic abc", "Bearer", "Bearer ", ""] {
            assert_eq!(token(bad), None, "{bad}");
        }
    }
}

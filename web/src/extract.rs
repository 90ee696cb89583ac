//! What handlers take from a request: who asks, in which tenant, and the parts of the path.
//!
//! Whoever is not signed in is led to the sign-in page and back.

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{Method, request::Parts},
};
use axum_extra::extract::CookieJar;
use control::{
    Actor, Error, Member, Origin, Platform,
    access::{AtLeast, Wanted},
};
use domain::page::PageRequest;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{csrf, errors::Problem, flash, session};

/// Where the request came from, for the audit and the log.
pub(crate) struct From(pub(crate) Origin);

impl<S: Sync> FromRequestParts<S> for From {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(origin(parts)))
    }
}

/// Put into every request by the listener.
fn origin(parts: &Parts) -> Origin {
    let known = parts.extensions.get().cloned();
    known.unwrap_or_else(|| Origin {
        address: None,
        request_id: String::new(),
    })
}

/// Somebody who is signed in.
pub(crate) struct SignedIn(pub(crate) Actor);

impl FromRequestParts<Platform> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        let secret = cookies.get(session::cookie_name(platform));
        let actor = match secret {
            Some(secret) => {
                control::sessions::authenticate(platform, secret.value(), origin(parts)).await
            }
            None => Err(Error::Unauthenticated),
        };
        match actor {
            Ok(actor) => Ok(Self(actor)),
            Err(Error::Unauthenticated) => Err(Problem::SignIn { next: here(parts) }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where to come back to after signing in: this page, if it can be asked for again.
fn here(parts: &Parts) -> String {
    if parts.method != Method::GET {
        return "/".to_owned();
    }
    parts
        .uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string)
}

/// A member of the tenant that the path names, with at least the role `R`.
pub(crate) struct As<R>(pub(crate) Member<R>);

impl<R: AtLeast> FromRequestParts<Platform> for As<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let SignedIn(actor) = SignedIn::from_request_parts(parts, platform).await?;
        let params = RawPathParams::from_request_parts(parts, platform)
            .await
            .map_err(|_| Error::NotFound("page"))?;
        let tenant = params
            .iter()
            .find_map(|(key, value)| (key == "tenant").then(|| value.to_owned()))
            .expect("routes that ask for a member name their tenant");
        let wanted = Wanted {
            tenant: &tenant,
            function: None,
        };
        Ok(Self(
            control::access::member(platform, &actor, wanted).await?,
        ))
    }
}

/// What a page needs of the request besides its subject: the token of its forms, the message left
/// by the request before, and its own id.
pub(crate) struct Visit {
    pub(crate) csrf: String,
    pub(crate) flash: Option<String>,
    pub(crate) request_id: String,
}

impl FromRequestParts<Platform> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Self, Problem> {
        let cookies = CookieJar::from_headers(&parts.headers);
        Ok(Self {
            csrf: csrf::session_token(platform, &cookies),
            flash: flash::read(platform, &cookies),
            request_id: origin(parts).request_id,
        })
    }
}

/// The path's parameters; one that cannot be read is a page that does not exist.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    #[expect(
        clippy::disallowed_types,
        reason = "it is the one that ours is made of"
    )]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(value) = path.map_err(|_| Error::NotFound("page"))?;
        Ok(Self(value))
    }
}

/// The query; one that cannot be read is a page that does not exist.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
            .map(Self)
            .map_err(|_| Error::NotFound("page").into())
    }
}

/// Where a list goes on.
#[derive(Default, Deserialize)]
pub(crate) struct After {
    cursor: Option<String>,
}

impl After {
    pub(crate) fn request(self) -> PageRequest {
        PageRequest {
            limit: None,
            cursor: self.cursor,
        }
    }
}

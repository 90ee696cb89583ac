//! The JWTs (RFC 7519, signed with Ed25519 by RFC 8037) between API servers and workers.
//!
//! Their time is the machine's, not the platform's clock: the other process has no other to compare with.

use domain::{
    FunctionId, NodeId, Timestamp,
    feed::{Claims, Joined},
    sealed::ServingKey,
};
use ed25519_dalek::pkcs8::EncodePrivateKey as _;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use time::Duration;

use super::Node;
use crate::{Error, Platform};

const FEED_SECONDS: i64 = 3_600;
const INVOKE_SECONDS: i64 = 60;

/// `Unauthenticated` unless the JWT is of the feed's audience and not expired.
pub fn authenticate(p: &Platform, jwt: &str) -> Result<Node, Error> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&["feed"]);
    validation.set_required_spec_claims(&["exp", "aud", "sub"]);
    let key = p.config.keys.signing("feed token").verifying_key();
    let key = DecodingKey::from_ed_der(key.as_bytes());
    let token = jsonwebtoken::decode::<Claims>(jwt, &key, &validation);
    let claims = token.map_err(|_| Error::Unauthenticated)?.claims;
    let id = claims.sub.parse().map_err(|_| Error::Unauthenticated)?;
    Ok(Node { id })
}

/// What a worker is told when it joins, and when it renews its token.
pub(super) fn joined(
    p: &Platform,
    node: NodeId,
    serving_keys: Vec<ServingKey>,
) -> Result<Joined, Error> {
    let keys = &p.config.keys;
    let (token, expires) = sign(p, "feed token", "feed", node.to_string(), FEED_SECONDS)?;
    let expires_at = Timestamp::from_unix_timestamp(expires);
    Ok(Joined {
        node,
        token,
        expires_at: expires_at.map_err(|error| Error::Internal(error.into()))?,
        artifact_key: keys.signing("artifact signing").verifying_key().to_bytes(),
        invoke_key: keys.signing("invoke token").verifying_key().to_bytes(),
        serving_keys,
    })
}

/// Lets its bearer call one function through a worker's internal listener.
pub(crate) fn invoke_token(p: &Platform, function: FunctionId) -> Result<String, Error> {
    let subject = function.to_string();
    let (token, _) = sign(p, "invoke token", "invoke", subject, INVOKE_SECONDS)?;
    Ok(token)
}

/// Opens the private previews of one function to its bearer, until the moment that comes with it.
pub(crate) fn preview_token(
    p: &Platform,
    function: FunctionId,
    lasts: Duration,
) -> Result<(String, Timestamp), Error> {
    let seconds = lasts.whole_seconds();
    let (token, expires) = sign(p, "invoke token", "preview", function.to_string(), seconds)?;
    let expires_at = Timestamp::from_unix_timestamp(expires);
    Ok((
        token,
        expires_at.map_err(|error| Error::Internal(error.into()))?,
    ))
}

fn sign(
    p: &Platform,
    purpose: &'static str,
    audience: &str,
    subject: String,
    seconds: i64,
) -> Result<(String, i64), Error> {
    let exp = jsonwebtoken::get_current_timestamp().cast_signed() + seconds;
    let claims = Claims {
        aud: audience.to_owned(),
        sub: subject,
        exp,
    };
    let internal = |error: anyhow::Error| Error::Internal(error.context("cannot sign a token"));
    let key = p.config.keys.signing(purpose).to_pkcs8_der();
    let key = key.map_err(|error| internal(error.into()))?;
    let key = EncodingKey::from_ed_der(key.as_bytes());
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &key);
    Ok((token.map_err(|error| internal(error.into()))?, exp))
}

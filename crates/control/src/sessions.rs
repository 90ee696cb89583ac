//! Signing in and out. A session's secret is random, opaque, and stored as its hash.

use domain::{
    Timestamp,
    user::{Email, Password},
};
use store::users::User;

use crate::{Actor, Error, Origin, Platform};

/// What a sign-in gives: the secret is told once, as a cookie or as the API's access token.
pub struct SignedIn {
    pub secret: String,
    pub expires_at: Timestamp,
    pub user: User,
}

/// Backs off per address and per account; an unknown account takes as long as a wrong password.
pub async fn sign_in(
    _p: &Platform,
    _email: &Email,
    _password: &Password,
    _origin: &Origin,
) -> Result<SignedIn, Error> {
    todo!()
}

pub async fn authenticate(_p: &Platform, _secret: &str, _origin: Origin) -> Result<Actor, Error> {
    todo!()
}

pub async fn sign_out(_p: &Platform, _actor: &Actor) -> Result<(), Error> {
    todo!()
}

/// The signed-in user's own row.
pub async fn me(_p: &Platform, _actor: &Actor) -> Result<User, Error> {
    todo!()
}

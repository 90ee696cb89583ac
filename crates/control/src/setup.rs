//! First start: the operator's account and the first tenant, by a one-time link.

use domain::{
    TenantSlug,
    user::{Email, Password},
};

use crate::{Error, Origin, Platform, sessions::SignedIn};

pub struct FirstAccount {
    pub email: Email,
    pub name: String,
    pub password: Password,
    pub tenant_slug: TenantSlug,
    pub tenant_name: String,
}

/// Whether an operator exists.
pub async fn is_done(_p: &Platform) -> Result<bool, Error> {
    todo!()
}

/// A fresh link `<public url>/setup?token=…`, voiding earlier ones; `None` once set up.
pub async fn link(_p: &Platform) -> Result<Option<String>, Error> {
    todo!()
}

pub async fn token_is_open(_p: &Platform, _token: &str) -> Result<bool, Error> {
    todo!()
}

/// Creates the account and the tenant and spends the token, all or nothing.
pub async fn complete(
    _p: &Platform,
    _token: &str,
    _first: FirstAccount,
    _origin: &Origin,
) -> Result<SignedIn, Error> {
    todo!()
}

/// `ATOLL_ADMIN_EMAIL` and `ATOLL_ADMIN_PASSWORD`: creates the operator if there is none.
pub async fn create_operator(
    _p: &Platform,
    _email: &Email,
    _password: &Password,
) -> Result<(), Error> {
    todo!()
}

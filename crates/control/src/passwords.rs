//! Hashing, checking and resetting passwords.

use domain::user::{Email, Password};

use crate::{Error, Origin, Platform, sessions::SignedIn};

/// Mails a link where the account exists and mail is configured. Answers alike whether the account
/// exists or not; `Err(Conflict)` where no mail is configured, naming `atoll admin reset-password`.
pub async fn request_reset(_p: &Platform, _email: &Email, _origin: &Origin) -> Result<(), Error> {
    todo!()
}

/// For `atoll admin reset-password`: the link itself, valid for an hour, once.
pub async fn issue_reset(_p: &Platform, _email: &Email) -> Result<String, Error> {
    todo!()
}

/// Spends the link's token, ends all other sessions of the account and signs in.
pub async fn reset(
    _p: &Platform,
    _token: &str,
    _password: &Password,
    _origin: &Origin,
) -> Result<SignedIn, Error> {
    todo!()
}

/// Whether the token of a reset link still works, for the page that asks for the new password.
pub async fn reset_is_open(_p: &Platform, _token: &str) -> Result<bool, Error> {
    todo!()
}

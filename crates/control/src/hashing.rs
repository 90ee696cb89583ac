//! Argon2id, two at a time: each takes 19 MiB and a good part of a core, and who asks for it is
//! not known yet.

use std::{sync::Arc, time::Duration};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _},
};
use domain::user::Password;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::{Error, tokens::Token};

const AT_ONCE: usize = 2;
/// Who cannot have a turn by then is told to come back, rather than queued without end.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(crate) struct Hashing {
    turns: Arc<Semaphore>,
    /// The hash of a password that nobody knows, checked where there is no account.
    decoy: String,
}

impl Hashing {
    pub(crate) async fn new() -> anyhow::Result<Self> {
        let decoy = Password::new(Token::generate().text);
        let decoy = spawn_blocking(move || hash(&decoy)).await??;
        Ok(Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            decoy,
        })
    }

    /// In the PHC format, salt and costs included.
    pub(crate) async fn hash(&self, password: &Password) -> Result<String, Error> {
        let password = password.clone();
        self.in_turn(move || hash(&password)).await
    }

    /// Takes as long where `stored` is absent, and is false then.
    pub(crate) async fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
    ) -> Result<bool, Error> {
        let password = password.clone();
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let matches = self.in_turn(move || matches(&password, &stored)).await?;
        Ok(known && matches)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, password_hash::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = timeout(LONGEST_WAIT, self.turns.clone().acquire_owned())
            .await
            .map_err(|_| Error::Unavailable {
                what: "sign-in",
                source: None,
            })?
            .expect("the semaphore is never closed");
        // The turn goes along: a caller that gives up does not end the work.
        spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .map_err(|error| Error::Internal(error.into()))?
        .map_err(|error| Error::Internal(error.into()))
    }
}

fn hash(password: &Password) -> Result<String, password_hash::Error> {
    Ok(Argon2::default()
        .hash_password(password.expose().as_bytes())?
        .to_string())
}

fn matches(password: &Password, stored: &str) -> Result<bool, password_hash::Error> {
    match Argon2::default().verify_password(password.expose().as_bytes(), stored) {
        Ok(()) => Ok(true),
        Err(password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hashing = Hashing::new().await.unwrap();
        let (right, wrong) = (
            Password::new("correct horse"),
            Password::new("battery staple"),
        );
        let stored = hashing.hash(&right).await.unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(hashing.verify(&right, Some(&stored)).await.unwrap());
        assert!(!hashing.verify(&wrong, Some(&stored)).await.unwrap());
        assert!(!hashing.verify(&right, None).await.unwrap());
    }
}

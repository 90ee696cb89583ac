//! How long the next guess of a password has to wait.
//!
//! Failures are counted by account, by network address, and by the pair. An account's own count
//! waits half a minute at most and does not hold for an address that the account signed in from
//! before; nor does an attempt that was refused count. So a stranger cannot keep anybody out.

use std::net::IpAddr;

use domain::{Timestamp, user::Email};
use sha2::{Digest as _, Sha256};
use store::{
    Tx,
    attempts::{self, Failures, Scope},
    sessions,
};
use time::Duration;

use crate::{Error, Origin};

/// Rows older than this weigh nothing.
pub(crate) const FORGOTTEN_AFTER: Duration = Duration::hours(24);

struct Rule {
    scope: Scope,
    /// Failures that cost nothing.
    free: i32,
    /// The first wait; each further failure doubles it.
    first: Duration,
    longest: Duration,
    forgotten_after: Duration,
}

const ACCOUNT: Rule = Rule {
    scope: Scope::Account,
    free: 10,
    first: Duration::seconds(1),
    longest: Duration::seconds(30),
    forgotten_after: FORGOTTEN_AFTER,
};
const ACCOUNT_ADDRESS: Rule = Rule {
    scope: Scope::AccountAddress,
    free: 3,
    first: Duration::seconds(1),
    longest: Duration::minutes(15),
    forgotten_after: FORGOTTEN_AFTER,
};
/// Many people may share an address, hence the patience.
const ADDRESS: Rule = Rule {
    scope: Scope::Address,
    free: 20,
    first: Duration::seconds(5),
    longest: Duration::minutes(15),
    forgotten_after: Duration::hours(1),
};

/// New accounts rather than failures: a class or an office may come from one address.
const REGISTRATION: Rule = Rule {
    scope: Scope::Registration,
    free: 10,
    first: Duration::seconds(10),
    longest: Duration::minutes(15),
    forgotten_after: Duration::hours(1),
};

impl Rule {
    /// What is left to wait at `now`.
    fn wait(&self, failures: Failures, now: Timestamp) -> Duration {
        let over = failures.count - self.free;
        if over < 0 || now - failures.last_at > self.forgotten_after {
            return Duration::ZERO;
        }
        // 2^20 seconds are more than any `longest`.
        let wait = (self.first * (1_i32 << over.min(20))).min(self.longest);
        (failures.last_at + wait - now).max(Duration::ZERO)
    }

    async fn charge(&self, tx: &mut Tx, key: &[u8; 32], now: Timestamp) -> Result<(), Error> {
        let failures = attempts::lock(tx, self.scope, key, now).await?;
        let wait = self.wait(failures, now);
        if wait.is_positive() {
            // The transaction is dropped with the error: an attempt that was refused is not counted.
            return Err(Error::TooManyAttempts {
                retry_after_seconds: wait.whole_seconds().unsigned_abs() + 1,
            });
        }
        let forgotten = now - failures.last_at > self.forgotten_after;
        let failures = Failures {
            count: if forgotten {
                1
            } else {
                failures.count.saturating_add(1)
            },
            last_at: now,
        };
        Ok(attempts::set(tx, self.scope, key, failures).await?)
    }
}

/// Counts an attempt as failed before it is made, so that guesses at the same moment count too.
/// To be committed before the password is checked. The scopes are locked in one order everywhere.
pub(crate) async fn charge(
    tx: &mut Tx,
    email: &Email,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), Error> {
    let known_address = match origin.address {
        Some(address) => sessions::signed_in_from(tx, email, address).await?,
        None => false,
    };
    if !known_address {
        ACCOUNT.charge(tx, &account_key(email), now).await?;
    }
    ACCOUNT_ADDRESS
        .charge(tx, &pair_key(email, origin), now)
        .await?;
    charge_address(tx, origin, now).await
}

/// For what names no account that could be guessed at, and still must not be had in great number.
pub(crate) async fn charge_address(
    tx: &mut Tx,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), Error> {
    ADDRESS.charge(tx, &address_key(origin), now).await
}

/// Counts a new account, before it is made.
pub(crate) async fn charge_registration(
    tx: &mut Tx,
    origin: &Origin,
    now: Timestamp,
) -> Result<(), Error> {
    REGISTRATION.charge(tx, &address_key(origin), now).await
}

/// Somebody inside vouched for it.
pub(crate) async fn forgive_registration(tx: &mut Tx, origin: &Origin) -> Result<(), Error> {
    Ok(attempts::take_back(tx, Scope::Registration, &address_key(origin)).await?)
}

/// The password was right.
pub(crate) async fn forgive(tx: &mut Tx, email: &Email, origin: &Origin) -> Result<(), Error> {
    attempts::forget(tx, Scope::Account, &account_key(email)).await?;
    attempts::forget(tx, Scope::AccountAddress, &pair_key(email, origin)).await?;
    // One only: an attacker's own account must not clear the guesses at others'.
    attempts::take_back(tx, Scope::Address, &address_key(origin)).await?;
    Ok(())
}

fn account_key(email: &Email) -> [u8; 32] {
    Sha256::digest(email.as_str()).into()
}

fn pair_key(email: &Email, origin: &Origin) -> [u8; 32] {
    Sha256::digest(format!("{email} {}", network(origin))).into()
}

fn address_key(origin: &Origin) -> [u8; 32] {
    Sha256::digest(network(origin)).into()
}

/// One subscriber of IPv6 holds a whole /64.
fn network(origin: &Origin) -> String {
    match origin.address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(address) => address.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(count: i32, elapsed: Duration) -> (Failures, Timestamp) {
        let last_at = Timestamp::UNIX_EPOCH;
        (Failures { count, last_at }, last_at + elapsed)
    }

    fn wait(rule: &Rule, count: i32, elapsed: Duration) -> Duration {
        let (failures, now) = after(count, elapsed);
        rule.wait(failures, now)
    }

    #[test]
    fn the_wait_doubles_with_each_failure_up_to_the_longest() {
        let waits =
            [2, 3, 4, 5, 6, 30, i32::MAX].map(|n| wait(&ACCOUNT_ADDRESS, n, Duration::ZERO));
        let expected = [0, 1, 2, 4, 8, 900, 900].map(Duration::seconds);
        assert_eq!(waits, expected);
    }

    #[test]
    fn a_wait_runs_out_and_old_failures_weigh_nothing() {
        assert_eq!(
            wait(&ACCOUNT_ADDRESS, 6, Duration::seconds(5)),
            Duration::seconds(3)
        );
        assert_eq!(
            wait(&ACCOUNT_ADDRESS, 6, Duration::seconds(9)),
            Duration::ZERO
        );
        assert_eq!(wait(&ADDRESS, 1_000, Duration::minutes(61)), Duration::ZERO);
    }

    #[test]
    fn no_number_of_failures_keeps_an_account_closed_for_long() {
        assert_eq!(
            wait(&ACCOUNT, i32::MAX, Duration::ZERO),
            Duration::seconds(30)
        );
    }

    #[test]
    fn addresses_of_one_ipv6_subscriber_count_together() {
        let of = |address: &str| {
            network(&Origin {
                address: Some(address.parse().unwrap()),
                request_id: String::new(),
            })
        };
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}

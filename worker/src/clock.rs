//! The hour by this machine, which certificates, tokens and records are dated by. Nothing that is
//! decided for a request depends on it.

use domain::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "the platform's clock is the control plane's; a worker has this one"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now_utc()
}

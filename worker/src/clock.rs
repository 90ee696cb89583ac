//! The hour by this machine, which certificates and tokens are dated by. Nothing that serves a
//! request asks for it.

use domain::Timestamp;

#[expect(
    clippy::disallowed_methods,
    reason = "the platform's clock is the control plane's; a worker has this one"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now_utc()
}

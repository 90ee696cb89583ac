//! The `session` table. It holds the hash of a session's secret: a leaked database must not be a
//! set of working cookies.

use domain::{SessionId, Timestamp, UserId};

#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

//! The `user_account` table: people who sign in.

use domain::{Timestamp, UserId, user::Email};

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    /// Runs the platform: may do what concerns all tenants.
    pub operator: bool,
    pub created_at: Timestamp,
}

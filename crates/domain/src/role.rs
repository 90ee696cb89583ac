//! What a member may do in a tenant.

use serde::{Deserialize, Serialize};

/// In rising order of power; `billing` stands beside the others and sees no function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Billing,
    Viewer,
    Developer,
    Admin,
    Owner,
}

impl Role {
    /// Whether this role includes all that `other` may do.
    pub fn includes(self, other: Self) -> bool {
        self == other
            || (self != Self::Billing && other != Self::Billing && self as u8 > other as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Role::*;

    #[test]
    fn billing_stands_beside_the_ladder() {
        assert!(
            Owner.includes(Viewer) && Developer.includes(Developer) && !Viewer.includes(Developer)
        );
        assert!(!Owner.includes(Billing) && !Billing.includes(Viewer) && Billing.includes(Billing));
    }
}

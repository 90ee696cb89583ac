//! The `tenant` and `member` tables.

use domain::{Role, TenantId, TenantSlug, Timestamp, tenant::TenantState};

#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: TenantId,
    pub slug: TenantSlug,
    pub name: String,
    pub state: TenantState,
    /// Changes with every write; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A user's place in a tenant.
#[derive(Clone, Debug)]
pub struct Seat {
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub state: TenantState,
    pub role: Role,
}

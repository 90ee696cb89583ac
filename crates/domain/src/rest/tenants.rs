//! A tenant as one of its members sees it.

use serde::{Deserialize, Serialize};

use crate::{Role, TenantId, TenantSlug, tenant::TenantState};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TenantView {
    pub id: TenantId,
    /// The first label of its functions' host.
    pub slug: TenantSlug,
    pub name: String,
    pub state: TenantState,
    /// The caller's own.
    pub role: Role,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
    /// Absent while it is not deleted.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<time::OffsetDateTime>))]
    pub deleted_at: Option<time::OffsetDateTime>,
    /// Until then an owner can restore it.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<time::OffsetDateTime>))]
    pub purge_at: Option<time::OffsetDateTime>,
}

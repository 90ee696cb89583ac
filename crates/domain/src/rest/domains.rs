//! Host names that tenants bring, and the records that prove them.

use serde::{Deserialize, Serialize};

use crate::{DomainId, DomainName, domain_name::DomainState};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DomainView {
    pub id: DomainId,
    /// As requests carry it.
    pub name: DomainName,
    /// The same in its own script.
    pub unicode_name: String,
    /// `verified` and `failing` ones are served.
    pub state: DomainState,
    /// Why it is not verified, of the last look.
    pub problem: Option<String>,
    /// What its DNS should have.
    pub records: Vec<RecordView>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_checked_at: Option<time::OffsetDateTime>,
    /// When it is looked at again without being asked.
    #[serde(with = "time::serde::rfc3339")]
    pub next_check_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub verified_at: Option<time::OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub failing_since: Option<time::OffsetDateTime>,
    /// When a failing one is served no longer.
    #[serde(with = "time::serde::rfc3339::option")]
    pub served_until: Option<time::OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
}

/// A record of the domain's DNS.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordView {
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub value: String,
    /// Whether the domain is verified by it. The other only brings callers here: at the apex of a
    /// domain, A, AAAA or ALIAS do that as well.
    pub required: bool,
    /// Whether the last look found it; null before the first, and where nobody could tell.
    pub found: Option<bool>,
    /// What was found in its place.
    pub seen: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateDomain {
    /// A host name, in any script.
    pub name: String,
}

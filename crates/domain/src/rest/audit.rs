//! Who changed what.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AuditEventId, TokenId, UserId};

/// A change. Secrets are in none of its fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    pub id: AuditEventId,
    /// Noun and verb, `function.created`.
    pub action: String,
    /// The typed id of what was changed.
    pub subject: String,
    /// Null for the platform itself and for a tenant's token, and once the account is gone.
    pub user: Option<UserId>,
    pub user_name: Option<String>,
    /// The access token that was used, if one was.
    pub token: Option<TokenId>,
    pub token_name: Option<String>,
    /// Where the request came from.
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// What was there before; null for what is new.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub before: Option<Value>,
    /// What is there now; null for what was deleted.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    pub after: Option<Value>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
}

//! Paths of a tenant's hosts, and where they lead.

use serde::{Deserialize, Serialize};

use super::given;
use crate::{AliasName, DomainName, FunctionId, FunctionName, PathPattern, RouteId};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteView {
    pub id: RouteId,
    /// One of the tenant's domains; null for all of its hosts.
    pub host: Option<DomainName>,
    pub path: PathPattern,
    /// The function's id, whose name is `function_name`.
    pub function: FunctionId,
    pub function_name: FunctionName,
    /// The alias whose version answers; null for what is live.
    pub alias: Option<AliasName>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateRoute {
    /// One of the tenant's domains, verified or not; all of the tenant's hosts unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// `/exact`, `/items/:id` for any one segment, `/files/...` for all that follow.
    pub path: String,
    /// A function's name or its `fn_…` id.
    pub function: String,
    /// An alias of the function; what is live unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateRoute {
    /// `null` for all of the tenant's hosts.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub host: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// `null` for what is live.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub alias: Option<Option<String>>,
}

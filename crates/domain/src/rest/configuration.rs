//! Variables and secrets, of a tenant and of a function, and what their changes lead to.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{ConfigName, FunctionId, FunctionName, OperationId, SecretId};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariablesView {
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub variables: BTreeMap<ConfigName, String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeVariables {
    /// Values by name; null takes a variable away, and those that are not named stay (RFC 7396).
    pub variables: BTreeMap<String, Option<String>>,
    /// Deploys the versions that follow.
    #[serde(default)]
    pub deploy: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VariablesChanged {
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, String>))]
    pub variables: BTreeMap<ConfigName, String>,
    pub versions: Vec<FollowedView>,
}

/// A version made of a deployed one by a change of what is configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FollowedView {
    pub function: FunctionName,
    /// The deployed version that it was made of.
    pub from: i32,
    pub version: i32,
    /// Of its deployment, where that was asked for.
    pub operation: Option<OperationId>,
}

/// A secret without its value, which nobody is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretView {
    pub id: SecretId,
    pub name: ConfigName,
    /// Null for one of the tenant.
    pub function: Option<FunctionId>,
    /// Counts its values, from 1.
    pub number: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    /// Of its newest value.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: time::OffsetDateTime,
}

/// A text that is not to be printed.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct SecretText(pub String);

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateSecret {
    pub name: String,
    /// 1 to 65536 bytes.
    pub value: SecretText,
    /// Deploys the versions that follow.
    #[serde(default)]
    pub deploy: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateSecret {
    /// 1 to 65536 bytes.
    pub value: SecretText,
    /// Deploys the versions that follow.
    #[serde(default)]
    pub deploy: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretChanged {
    pub secret: SecretView,
    pub versions: Vec<FollowedView>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SecretDeleted {
    pub versions: Vec<FollowedView>,
}

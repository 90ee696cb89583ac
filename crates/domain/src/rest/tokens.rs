//! Access tokens, a person's own and a tenant's.

use serde::{Deserialize, Serialize};

use crate::{FunctionId, Role, Scope, TenantId, TokenId, token::TokenKind};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TokenView {
    pub id: TokenId,
    pub kind: TokenKind,
    /// Of a tenant's token.
    pub tenant: Option<TenantId>,
    pub name: String,
    /// Of a tenant's token; a personal one has its owner's, in each tenant.
    pub role: Option<Role>,
    pub scopes: Vec<Scope>,
    /// It is limited to these; null where it is not.
    pub functions: Option<Vec<FunctionId>>,
    /// The last characters of its secret.
    pub hint: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub rotated_at: Option<time::OffsetDateTime>,
    /// Until then the secret before the last rotation works too.
    #[serde(with = "time::serde::rfc3339::option")]
    pub previous_until: Option<time::OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: time::OffsetDateTime,
    /// To the minute.
    #[serde(with = "time::serde::rfc3339::option")]
    pub used_at: Option<time::OffsetDateTime>,
    /// The address of the last use.
    pub used_from: Option<String>,
}

/// A token with its secret, which is told this once.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ToldView {
    /// Send it as `Authorization: Bearer …`.
    pub secret: String,
    #[serde(flatten)]
    pub token: TokenView,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    pub name: String,
    /// What it may be used for, `functions:deploy`.
    pub scopes: Vec<String>,
    /// Ids of the functions that it is limited to; all that its owner sees if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<String>>,
    /// 1 to 366; 90 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateTenantToken {
    pub name: String,
    /// `viewer`, `developer`, `admin` or `owner`, at most the caller's own.
    pub role: Role,
    /// What it may be used for, `functions:deploy`.
    pub scopes: Vec<String>,
    /// Names or ids of the functions that it is limited to; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub functions: Option<Vec<String>>,
    /// 1 to 366; 90 unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_days: Option<i32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RotateToken {
    /// How long the secret that it has goes on working, 0 to 604800; a day unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap_seconds: Option<u32>,
}

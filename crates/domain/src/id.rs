//! Typed ids. In the database they are UUIDv7, everywhere else they carry a prefix that says what
//! they name, so that one pasted into the wrong place is refused instead of not found.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Invalid;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(transparent))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &str = $prefix;

            /// An id of this moment: UUIDv7, so that ids sort by the time they were made.
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or_else(|| {
                        Invalid::new("id", concat!("expected `", $prefix, "_` and 32 hexadecimal digits"))
                    })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )*};
}

typed_id! {
    TenantId = "ten";
    UserId = "usr";
    SessionId = "ses";
    InvitationId = "inv";
    TokenId = "tok";
    FunctionId = "fn";
    VersionId = "ver";
    UploadId = "upl";
    DeploymentId = "dep";
    SecretId = "sec";
    OperationId = "op";
    JobId = "job";
    NodeId = "node";
    PlanId = "plan";
    JoinTokenId = "jtk";
    RouteId = "rte";
    DomainId = "dom";
    AuditEventId = "aud";
    /// One call of a function; the caller sees it as `x-request-id`.
    RequestId = "req";
    /// Renewed when the database is restored from a backup: an epoch counts within one.
    GenerationId = "gen";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written_and_only_with_its_own_prefix() {
        let id = FunctionId::generate();
        assert_eq!(id.to_string().parse::<FunctionId>().unwrap(), id);
        assert!(id.to_string().parse::<VersionId>().is_err());
        assert!(id.uuid().to_string().parse::<FunctionId>().is_err());
        assert!("fn_".parse::<FunctionId>().is_err());
    }
}

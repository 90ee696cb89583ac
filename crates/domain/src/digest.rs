//! SHA-256 of a module as it was uploaded: its identity in the object store, in rows and in URLs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Invalid;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| Invalid::new("digest", "expected a SHA-256 as 64 hexadecimal digits"))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Digest {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(feature = "sqlx")]
mod sql {
    //! `bytea` in the database.
    use sqlx::{Decode, Encode, Postgres, Type, encode::IsNull, error::BoxDynError, postgres};

    use super::Digest;

    impl Type<Postgres> for Digest {
        fn type_info() -> postgres::PgTypeInfo {
            <[u8] as Type<Postgres>>::type_info()
        }
    }

    impl Encode<'_, Postgres> for Digest {
        fn encode_by_ref(
            &self,
            buffer: &mut postgres::PgArgumentBuffer,
        ) -> Result<IsNull, BoxDynError> {
            <&[u8] as Encode<'_, Postgres>>::encode_by_ref(&self.0.as_slice(), buffer)
        }
    }

    impl<'r> Decode<'r, Postgres> for Digest {
        fn decode(value: postgres::PgValueRef<'r>) -> Result<Self, BoxDynError> {
            Ok(Self(
                <&[u8] as Decode<'r, Postgres>>::decode(value)?.try_into()?,
            ))
        }
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Digest {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("SHA-256 in hexadecimal"))
            .pattern(Some("^[0-9a-f]{64}$"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Digest {}

//! A version as it is told, with the report of its module.

use serde::{Deserialize, Serialize};

use crate::{
    Digest, FunctionId, UserId, VersionId,
    report::ImportReport,
    version::{Handler, VersionState},
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionView {
    pub id: VersionId,
    pub function: FunctionId,
    /// Counts from 1 within the function.
    pub number: i32,
    pub state: VersionState,
    /// Why it failed to compile.
    pub error: Option<String>,
    pub digest: Digest,
    pub size_bytes: i64,
    pub handler: Handler,
    pub report: ImportReport,
    pub message: String,
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// How long the compiler took.
    pub compile_ms: Option<i32>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: time::OffsetDateTime,
}

//! The `version` table: immutable but for its state.

use domain::{
    Digest, FunctionId, Timestamp, UserId, VersionId,
    report::ImportReport,
    version::{Handler, VersionState},
};

#[derive(Clone, Debug)]
pub struct Version {
    pub id: VersionId,
    pub function: FunctionId,
    pub number: i32,
    pub state: VersionState,
    /// Of the bytes as uploaded.
    pub digest: Digest,
    pub bytes: i64,
    pub handler: Handler,
    pub report: ImportReport,
    pub message: String,
    /// Absent once the author's account is gone.
    pub author: Option<UserId>,
    pub author_name: Option<String>,
    /// Why it failed to compile.
    pub error: Option<String>,
    /// How long the compiler took, in milliseconds.
    pub compile_ms: Option<i32>,
    pub created_at: Timestamp,
}

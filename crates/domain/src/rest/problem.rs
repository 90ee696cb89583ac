//! A refusal, as RFC 9457 writes one down.

use serde::{Deserialize, Serialize};

use crate::{Invalid, report::Refusal};

/// A refusal (RFC 9457). `code` is for programs, `detail` for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = Problem))]
pub struct ProblemView {
    /// The page that explains the code, relative to this server.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    pub detail: String,
    pub code: String,
    pub request_id: String,
    /// Every field that was wrong, when the code is `invalid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "openapi", schema(required = false))]
    pub problems: Vec<Invalid>,
    /// Which figure of the plan was passed, `functions`, when the code is `quota_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota: Option<String>,
    /// The limit that was passed: bytes when the code is `request_too_large`, the quota's when it is `quota_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What it would have come to, when the code is `quota_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<u64>,
    /// What speaks against the module, when the code is `module_refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

//! What an invocation wrote.

use serde::{Deserialize, Serialize};

use crate::{RequestId, telemetry::LogStream};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LineView {
    /// The invocation that wrote it.
    pub request_id: RequestId,
    /// Counts the lines of an invocation.
    pub number: i32,
    pub version: i32,
    #[serde(with = "time::serde::rfc3339")]
    pub at: time::OffsetDateTime,
    pub stream: LogStream,
    /// `trace`, `debug`, `info`, `warn`, `error` or `critical`; of stdout `info`, of stderr `error`.
    pub level: String,
    pub text: String,
}

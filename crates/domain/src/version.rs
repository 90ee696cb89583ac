//! A version of a function: immutable, and in one of three states until it is compiled.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum VersionState {
    Compiling,
    Ready,
    Failed,
}

/// How a guest takes a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// `wasi:http/incoming-handler@0.2.x`
    WasiHttp02,
    /// `wasi:http/handler@0.3.x`
    WasiHttp03,
    /// `wasi:cli/run@0.2.x`: a command that reads CGI variables (RFC 3875) and writes a CGI response.
    Command,
}

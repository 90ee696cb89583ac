//! The data plane's error table: every way a call can fail that is not the function's own answer.
//!
//! Each has one status and one code, whoever meets it. A tenant's failure is never called ours,
//! nor ours a tenant's.

use serde::{Deserialize, Serialize};

macro_rules! failures {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Failure {
            $($(#[$doc])* $name,)*
        }

        impl Failure {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The HTTP status (RFC 9110) it is told with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The problem's code, and the value of `x-atoll-error`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

failures! {
    BadRequest = 400 "bad_request" "The request is malformed";
    Unauthenticated = 401 "unauthenticated" "The caller is not known";
    TenantSuspended = 402 "tenant_suspended" "The tenant is suspended";
    Forbidden = 403 "forbidden" "The caller may not call this function";
    FunctionDisabled = 403 "function_disabled" "The function is disabled";
    /// Alike whether the tenant exists or not.
    NotFound = 404 "not_found" "No function answers here";
    RequestTimeout = 408 "request_timeout" "The request's body took too long";
    VersionGone = 410 "version_gone" "The version is gone";
    RequestTooLarge = 413 "request_too_large" "The request's body is larger than the limit";
    UriTooLong = 414 "uri_too_long" "The request's URL is longer than the limit";
    Misdirected = 421 "misdirected" "The connection's certificate does not cover this host";
    HeadersTooLarge = 431 "headers_too_large" "The request's headers are larger than the limit";
    FunctionConcurrency = 429 "function_concurrency" "The function has as many calls in flight as it may";
    TenantConcurrency = 429 "tenant_concurrency" "The tenant has as many calls in flight as it may";
    RateLimited = 429 "rate_limited" "Too many calls in a short time";
    QuotaExhausted = 429 "quota_exhausted" "The month's quota is used up";
    Internal = 500 "internal" "The platform failed";
    FunctionTrapped = 502 "function_trapped" "The function trapped";
    CpuLimitExceeded = 502 "cpu_limit_exceeded" "The function used more CPU time than its limit";
    MemoryLimitExceeded = 502 "memory_limit_exceeded" "The function asked for more memory than its limit";
    InvalidResponse = 502 "invalid_response" "The function gave no valid response";
    ResponseTooLarge = 502 "response_too_large" "The function's response is larger than the limit";
    InstantiationFailed = 502 "instantiation_failed" "The function could not be instantiated";
    NoCapacity = 503 "no_capacity" "The platform is full";
    Draining = 503 "draining" "The worker is going away";
    ArtifactUnavailable = 503 "artifact_unavailable" "The function's code could not be fetched";
    UnsupportedFeature = 503 "unsupported_feature" "The worker lacks a feature the function needs";
    WallTimeout = 504 "wall_timeout" "The function took longer than its limit";
    LoopDetected = 508 "loop_detected" "Functions call each other too deep";
}

#[cfg(test)]
mod tests {
    use super::Failure;

    #[test]
    fn every_code_is_its_own() {
        let mut codes: Vec<_> = Failure::ALL.iter().map(|failure| failure.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Failure::ALL.len());
    }
}

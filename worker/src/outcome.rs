//! How a call ended, and whose affair that is: a guest's failure is never told as ours, nor ours as
//! the guest's.

use std::borrow::Cow;

use domain::Failure;

/// A guest may have much to say.
const MAX_CAUSE_BYTES: usize = 1 << 10;

/// A failure with what a caller may know of it.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    pub(crate) detail: Cow<'static, str>,
    /// In the guest's or its engine's own words: for the tenant's eyes, in the call's record.
    pub(crate) cause: Option<String>,
    pub(crate) limit: Option<u64>,
    pub(crate) observed: Option<u64>,
}

impl Failed {
    pub(crate) fn new(failure: Failure, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            failure,
            detail: detail.into(),
            cause: None,
            limit: None,
            observed: None,
        }
    }

    pub(crate) fn over(mut self, limit: u64, observed: impl Into<Option<u64>>) -> Self {
        self.limit = Some(limit);
        self.observed = observed.into();
        self
    }

    pub(crate) fn because(mut self, cause: impl Into<String>) -> Self {
        let mut cause = cause.into();
        cause.truncate(cause.floor_char_boundary(MAX_CAUSE_BYTES));
        self.cause = Some(cause);
        self
    }

    /// For the tenant.
    pub(crate) fn whole_detail(&self) -> Cow<'_, str> {
        match &self.cause {
            Some(cause) => format!("{}: {cause}", self.detail).into(),
            None => Cow::Borrowed(&self.detail),
        }
    }

    pub(crate) fn internal() -> Self {
        Self::new(
            Failure::Internal,
            "the platform failed; tell its operator the request id",
        )
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.failure.code(), self.detail)
    }
}

impl std::error::Error for Failed {}

/// Who is to mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Caller,
    /// The tenant, by the function or by its limits.
    Guest,
    Platform,
}

impl Party {
    pub(crate) const fn of(failure: Failure) -> Self {
        use Failure::*;
        match failure {
            BadRequest | Unauthenticated | Forbidden | NotFound | RequestTimeout | VersionGone
            | RequestTooLarge | UriTooLong | Misdirected | HeadersTooLarge => Self::Caller,
            TenantSuspended | FunctionDisabled | FunctionConcurrency | TenantConcurrency
            | RateLimited | QuotaExhausted | FunctionTrapped | CpuLimitExceeded
            | MemoryLimitExceeded | InvalidResponse | ResponseTooLarge | InstantiationFailed
            | WallTimeout | LoopDetected => Self::Guest,
            Internal | NoCapacity | Draining | ArtifactUnavailable | UnsupportedFeature => {
                Self::Platform
            }
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Guest => "guest",
            Self::Platform => "platform",
        }
    }
}

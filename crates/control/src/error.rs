//! The one error of the control plane. It knows nothing of HTTP or HTML.

use domain::{FunctionName, Invalid, PathPattern, Problems, RouteId, Scope, report::Refusal};
use store::Fault;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("sign in first")]
    Unauthenticated,
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Also whatever the caller may not know to exist.
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("your role does not allow this; it takes {0} or more")]
    Forbidden(&'static str),
    #[error("the access token lacks the scope `{0}`")]
    OutOfScope(Scope),
    #[error("the access token is limited to other functions")]
    OtherFunction,
    #[error("an access token may not do this; sign in")]
    SessionOnly,
    #[error("a tenant's token is nobody's in particular; use one of your own")]
    PersonOnly,
    #[error("{0} is already taken")]
    Taken(&'static str),
    #[error(
        "`{path}` of the route {route}, which leads to the function `{function}`, matches the same requests; \
         change that route, or use another path or host"
    )]
    RouteConflict {
        route: RouteId,
        path: PathPattern,
        function: FunctionName,
    },
    #[error("{0}")]
    Invalid(#[from] Problems),
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body ended before it was complete")]
    Incomplete,
    /// It exists and is in a state that does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// What would be added is above the plan; the figure's name is that of `domain::limits::Quotas`.
    #[error("the plan's quota `{quota}` is {limit}, and this would make {observed}")]
    QuotaExceeded {
        quota: &'static str,
        limit: u64,
        observed: u64,
    },
    #[error("the resource changed since you read it; read it again")]
    PreconditionFailed,
    #[error("name the revision you read in `If-Match`")]
    PreconditionRequired,
    #[error("too many attempts; try again in {retry_after_seconds} seconds")]
    TooManyAttempts { retry_after_seconds: u64 },
    /// Something behind us is away: the database, the object store, every worker.
    #[error("{what} is not reachable at the moment; try again")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Option<anyhow::Error>,
    },
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

impl From<Invalid> for Error {
    fn from(problem: Invalid) -> Self {
        Self::Invalid(problem.into())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match Fault::of(&error) {
            Fault::Away => Self::Unavailable {
                what: "the database",
                source: Some(error.into()),
            },
            Fault::Taken("tenant_slug_unique") => Self::Taken("the tenant's slug"),
            Fault::Taken("user_account_email_unique") => Self::Taken("the e-mail address"),
            Fault::Taken("domain_name_unique") => Self::Taken("the domain's name in this tenant"),
            Fault::Taken("alias_pkey") => Self::Taken("the alias's name"),
            Fault::Taken("secret_name_unique") => Self::Taken("the secret's name"),
            Fault::Taken("function_name_unique") => Self::Taken("the function's name"),
            Fault::Taken("plan_name_unique") => Self::Taken("the plan's name"),
            Fault::Taken(_) | Fault::Dangling(_) | Fault::Other => Self::Internal(error.into()),
        }
    }
}

impl From<blobs::Error> for Error {
    fn from(error: blobs::Error) -> Self {
        match error {
            // A row names the object, so that it is the store that lost it or shows it too late.
            blobs::Error::NotFound { .. } | blobs::Error::Unavailable { .. } => Self::Unavailable {
                what: "the object store",
                source: Some(error.into()),
            },
            error => Self::Internal(error.into()),
        }
    }
}

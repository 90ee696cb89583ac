//! What a token may be used for, below what its role allows anyway.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Scope {
            $($(#[$doc])* #[serde(rename = $text)] $name,)*
        }

        impl Scope {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scopes! {
    /// Functions with their versions, deployments and operations.
    FunctionsRead = "functions:read";
    /// Makes, changes and deletes functions.
    FunctionsWrite = "functions:write";
    /// Uploads modules, makes versions, deploys them and rolls back.
    FunctionsDeploy = "functions:deploy";
    FunctionsInvoke = "functions:invoke";
    /// Sets and deletes secrets; nobody reads their values.
    SecretsWrite = "secrets:write";
    /// Routes and domains.
    RoutesRead = "routes:read";
    RoutesWrite = "routes:write";
    DomainsWrite = "domains:write";
    /// Log lines, invocations and metrics.
    LogsRead = "logs:read";
    TenantRead = "tenant:read";
    TenantAdmin = "tenant:admin";
    MembersAdmin = "members:admin";
    TokensAdmin = "tokens:admin";
    AuditRead = "audit:read";
    /// What concerns all tenants: only of a person's own token, and only while he is an operator.
    PlatformAdmin = "platform:admin";
}

impl Scope {
    /// Whether this scope includes what `other` allows.
    pub fn includes(self, other: Self) -> bool {
        use Scope::*;
        self == other
            || matches!(
                (self, other),
                (FunctionsWrite | FunctionsDeploy, FunctionsRead)
                    | (RoutesWrite | DomainsWrite, RoutesRead)
                    | (TenantAdmin, TenantRead)
            )
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.iter().find(|scope| scope.as_str() == text);
        known.copied().ok_or_else(|| {
            let all: Vec<_> = Self::ALL.iter().map(|scope| scope.as_str()).collect();
            Invalid::new(
                "scopes",
                format!("{text:?} is no scope; use some of {}", all.join(", ")),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_read_back_and_others_are_refused_with_the_list() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().as_ref(), Ok(scope));
        }
        let refusal = "functions:*".parse::<Scope>().unwrap_err();
        assert!(refusal.detail.contains("functions:read"), "{refusal}");
    }

    #[test]
    fn who_may_change_may_read() {
        assert!(Scope::FunctionsDeploy.includes(Scope::FunctionsRead));
        assert!(!Scope::FunctionsRead.includes(Scope::FunctionsWrite));
        assert!(!Scope::FunctionsWrite.includes(Scope::LogsRead));
    }
}

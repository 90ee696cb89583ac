//! The one way to register a route: with who may call it and how it may fail.
//!
//! The router, the OpenAPI document and the table of access are made of the same registration, so
//! that no route misses from any of them.

use axum::{
    Extension, Router,
    handler::Handler,
    routing::{MethodFilter, on},
};
use control::Platform;
use domain::{Role, Scope};
use http::Method;
use utoipa::openapi::{
    OpenApi,
    path::{Operation, PathItem},
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::{openapi, problem::Code};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Anybody,
    /// Somebody who signed in, and no token.
    Session,
    /// Any session or token.
    Caller,
    /// Any session, and a token with this scope.
    Scope(Scope),
    /// A member of the path's tenant, or its own token, of at least this role; a token has this scope.
    Member(Role, Scope),
    /// An operator, by a session or by a token of his with the scope `platform:admin`.
    Operator,
    /// Who holds a worker's join token.
    JoinToken,
    /// A worker that joined.
    Worker,
}

/// A line of the table of access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: String,
    pub need: Need,
}

/// Every route of the REST API and of the workers' feed.
pub fn table() -> Vec<Route> {
    crate::router::all().table
}

/// How a route with a JSON body may fail.
pub(crate) const BODY: &[Code] = &[
    Code::BadRequest,
    Code::IncompleteBody,
    Code::RequestTimeout,
    Code::RequestTooLarge,
    Code::UnsupportedMediaType,
    Code::Invalid,
];
/// How a route that takes a module may fail.
pub(crate) const MODULE: &[Code] = &[
    Code::IncompleteBody,
    Code::RequestTooLarge,
    Code::UnsupportedMediaType,
    Code::ModuleRefused,
    Code::QuotaExceeded,
];
/// How a list may fail.
pub(crate) const PAGE: &[Code] = &[Code::Invalid];
/// How a change of what is configured may fail: what follows from it may not be deployed.
pub(crate) const CONFIGURED: &[Code] = &[Code::Invalid, Code::Conflict];
/// How a change that is based on a revision may fail.
pub(crate) const REVISION: &[Code] = &[
    Code::BadRequest,
    Code::PreconditionFailed,
    Code::PreconditionRequired,
];

#[derive(Default)]
pub(crate) struct Routes {
    router: OpenApiRouter<Platform>,
    table: Vec<Route>,
}

impl Routes {
    /// A route of the REST API; `routes!` makes the last argument of the handler.
    pub(crate) fn add(
        mut self,
        need: Need,
        errors: &[&[Code]],
        (schemas, mut paths, methods): UtoipaMethodRouter<Platform>,
    ) -> Self {
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                openapi::complete(operation, path, need, errors);
                self.table.push(Route {
                    method,
                    path: path.clone(),
                    need,
                });
            }
        }
        let methods = methods.layer(Extension(need));
        self.router = self.router.routes((schemas, paths, methods));
        self
    }

    /// A route between our own processes: in the table, not in the document.
    pub(crate) fn internal<H, T>(
        mut self,
        need: Need,
        method: Method,
        path: &str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Platform>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("a method that axum routes");
        let method_router = on(filter, handler).layer(Extension(need));
        self.router = self.router.route(path, method_router);
        self.table.push(Route {
            method,
            path: path.to_owned(),
            need,
        });
        self
    }

    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self
    }

    pub(crate) fn split(self) -> (Router<Platform>, OpenApi) {
        self.router.split_for_parts()
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tenant_owns_takes_a_member() {
        for route in table() {
            if route.path.starts_with("/v1/tenants/{tenant}") {
                assert!(matches!(route.need, Need::Member(..)), "{route:?}");
            }
        }
    }

    #[test]
    fn what_concerns_all_tenants_takes_an_operator() {
        for route in table() {
            let of_admin = route.path.starts_with("/v1/admin/");
            assert_eq!(of_admin, route.need == Need::Operator, "{route:?}");
        }
    }

    #[test]
    fn every_internal_route_takes_a_token() {
        for route in table() {
            if route.path.starts_with("/internal/") {
                let by_token = matches!(route.need, Need::JoinToken | Need::Worker);
                assert!(by_token, "{route:?}");
            }
        }
    }

    #[test]
    fn no_route_is_listed_twice() {
        let mut lines: Vec<_> = table()
            .iter()
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        lines.sort();
        let count = lines.len();
        lines.dedup();
        assert_eq!(lines.len(), count);
    }
}

//! The whole of what one listener serves, and what every request passes on its way.

use std::{any::Any, time::Duration};

use axum::{
    Extension, Router,
    middleware::{from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::any,
};
use control::{Error, Platform};
use http::{Method, Uri};
use tower::ServiceBuilder;
use tower_http::{catch_panic::CatchPanicLayer, timeout::RequestBodyTimeoutLayer};

use crate::{
    admin, aliases, audit, deployments, docs, domains, examples,
    feed::{self, Draining},
    functions, headers,
    headers::Https,
    health,
    hosts::{self, Hosts},
    invitations, invocations, invoke, limits, logs, members, metrics, openapi, operations,
    passwords,
    problem::{Code, Problem},
    registration, request,
    routes::Routes,
    secrets, session, sessions, setup, telemetry, tenant_routes, tenants, tokens, uploads,
    variables, versions,
};

/// How long a body may stand still.
const BODY_STALL: Duration = Duration::from_secs(30);

/// Every route of the REST API and of the feed.
pub(crate) fn all() -> Routes {
    Routes::default()
        .merge(session::routes())
        .merge(sessions::routes())
        .merge(passwords::routes())
        .merge(setup::routes())
        .merge(registration::routes())
        .merge(tokens::routes())
        .merge(members::routes())
        .merge(invitations::routes())
        .merge(audit::routes())
        .merge(tenants::routes())
        .merge(functions::routes())
        .merge(variables::routes())
        .merge(secrets::routes())
        .merge(limits::routes())
        .merge(uploads::routes())
        .merge(versions::routes())
        .merge(deployments::routes())
        .merge(aliases::routes())
        .merge(tenant_routes::routes())
        .merge(domains::routes())
        .merge(invoke::routes())
        .merge(invocations::routes())
        .merge(logs::routes())
        .merge(metrics::routes())
        .merge(examples::routes())
        .merge(operations::routes())
        .merge(admin::routes())
        .merge(health::routes())
        .merge(openapi::routes())
        .merge(feed::routes())
        .merge(telemetry::routes())
}

/// What the listener brings that the platform's configuration does not say.
#[derive(Clone, Debug)]
pub(crate) struct Front {
    pub(crate) hosts: Hosts,
    pub(crate) https: Https,
    pub(crate) draining: Draining,
}

pub(crate) fn router(platform: Platform, front: Front) -> Router {
    let (rest, _) = all().split();
    let rest = rest
        .merge(docs::routes())
        .method_not_allowed_fallback(method_not_allowed)
        .route("/v1/{*rest}", any(no_such_route))
        .route("/internal/{*rest}", any(no_such_route))
        .with_state(platform.clone());

    // From the outside in: all that an inner layer answers is tracked and gets its headers.
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state(front.https, headers::secure))
        .layer(from_fn(request::track))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(front.hosts, hosts::check))
        .layer(RequestBodyTimeoutLayer::new(BODY_STALL))
        .layer(Extension(front.draining));
    rest.fallback_service(web::router(platform)).layer(layers)
}

async fn no_such_route(uri: Uri) -> Problem {
    let path = uri.path().escape_default().to_string();
    Problem::new(
        Code::NotFound,
        format!("there is no `{path}`; see /v1/openapi.json"),
    )
}

async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!("this resource does not take {method}; see `Allow`");
    Problem::new(Code::MethodNotAllowed, detail)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Problem::from(Error::Internal(anyhow::anyhow!("panic: {text}"))).into_response()
}

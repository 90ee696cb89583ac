//! Whether a function answers at all, who may call it, and which version the caller meets.

use std::sync::Arc;

use domain::{Failure, function::Access, tenant::TenantState};
use http::{HeaderMap, Request, Response};

use crate::{
    body::ResponseBody,
    node::Node,
    outcome::Failed,
    preview,
    route::{self, Meets, Target},
    sticky,
    version::Version,
};

const VERSION: &str = "x-atoll-version";

/// What a caller may have.
pub(crate) enum Granted {
    Version(Arc<Version>),
    /// Nothing runs: this is the whole answer.
    Answer(Box<Response<ResponseBody>>),
}

/// Of a request from outside. To whom a function or a preview is not open, it is not there, so that
/// nobody finds out by asking what a tenant has.
pub(crate) fn of<B>(node: &Node, target: &Target, request: &Request<B>) -> Result<Granted, Failed> {
    let Meets::Preview { version, open } = &target.meets else {
        return match target.function.access {
            Access::Public => {
                is_serving(target)?;
                chosen(node, target, request.headers()).map(Granted::Version)
            }
            Access::Private => Err(route::not_found()),
        };
    };
    if !open {
        let function = target.function.id;
        let keys = node.loader.keys.load_full().ok_or_else(route::not_found)?;
        if let Some(answer) = preview::opened_by_link(request.uri(), function, &keys) {
            return answer.map(|answer| Granted::Answer(Box::new(answer)));
        }
        if !preview::is_open_for(request.headers(), function, &keys) {
            return Err(route::not_found());
        }
    }
    is_serving(target)?;
    Ok(Granted::Version(Arc::clone(version)))
}

/// Of a request by another function of the tenant, which may call private ones too.
pub(crate) fn of_inside(
    node: &Node,
    target: &Target,
    headers: &HeaderMap,
) -> Result<Arc<Version>, Failed> {
    is_serving(target)?;
    chosen(node, target, headers)
}

/// The version that the caller names, if it may, else that of the route's alias, else the one that its
/// part of the traffic meets.
fn chosen(node: &Node, target: &Target, headers: &HeaderMap) -> Result<Arc<Version>, Failed> {
    let function = &target.function;
    if let Some(named) = headers.get(VERSION) {
        let keys = node.loader.keys.load_full();
        if keys.is_some_and(|keys| preview::is_open_for(headers, function.id, &keys)) {
            let number = named.to_str().ok().and_then(|text| text.parse().ok());
            let version = number.and_then(|number| function.version(number));
            return version.cloned().ok_or_else(gone);
        }
    }
    if let Meets::Alias(version) = &target.meets {
        return version.clone().ok_or_else(gone);
    }
    // With one live version, whoever calls meets it.
    let position = match function.traffic.len() {
        0 | 1 => 0,
        _ => sticky::position(headers, function.id),
    };
    function.pick(position).cloned().ok_or_else(gone)
}

pub(crate) fn gone() -> Failed {
    Failed::new(
        Failure::VersionGone,
        "the function has no such version on this worker, or none is live",
    )
}

/// Whether the function may run at all, whoever calls.
pub(crate) fn is_serving(target: &Target) -> Result<(), Failed> {
    match target.tenant.state {
        TenantState::Active => {}
        TenantState::Suspended => {
            return Err(Failed::new(
                Failure::TenantSuspended,
                "the tenant of this function is suspended",
            ));
        }
        TenantState::Deleted => return Err(route::not_found()),
    }
    if !target.function.enabled {
        return Err(Failed::new(
            Failure::FunctionDisabled,
            "this function is disabled by its tenant",
        ));
    }
    let lacking = match &target.meets {
        Meets::Unknown(feature) => Some(&**feature),
        Meets::Traffic | Meets::Alias(_) | Meets::Preview { .. } => {
            target.function.lacking.as_deref()
        }
    };
    if let Some(feature) = lacking {
        let detail = format!("this address needs `{feature}`, which this worker's release lacks");
        return Err(Failed::new(Failure::UnsupportedFeature, detail));
    }
    Ok(())
}

//! The console: pages rendered on the server that call the verbs of `control`, and nothing that a
//! verb would not allow. Every page works without scripts; scripts only save a click or a reload.

mod account;
mod configuration;
mod csrf;
mod deployments;
mod errors;
mod extract;
mod figures;
mod flash;
mod format;
mod forms;
mod frame;
mod function_page;
mod functions;
mod headers;
mod invitations;
mod invocations;
mod invoke;
mod limits;
mod logs;
mod members;
mod page;
mod passwords;
mod progress;
mod registration;
mod report;
mod routes;
mod session;
mod settings;
mod setup;
mod static_files;
mod tenant_settings;
mod tenants;
mod uploads;
mod versions;

use axum::{Router, middleware};
use control::Platform;

pub use errors::error_page;

/// The whole console, its 404 page included.
pub fn router(platform: Platform) -> Router {
    Router::new()
        .merge(setup::routes())
        .merge(session::routes())
        .merge(passwords::routes())
        .merge(registration::routes())
        .merge(invitations::routes())
        .merge(account::routes())
        .merge(tenants::routes())
        .merge(tenant_settings::routes())
        .merge(members::routes())
        .merge(routes::routes())
        .merge(functions::routes())
        .merge(function_page::routes())
        .merge(settings::routes())
        .merge(configuration::routes())
        .merge(uploads::routes())
        .merge(versions::routes())
        .merge(deployments::routes())
        .merge(invoke::routes())
        .merge(invocations::routes())
        .merge(logs::routes())
        .merge(static_files::routes())
        .fallback(errors::no_such_page)
        .method_not_allowed_fallback(errors::no_such_method)
        .layer(middleware::from_fn_with_state(
            platform.clone(),
            flash::told_once,
        ))
        .layer(middleware::from_fn(errors::explain))
        .layer(middleware::from_fn(headers::add))
        .with_state(platform)
}

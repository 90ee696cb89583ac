//! `/v1/openapi.json`, made of the handlers themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use axum::response::IntoResponse;
use bytes::Bytes;
use domain::{Scope, rest::problem::ProblemView};
use http::header;
use utoipa::{
    OpenApi,
    openapi::{
        Content, Object, Ref, RefOr, Required, ResponseBuilder, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::routes;

use crate::{
    problem::Code,
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    Routes::default().add(Need::Anybody, &[], routes!(show))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Atoll",
        description = "Functions of WebAssembly. Sign in with `POST /v1/session` and send the access token as \
                       `Authorization: Bearer …`. Errors are `application/problem+json` (RFC 9457), each code has its \
                       page under `/docs/errors/`. `{tenant}` and `{function}` take the name or the id."
    ),
    components(schemas(ProblemView))
)]
struct Document;

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| {
    let json = document().to_json();
    Bytes::from(json.expect("a document holds no map with keys other than strings"))
});

fn document() -> utoipa::openapi::OpenApi {
    let (_, routes) = crate::router::all().split();
    let mut document = Document::openapi();
    document.merge(routes);
    let session = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The access token of a session"))
        .build();
    let token = Http::builder()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("atoll_<kind>_<secret>_<checksum>")
        .description(Some(
            "An access token of `/v1/tokens` or of a tenant, with the scopes that are named",
        ))
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("session", SecurityScheme::Http(session));
    components.add_security_scheme("token", SecurityScheme::Http(token));
    document
}

/// This document
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "platform", operation_id = "show_openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
async fn show() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        DOCUMENT.clone(),
    )
}

/// Adds to an operation what follows from its path and from who may call it.
pub(crate) fn complete(operation: &mut Operation, path: &str, need: Need, errors: &[&[Code]]) {
    let mut codes: BTreeSet<Code> = errors.iter().copied().flatten().copied().collect();
    codes.extend([Code::Internal, Code::Unavailable, Code::Misdirected]);
    if need != Need::Anybody {
        codes.insert(Code::Unauthenticated);
        operation.security = Some(security(need));
    }
    if matches!(need, Need::Member(..) | Need::Scope(_) | Need::Session) {
        codes.insert(Code::Forbidden);
    }
    if need == Need::Operator {
        codes.insert(Code::NotFound);
    }
    if path.contains('{') {
        codes.insert(Code::NotFound);
        codes.insert(Code::BadRequest);
    }
    if path.contains("{tenant}") {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.insert(0, RefOr::T(tenant()));
    }
    if codes.contains(&Code::PreconditionRequired) {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.push(RefOr::T(if_match()));
    }
    declare(operation, codes);
}

fn security(need: Need) -> Vec<SecurityRequirement> {
    let session = SecurityRequirement::new("session", [""; 0]);
    match need {
        Need::Session => vec![session],
        // OpenAPI 3.1 takes the scopes of any scheme, OAuth or not.
        Need::Scope(scope) | Need::Member(_, scope) => {
            vec![session, SecurityRequirement::new("token", [scope.as_str()])]
        }
        Need::Operator => {
            let scope = Scope::PlatformAdmin.as_str();
            vec![session, SecurityRequirement::new("token", [scope])]
        }
        _ => vec![session, SecurityRequirement::new("token", [""; 0])],
    }
}

/// One response for each status, naming the codes it comes with.
fn declare(operation: &mut Operation, codes: BTreeSet<Code>) {
    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes {
        by_status
            .entry(code.status().as_u16())
            .or_default()
            .push(code);
    }
    for (status, codes) in by_status {
        let told: Vec<_> = codes
            .iter()
            .map(|code| format!("`{}`: {}", code.as_str(), code.title()))
            .collect();
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        let response = ResponseBuilder::new()
            .description(told.join("; "))
            .content("application/problem+json", problem);
        let responses = &mut operation.responses.responses;
        responses
            .entry(status.to_string())
            .or_insert_with(|| RefOr::T(response.build()));
    }
}

fn tenant() -> Parameter {
    ParameterBuilder::new()
        .name("tenant")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The tenant's slug or its `ten_…` id."))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

fn if_match() -> Parameter {
    ParameterBuilder::new()
        .name("If-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(
            "The `ETag` that was read: the revision the change is based on.",
        ))
        .schema(Some(Object::with_type(Type::String)))
        .build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn operations() -> Vec<(String, Value)> {
        let document: Value = serde_json::from_slice(&DOCUMENT).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                operations.push((format!("{method} {path}"), operation.clone()));
            }
        }
        operations
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let operations = operations();
        let ids: BTreeSet<_> = operations
            .iter()
            .map(|(_, operation)| operation["operationId"].to_string())
            .collect();
        assert_eq!(ids.len(), operations.len());
    }

    #[test]
    fn every_reference_resolves() {
        let text = std::str::from_utf8(&DOCUMENT).unwrap();
        let document: Value = serde_json::from_str(text).unwrap();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_segment_of_a_path_is_described() {
        for (name, operation) in operations() {
            for segment in name.split('{').skip(1) {
                let segment = segment.split('}').next().unwrap();
                let parameters = operation["parameters"].as_array().unwrap();
                let described = parameters
                    .iter()
                    .any(|parameter| parameter["name"] == segment && parameter["in"] == "path");
                assert!(described, "{name}: {segment}");
            }
        }
    }

    #[test]
    fn a_change_of_something_that_has_revisions_asks_for_one() {
        for (name, operation) in operations() {
            // A token or an invitation is revoked whatever became of it.
            let changes = name.starts_with("patch ") || name.starts_with("delete /v1/tenants");
            let revokes = name.contains("/tokens/") || name.contains("/invitations/");
            let changes = changes && !revokes;
            if changes {
                assert!(operation["responses"]["428"].is_object(), "{name}");
            }
        }
    }
}

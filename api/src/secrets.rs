//! `/v1/tenants/{tenant}/secrets` and `…/functions/{function}/secrets`. No answer has a value in it.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Admin, Developer, Platform, Secret, Viewer,
    configuration::{Followed, Holder},
    secrets,
};
use domain::{
    ConfigName, Problems, Role, Scope,
    page::Page,
    rest::configuration::{
        CreateSecret, RotateSecret, SecretChanged, SecretDeleted, SecretText, SecretView,
    },
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, CONFIGURED, Need, REVISION, Routes},
    variables::followed,
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::SecretsWrite);
    let admin = Need::Member(Role::Admin, Scope::SecretsWrite);
    let create = &[BODY, CONFIGURED, &[Code::Taken]];
    Routes::default()
        .add(viewer, &[], routes!(list_of_tenant))
        .add(admin, create, routes!(create_of_tenant))
        .add(viewer, &[], routes!(show_of_tenant))
        .add(admin, &[BODY, CONFIGURED], routes!(rotate_of_tenant))
        .add(admin, &[REVISION, CONFIGURED], routes!(delete_of_tenant))
        .add(viewer, &[], routes!(list_of_function))
        .add(developer, create, routes!(create_of_function))
        .add(viewer, &[], routes!(show_of_function))
        .add(developer, &[BODY, CONFIGURED], routes!(rotate_of_function))
        .add(
            developer,
            &[REVISION, CONFIGURED],
            routes!(delete_of_function),
        )
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfTenant {
    /// The secret's name.
    secret: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfFunction {
    /// The function's name or its `fn_…` id.
    function: String,
    /// The secret's name.
    secret: String,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Deploys the versions that follow.
    #[serde(default)]
    deploy: bool,
}

/// The secrets that all functions of the tenant have
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets", tag = "configuration", operation_id = "list_tenant_secrets",
    responses((status = 200, description = "All of them, by name", body = Page<SecretView>))
)]
async fn list_of_tenant(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
) -> Result<Json<Page<SecretView>>, Problem> {
    Ok(page(secrets::list(&platform, &viewer, None).await?))
}

/// Makes a secret for all functions of the tenant
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/secrets", tag = "configuration", operation_id = "create_tenant_secret",
    responses((status = 201, description = "The secret, and the versions that have it now", body = SecretChanged))
)]
async fn create_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Json(body): Json<CreateSecret>,
) -> Result<Response, Problem> {
    let at = format!("/v1/tenants/{}/secrets", admin.slug);
    create(&platform, Holder::Tenant(&admin), body, &at).await
}

/// A secret of the tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/secrets/{secret}", tag = "configuration", operation_id = "show_tenant_secret",
    params(OfTenant),
    responses((status = 200, description = "What may be told of it", body = SecretView))
)]
async fn show_of_tenant(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<OfTenant>,
) -> Result<Response, Problem> {
    let found = secrets::get(&platform, &viewer, None, &at.secret).await?;
    Ok((etag(found.revision), Json(view(found))).into_response())
}

/// Gives a secret of the tenant a new value
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/secrets/{secret}/rotate", tag = "configuration",
    operation_id = "rotate_tenant_secret", params(OfTenant),
    responses((status = 200, description = "The secret, and the versions that have the new value", body = SecretChanged))
)]
async fn rotate_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(at): Path<OfTenant>,
    Json(body): Json<RotateSecret>,
) -> Result<Response, Problem> {
    rotate(&platform, Holder::Tenant(&admin), &at.secret, body).await
}

/// Takes a secret away from the functions of the tenant
///
/// Versions that were made with it keep it. Its values are deleted once no version has them.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/secrets/{secret}", tag = "configuration",
    operation_id = "delete_tenant_secret", params(OfTenant, DeleteQuery),
    responses((status = 200, description = "The versions that were made without it", body = SecretDeleted))
)]
async fn delete_of_tenant(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(at): Path<OfTenant>,
    Query(query): Query<DeleteQuery>,
    IfMatch(revision): IfMatch,
) -> Result<Json<SecretDeleted>, Problem> {
    let holder = Holder::Tenant(&admin);
    let made = secrets::delete(&platform, holder, &at.secret, query.deploy, revision).await?;
    Ok(deleted(made))
}

/// The secrets of a function, without those that it has from its tenant
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/secrets", tag = "configuration",
    operation_id = "list_secrets", params(InFunction),
    responses((status = 200, description = "All of them, by name", body = Page<SecretView>))
)]
async fn list_of_function(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
) -> Result<Json<Page<SecretView>>, Problem> {
    let found = secrets::list(&platform, &viewer, Some(&at.function)).await?;
    Ok(page(found))
}

/// Makes a secret of a function
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/secrets", tag = "configuration",
    operation_id = "create_secret", params(InFunction),
    responses((status = 201, description = "The secret, and the versions that have it now", body = SecretChanged))
)]
async fn create_of_function(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Json(body): Json<CreateSecret>,
) -> Result<Response, Problem> {
    let path = format!(
        "/v1/tenants/{}/functions/{}/secrets",
        developer.slug, at.function
    );
    let holder = Holder::Function(&developer, &at.function);
    create(&platform, holder, body, &path).await
}

/// A secret of a function
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/secrets/{secret}", tag = "configuration",
    operation_id = "show_secret", params(OfFunction),
    responses((status = 200, description = "What may be told of it", body = SecretView))
)]
async fn show_of_function(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<OfFunction>,
) -> Result<Response, Problem> {
    let found = secrets::get(&platform, &viewer, Some(&at.function), &at.secret).await?;
    Ok((etag(found.revision), Json(view(found))).into_response())
}

/// Gives a secret of a function a new value
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/secrets/{secret}/rotate", tag = "configuration",
    operation_id = "rotate_secret", params(OfFunction),
    responses((status = 200, description = "The secret, and the versions that have the new value", body = SecretChanged))
)]
async fn rotate_of_function(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<OfFunction>,
    Json(body): Json<RotateSecret>,
) -> Result<Response, Problem> {
    let holder = Holder::Function(&developer, &at.function);
    rotate(&platform, holder, &at.secret, body).await
}

/// Takes a secret away from a function
///
/// Versions that were made with it keep it. Its values are deleted once no version has them.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/functions/{function}/secrets/{secret}", tag = "configuration",
    operation_id = "delete_secret", params(OfFunction, DeleteQuery),
    responses((status = 200, description = "The versions that were made without it", body = SecretDeleted))
)]
async fn delete_of_function(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<OfFunction>,
    Query(query): Query<DeleteQuery>,
    IfMatch(revision): IfMatch,
) -> Result<Json<SecretDeleted>, Problem> {
    let holder = Holder::Function(&developer, &at.function);
    let made = secrets::delete(&platform, holder, &at.secret, query.deploy, revision).await?;
    Ok(deleted(made))
}

async fn create(
    platform: &Platform,
    holder: Holder<'_>,
    body: CreateSecret,
    at: &str,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let name = problems.keep("name", body.name.parse::<ConfigName>());
    let name = name.ok_or(problems)?;
    let made = secrets::create(platform, holder, name, value(body.value), body.deploy);
    let (secret, followed) = made.await?;
    let location = [(header::LOCATION, format!("{at}/{}", secret.name))];
    let tag = etag(secret.revision);
    let view = Json(changed(secret, followed));
    Ok((StatusCode::CREATED, location, tag, view).into_response())
}

async fn rotate(
    platform: &Platform,
    holder: Holder<'_>,
    name: &str,
    body: RotateSecret,
) -> Result<Response, Problem> {
    let rotated = secrets::rotate(platform, holder, name, value(body.value), body.deploy);
    let (secret, followed) = rotated.await?;
    Ok((etag(secret.revision), Json(changed(secret, followed))).into_response())
}

fn value(text: SecretText) -> Zeroizing<String> {
    Zeroizing::new(text.0)
}

fn page(found: Vec<Secret>) -> Json<Page<SecretView>> {
    Json(Page {
        items: found.into_iter().map(view).collect(),
        next_cursor: None,
    })
}

fn changed(secret: Secret, made: Vec<Followed>) -> SecretChanged {
    SecretChanged {
        secret: view(secret),
        versions: made.into_iter().map(followed).collect(),
    }
}

fn deleted(made: Vec<Followed>) -> Json<SecretDeleted> {
    Json(SecretDeleted {
        versions: made.into_iter().map(followed).collect(),
    })
}

fn view(secret: Secret) -> SecretView {
    SecretView {
        id: secret.id,
        name: secret.name,
        function: secret.function,
        number: secret.number,
        created_at: secret.created_at,
        updated_at: secret.updated_at,
    }
}

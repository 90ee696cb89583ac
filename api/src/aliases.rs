//! `/v1/tenants/{tenant}/functions/{function}/aliases` and `…/previews`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Developer, Platform, Viewer,
    aliases::{self, Link, Patch, Shown},
};
use domain::{
    AliasName, Problems, Role, Scope,
    page::Page,
    rest::aliases::{AliasView, CreateAlias, CreateLink, LinkView, UpdateAlias},
};
use http::{StatusCode, header};
use serde::Deserialize;
use time::Duration;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, Path},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsDeploy);
    let full = &[Code::Taken, Code::QuotaExceeded];
    Routes::default()
        .add(viewer, &[], routes!(list))
        .add(developer, &[BODY, full], routes!(create))
        .add(viewer, &[], routes!(show))
        .add(developer, &[BODY, REVISION], routes!(update))
        .add(developer, &[REVISION], routes!(delete))
        .add(developer, &[BODY, &[Code::Conflict]], routes!(link))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InAlias {
    /// The function's name or its `fn_…` id.
    function: String,
    /// The alias's name.
    alias: String,
}

/// The aliases of a function, by name
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/aliases", tag = "deployments",
    operation_id = "list_aliases", params(InFunction),
    responses((status = 200, description = "All of them: a function has 200 at most", body = Page<AliasView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
) -> Result<Json<Page<AliasView>>, Problem> {
    let found = aliases::list(&platform, &viewer, &at.function).await?;
    Ok(Json(Page {
        items: found.into_iter().map(view).collect(),
        next_cursor: None,
    }))
}

/// Names a version
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/aliases", tag = "deployments",
    operation_id = "create_alias", params(InFunction),
    responses((status = 201, description = "The alias, at its `Location`", body = AliasView))
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Json(body): Json<CreateAlias>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let name = problems.keep("name", AliasName::parse(&body.name));
    let name = name.ok_or(problems)?;
    let function = &at.function;
    let made = aliases::create(
        &platform,
        &developer,
        function,
        name,
        body.version,
        body.open,
    )
    .await?;
    let location = format!(
        "/v1/tenants/{}/functions/{function}/aliases/{}",
        developer.slug, made.alias.name
    );
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// One alias
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/aliases/{alias}", tag = "deployments",
    operation_id = "show_alias", params(InAlias),
    responses((status = 200, description = "The alias, with its `ETag`", body = AliasView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InAlias>,
) -> Result<impl IntoResponse, Problem> {
    let found = aliases::get(&platform, &viewer, &at.function, &at.alias).await?;
    Ok(shown(found))
}

/// Moves an alias to another version, or opens its preview to anybody
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}/functions/{function}/aliases/{alias}", tag = "deployments",
    operation_id = "update_alias", params(InAlias),
    responses((status = 200, description = "The alias as it is now", body = AliasView))
)]
async fn update(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InAlias>,
    IfMatch(revision): IfMatch,
    Json(body): Json<UpdateAlias>,
) -> Result<impl IntoResponse, Problem> {
    let patch = Patch {
        version: body.version,
        open: body.open,
    };
    let (function, alias) = (&at.function, &at.alias);
    let after = aliases::update(&platform, &developer, function, alias, patch, revision).await?;
    Ok(shown(after))
}

/// Deletes an alias; its version stays
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/functions/{function}/aliases/{alias}", tag = "deployments",
    operation_id = "delete_alias", params(InAlias),
    responses((status = 204, description = "Its host answers 404"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InAlias>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    aliases::delete(&platform, &developer, &at.function, &at.alias, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link that opens the function's private previews for a while
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/previews", tag = "deployments",
    operation_id = "create_preview_link", params(InFunction),
    responses((status = 201, description = "The link, which is told this once", body = LinkView))
)]
async fn link(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Json(body): Json<CreateLink>,
) -> Result<(StatusCode, Json<LinkView>), Problem> {
    let lasts = body.expires_in_seconds;
    let lasts = lasts.map(|seconds| Duration::seconds(seconds.into()));
    let link = aliases::link(&platform, &developer, &at.function, &body.name, lasts).await?;
    Ok((StatusCode::CREATED, Json(link_view(link))))
}

fn shown(found: Shown) -> impl IntoResponse {
    (etag(found.alias.revision), Json(view(found)))
}

fn view(Shown { alias, url }: Shown) -> AliasView {
    AliasView {
        name: alias.name,
        version: alias.version,
        open: alias.open,
        url,
        created_at: alias.created_at,
        updated_at: alias.updated_at,
    }
}

fn link_view(link: Link) -> LinkView {
    LinkView {
        url: link.url,
        token: link.token,
        expires_at: link.expires_at,
    }
}

//! `/v1/tenants/{tenant}/functions/{function}/versions`

use axum::{
    body::Body,
    extract::{FromRequest, Request, State},
    response::{IntoResponse, Response},
};
use control::{
    Developer, Platform, Version, Viewer,
    versions::{self, About, Created, Source},
};
use domain::{
    Invalid, Role, Scope,
    page::Page,
    rest::versions::{CreateVersion, Difference, VersionView},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{InFunction, InVersion, PageQuery, Path, Query},
    problem::Problem,
    routes::{BODY, MODULE, Need, PAGE, Routes},
    uploads::{self, WASM},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::FunctionsRead);
    let developer = Need::Member(Role::Developer, Scope::FunctionsDeploy);
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(developer, &[BODY, MODULE], routes!(create))
        .add(viewer, &[], routes!(show))
        .add(viewer, &[], routes!(module))
        .add(viewer, &[PAGE], routes!(difference))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct CreateQuery {
    /// What changed, for people; like all of the query only beside a body of `application/wasm`.
    message: Option<String>,
    /// Where its source is.
    source_url: Option<String>,
    /// Variables or secrets that it cannot do without, separated by commas.
    requires: Option<String>,
}

/// The versions of a function, newest first
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/versions", tag = "versions",
    operation_id = "list_versions", params(InFunction, PageQuery),
    responses((status = 200, description = "A page of them", body = Page<VersionView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InFunction>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<VersionView>>, Problem> {
    let page = versions::list(&platform, &viewer, &at.function, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Makes a version of a module, or of an upload
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/versions", tag = "versions",
    operation_id = "create_version", params(InFunction, CreateQuery),
    request_body(content((Vec<u8> = "application/wasm"), (CreateVersion = "application/json"))),
    responses(
        (status = 201, description = "The version, at its `Location`; it compiles", body = VersionView),
        (status = 200, description = "The newest version is the same: none was made", body = VersionView),
    )
)]
async fn create(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Query(query): Query<CreateQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (source, about) = if uploads::is_wasm(request.headers()) {
        let upload = uploads::receive(&platform, &developer, request).await?;
        (Source::Upload(upload.id), query.into())
    } else {
        let Json(body) = Json::<CreateVersion>::from_request(request, &()).await?;
        (source(&body)?, about(body))
    };
    let made = versions::create(&platform, &developer, &at.function, source, about).await?;
    let (status, version) = match made {
        Created::New(version) => (StatusCode::CREATED, version),
        Created::Same(version) => (StatusCode::OK, version),
    };
    let location = format!(
        "/v1/tenants/{}/functions/{}/versions/{}",
        developer.slug, at.function, version.number
    );
    let location = [(header::LOCATION, location)];
    Ok((status, location, Json(view(version))).into_response())
}

fn source(body: &CreateVersion) -> Result<Source, Problem> {
    match (body.upload, body.from) {
        (Some(upload), None) => Ok(Source::Upload(upload)),
        (None, Some(number)) => Ok(Source::Version(number)),
        _ => Err(Invalid::new("upload", "name either an `upload` or `from`, a version").into()),
    }
}

fn about(body: CreateVersion) -> About {
    About {
        message: body.message,
        source_url: body.source_url,
        requires: body.requires,
    }
}

impl From<CreateQuery> for About {
    fn from(query: CreateQuery) -> Self {
        let requires = query.requires.as_deref().unwrap_or_default().split(',');
        Self {
            message: query.message.unwrap_or_default(),
            source_url: query.source_url,
            requires: requires
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// One version, with its report and state
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/versions/{number}", tag = "versions",
    operation_id = "show_version", params(InVersion),
    responses((status = 200, description = "The version", body = VersionView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InVersion>,
) -> Result<Json<VersionView>, Problem> {
    let version = versions::get(&platform, &viewer, &at.function, at.number).await?;
    Ok(Json(view(version)))
}

/// The module as it was uploaded
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/versions/{number}/module", tag = "versions",
    operation_id = "download_module", params(InVersion),
    responses((status = 200, description = "Its bytes", content_type = "application/wasm", body = Vec<u8>))
)]
async fn module(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InVersion>,
) -> Result<Response, Problem> {
    let (version, bytes) = versions::module(&platform, &viewer, &at.function, at.number).await?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(WASM));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(version.bytes));
    headers.insert(header::ETAG, ascii(format!("\"{}\"", version.digest)));
    // Named by the digest: what the path calls the function is the caller's text.
    let disposition = format!("attachment; filename=\"{}.wasm\"", version.digest.short());
    headers.insert(header::CONTENT_DISPOSITION, ascii(disposition));
    Ok((headers, Body::from_stream(bytes)).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DifferenceQuery {
    /// The number of the version to compare with.
    from: i32,
}

/// What a version has that another has not, in code, imports and configuration
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/functions/{function}/versions/{number}/diff", tag = "versions",
    operation_id = "compare_versions", params(InVersion, DifferenceQuery),
    responses((status = 200, description = "What changed on the way from the one to the other", body = Difference))
)]
async fn difference(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InVersion>,
    Query(query): Query<DifferenceQuery>,
) -> Result<Json<Difference>, Problem> {
    let from = versions::get(&platform, &viewer, &at.function, query.from).await?;
    let to = versions::get(&platform, &viewer, &at.function, at.number).await?;
    Ok(Json(Difference::between(&view(from), &view(to))))
}

fn ascii(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("a digest is ASCII")
}

fn view(version: Version) -> VersionView {
    VersionView {
        id: version.id,
        function: version.function,
        number: version.number,
        state: version.state,
        error: version.error,
        digest: version.digest,
        size_bytes: version.bytes,
        handler: version.handler,
        report: version.report,
        message: version.message,
        author: version.author,
        author_name: version.author_name,
        compile_ms: version.compile_ms,
        created_at: version.created_at,
        source_url: version.source_url,
        variables: version.variables,
        secrets: version.secrets,
        requires: version.requires,
        settings: version.settings,
    }
}

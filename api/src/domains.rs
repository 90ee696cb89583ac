//! `/v1/tenants/{tenant}/domains`

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use control::{
    Admin, Platform, Viewer,
    domains::{self, Shown},
};
use domain::{
    DomainName, Problems, Role, Scope,
    page::Page,
    rest::domains::{CreateDomain, DomainView, RecordView},
};
use http::{StatusCode, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    body::Json,
    params::{PageQuery, Path, Query},
    problem::{Code, Problem},
    revision::{IfMatch, etag},
    routes::{BODY, Need, PAGE, REVISION, Routes},
};

pub(crate) fn routes() -> Routes {
    let viewer = Need::Member(Role::Viewer, Scope::RoutesRead);
    let admin = Need::Member(Role::Admin, Scope::DomainsWrite);
    let full = &[Code::Taken, Code::Conflict];
    Routes::default()
        .add(viewer, &[PAGE], routes!(list))
        .add(admin, &[BODY, full], routes!(create))
        .add(viewer, &[], routes!(show))
        .add(admin, &[REVISION, &[Code::Conflict]], routes!(delete))
        .add(admin, &[], routes!(verify))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct InDomain {
    /// The domain's name.
    domain: String,
}

/// The domains of a tenant, by name
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/domains", tag = "routes", operation_id = "list_domains",
    params(PageQuery),
    responses((status = 200, description = "A page of them", body = Page<DomainView>))
)]
async fn list(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<DomainView>>, Problem> {
    let page = domains::list(&platform, &viewer, &page.request()?).await?;
    Ok(Json(page.map(view)))
}

/// Adds a domain, to be verified
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/domains", tag = "routes", operation_id = "create_domain",
    responses((status = 201, description = "The domain, at its `Location`, with the records to make", body = DomainView))
)]
async fn create(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Json(body): Json<CreateDomain>,
) -> Result<Response, Problem> {
    let mut problems = Problems::default();
    let name = problems.keep("name", DomainName::parse(&body.name));
    let made = domains::create(&platform, &admin, name.ok_or(problems)?).await?;
    let location = format!("/v1/tenants/{}/domains/{}", admin.slug, made.domain.name);
    let location = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, location, shown(made)).into_response())
}

/// One domain, and what is missing
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/domains/{domain}", tag = "routes", operation_id = "show_domain",
    params(InDomain),
    responses((status = 200, description = "The domain, with its `ETag`", body = DomainView))
)]
async fn show(
    State(platform): State<Platform>,
    As(viewer): As<Viewer>,
    Path(at): Path<InDomain>,
) -> Result<impl IntoResponse, Problem> {
    let found = domains::get(&platform, &viewer, &at.domain).await?;
    Ok(shown(found))
}

/// Deletes a domain; it is served no longer
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/domains/{domain}", tag = "routes", operation_id = "delete_domain",
    params(InDomain),
    responses((status = 204, description = "Its host answers 404"))
)]
async fn delete(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(at): Path<InDomain>,
    IfMatch(revision): IfMatch,
) -> Result<StatusCode, Problem> {
    domains::delete(&platform, &admin, &at.domain, revision).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Looks for the domain's proof now
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/domains/{domain}/verify", tag = "routes", operation_id = "verify_domain",
    params(InDomain),
    responses((status = 200, description = "The domain, verified or with what is missing", body = DomainView))
)]
async fn verify(
    State(platform): State<Platform>,
    As(admin): As<Admin>,
    Path(at): Path<InDomain>,
) -> Result<impl IntoResponse, Problem> {
    let checked = domains::verify(&platform, &admin, &at.domain).await?;
    Ok(shown(checked))
}

fn shown(found: Shown) -> impl IntoResponse {
    (etag(found.domain.revision), Json(view(found)))
}

fn view(shown: Shown) -> DomainView {
    let domain = shown.domain;
    let looked = domain.last_checked_at.map(|_| ());
    let (own, others) = domain
        .seen
        .into_iter()
        .partition::<Vec<_>, _>(|seen| *seen == shown.proof);
    let proof = RecordView {
        kind: "TXT".to_owned(),
        name: domain.name.challenge(),
        value: shown.proof,
        required: true,
        found: looked.map(|()| !own.is_empty()),
        seen: others,
    };
    let pointer = RecordView {
        kind: "CNAME".to_owned(),
        name: domain.name.to_string(),
        value: shown.target,
        required: false,
        found: domain.points_here,
        seen: Vec::new(),
    };
    DomainView {
        id: domain.id,
        unicode_name: domain.name.unicode(),
        name: domain.name,
        state: domain.state,
        problem: domain.problem,
        records: vec![proof, pointer],
        last_checked_at: domain.last_checked_at,
        next_check_at: domain.next_check_at,
        verified_at: domain.verified_at,
        failing_since: domain.failing_since,
        served_until: shown.served_until,
        created_at: domain.created_at,
        updated_at: domain.updated_at,
    }
}

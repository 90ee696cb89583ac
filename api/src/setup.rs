//! `/v1/setup`: the first account and the first tenant, with the token of the printed link.

use axum::extract::State;
use control::{
    Platform,
    setup::{self, FirstAccount},
};
use domain::{
    Problems, TenantSlug,
    name::display_name,
    rest::session::SessionView,
    user::{Email, Password},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use crate::{
    access::CameFrom,
    body::Json,
    problem::{Code, Problem},
    routes::{BODY, Need, Routes},
    session,
};

pub(crate) fn routes() -> Routes {
    let refused = &[Code::NotFound, Code::Conflict, Code::Taken];
    Routes::default().add(Need::Anybody, &[BODY, refused], routes!(create))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetUp {
    /// From the link that the first start printed.
    token: String,
    email: String,
    /// What people call you.
    name: String,
    /// 12 to 128 characters.
    password: Password,
    tenant_slug: String,
    tenant_name: String,
}

impl SetUp {
    fn first_account(self) -> Result<FirstAccount, Problem> {
        let mut problems = Problems::default();
        let email = problems.keep("email", Email::parse(&self.email));
        problems.keep("password", self.password.check());
        problems.keep("name", display_name("name", &self.name));
        let slug = problems.keep("tenant_slug", TenantSlug::parse(&self.tenant_slug));
        let field = "tenant_name";
        problems.keep(field, display_name(field, &self.tenant_name));
        let (Some(email), Some(tenant_slug), true) = (email, slug, problems.0.is_empty()) else {
            return Err(problems.into());
        };
        Ok(FirstAccount {
            email,
            name: self.name,
            password: self.password,
            tenant_slug,
            tenant_name: self.tenant_name,
        })
    }
}

/// Creates the operator's account and the first tenant, once
#[utoipa::path(
    post, path = "/v1/setup", tag = "session", operation_id = "set_up",
    responses((status = 201, description = "The operator's session", body = SessionView))
)]
async fn create(
    State(platform): State<Platform>,
    CameFrom(origin): CameFrom,
    Json(body): Json<SetUp>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let token = body.token.clone();
    let first = body.first_account()?;
    let signed_in = setup::complete(&platform, &token, first, &origin).await?;
    Ok((StatusCode::CREATED, Json(session::view(signed_in))))
}

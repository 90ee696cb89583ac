//! `/setup`: the operator's account and the first tenant, by the link printed at the first start.
//!
//! The link's token travels on in the form's body, never in a second address.

use askama::Template;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use axum_extra::extract::CookieJar;
use control::{Error, Platform, setup};
use domain::{
    Problems, TenantSlug,
    user::{Email, Password},
};
use serde::Deserialize;

use crate::{
    csrf::{self, Form},
    errors::{self, Result},
    extract::{From, Query},
    flash,
    forms::{self, Faults},
    page::Page,
    session, tenants,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new().route("/setup", get(ask).post(complete))
}

#[derive(Template)]
#[template(path = "setup/form.html")]
struct SetUp {
    csrf: String,
    form: FirstAccount,
    address: String,
    faults: Faults,
}

#[derive(Template)]
#[template(path = "setup/closed.html")]
struct Closed {
    done: bool,
}

#[derive(Default, Deserialize)]
struct FirstAccount {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    tenant_name: String,
    #[serde(default)]
    slug: String,
}

impl FirstAccount {
    const FIELDS: &[&str] = &["slug", "name", "email", "password", "tenant_name"];

    fn parse(&self) -> Result<setup::FirstAccount, Problems> {
        let mut problems = Problems::default();
        if self.name.trim().is_empty() {
            problems.push("name", "say what to call you");
        }
        let email = problems.keep("email", Email::parse(&self.email));
        let password = Password::new(self.password.as_str());
        problems.keep("password", password.check());
        if self.tenant_name.trim().is_empty() {
            problems.push("tenant_name", "give the tenant a name");
        }
        let slug = problems.keep("slug", TenantSlug::parse(self.slug.trim()));
        let (Some(email), Some(tenant_slug)) = (email, slug) else {
            return Err(problems);
        };
        problems.into_result()?;
        Ok(setup::FirstAccount {
            email,
            name: self.name.trim().to_owned(),
            password,
            tenant_slug,
            tenant_name: self.tenant_name.trim().to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

async fn ask(
    State(platform): State<Platform>,
    cookies: CookieJar,
    Query(link): Query<Link>,
) -> Result<Response> {
    if !setup::token_is_open(&platform, &link.token).await? {
        return closed(&platform).await;
    }
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let form = FirstAccount {
        token: link.token,
        ..FirstAccount::default()
    };
    let page = SetUp {
        csrf,
        form,
        address: tenants::address_pattern(&platform),
        faults: Faults::default(),
    };
    Ok((cookies, Page(page)).into_response())
}

async fn closed(platform: &Platform) -> Result<Response> {
    let done = setup::is_done(platform).await?;
    let status = if done {
        StatusCode::GONE
    } else {
        StatusCode::FORBIDDEN
    };
    Ok((status, Page(Closed { done })).into_response())
}

async fn complete(
    State(platform): State<Platform>,
    cookies: CookieJar,
    From(origin): From,
    Form(mut form): Form<FirstAccount>,
) -> Result<Response> {
    let error = match form.parse() {
        Ok(first) => {
            let home = format!("/tenants/{}", first.tenant_slug);
            match setup::complete(&platform, &form.token, first, &origin).await {
                Ok(signed_in) => {
                    let welcome = flash::say(&platform, "Atoll is set up. Deploy something next.");
                    let cookies = session::signed_in_cookie(&platform, signed_in);
                    return Ok((welcome, cookies, Redirect::to(&home)).into_response());
                }
                Err(Error::NotFound(_)) => return closed(&platform).await,
                Err(error) => error,
            }
        }
        Err(problems) => problems.into(),
    };
    let status = errors::status(&error);
    let faults = forms::mendable(error, FirstAccount::FIELDS)?;
    form.password.clear();
    let (cookies, csrf) = csrf::anonymous(&platform, cookies);
    let page = SetUp {
        csrf,
        form,
        address: tenants::address_pattern(&platform),
        faults,
    };
    Ok((status, cookies, Page(page)).into_response())
}

//! `/account`: what people call one, the password, and where one is signed in.

use askama::Template;
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use control::{Actor, Error, Platform, passwords, profile, sessions};
use domain::{Invalid, SessionId, user::Password};
use serde::Deserialize;

use crate::{
    csrf::{Form, Nothing},
    errors::{self, Result},
    extract::{After, Path, Query, SignedIn, Visit},
    flash,
    format::{Mark, When},
    forms::{self, Faults},
    frame::Frame,
    page::Page,
};

pub(crate) fn routes() -> Router<Platform> {
    Router::new()
        .route("/account", get(show).post(rename))
        .route("/account/password", post(change_password))
        .route("/account/sessions/{session}/end", post(end))
}

#[derive(Template)]
#[template(path = "account/show.html")]
struct Show {
    frame: Frame,
    name: String,
    email: String,
    revision: i64,
    sessions: Vec<Row>,
    next_cursor: Option<String>,
    faults: Faults,
}

/// The session that the page is seen by.
pub(crate) const HERE: Mark = Mark::new("This one", "good");

struct Row {
    id: String,
    address: String,
    begun: When,
    used: When,
    is_this: bool,
}

async fn show(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Query(from): Query<After>,
) -> Result<Page<Show>> {
    page(&platform, &actor, visit, from, Faults::default()).await
}

async fn page(
    platform: &Platform,
    actor: &Actor,
    visit: Visit,
    from: After,
    faults: Faults,
) -> Result<Page<Show>> {
    let user = sessions::me(platform, actor).await?;
    let listed = sessions::list(platform, actor, &from.request()).await?;
    let now = platform.clock.now();
    let rows = listed.items.into_iter().map(|session| Row {
        is_this: actor.session() == Some(session.id),
        id: session.id.to_string(),
        address: session.address.unwrap_or_else(|| "unknown".to_owned()),
        begun: When::new(session.created_at, now),
        used: When::new(session.used_at, now),
    });
    Ok(Page(Show {
        name: user.name,
        email: user.email.to_string(),
        revision: user.revision,
        sessions: rows.collect(),
        next_cursor: listed.next_cursor,
        faults,
        frame: Frame {
            at_account: true,
            ..Frame::of(platform, actor, visit).await?
        },
    }))
}

fn saved(platform: &Platform, said: &str) -> Response {
    (flash::say(platform, said), Redirect::to("/account")).into_response()
}

async fn refused(
    platform: &Platform,
    actor: &Actor,
    visit: Visit,
    error: Error,
    fields: &[&str],
) -> Result<(axum::http::StatusCode, Page<Show>)> {
    let status = errors::status(&error);
    let faults = forms::mendable(error, fields)?;
    let page = page(platform, actor, visit, After::default(), faults).await?;
    Ok((status, page))
}

#[derive(Deserialize)]
struct Renaming {
    revision: i64,
    #[serde(default)]
    name: String,
}

async fn rename(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Form(form): Form<Renaming>,
) -> Result<Response> {
    match profile::rename(&platform, &actor, form.name.clone(), form.revision).await {
        Ok(_) => Ok(saved(&platform, "Saved.")),
        Err(error) => {
            let (status, mut page) = refused(&platform, &actor, visit, error, &["name"]).await?;
            page.0.name = form.name;
            Ok((status, page).into_response())
        }
    }
}

#[derive(Deserialize)]
struct Passwords {
    #[serde(default)]
    current_password: String,
    #[serde(default)]
    new_password: String,
}

async fn change_password(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    visit: Visit,
    Form(form): Form<Passwords>,
) -> Result<Response> {
    let (current, new) = (
        Password::new(form.current_password),
        Password::new(form.new_password),
    );
    let error = match passwords::change(&platform, &actor, &current, &new).await {
        Ok(()) => {
            let said = "Your password is changed, and every other session has ended.";
            return Ok(saved(&platform, said));
        }
        Err(Error::WrongCredentials) => {
            Invalid::new("current_password", "this is not your password").into()
        }
        Err(error) => error,
    };
    let fields = &["new_password", "current_password"];
    let refused = refused(&platform, &actor, visit, error, fields).await?;
    Ok(refused.into_response())
}

#[derive(Deserialize)]
struct OfSession {
    session: SessionId,
}

async fn end(
    State(platform): State<Platform>,
    SignedIn(actor): SignedIn,
    Path(of): Path<OfSession>,
    Form(Nothing {}): Form<Nothing>,
) -> Result<Response> {
    match sessions::end(&platform, &actor, of.session).await {
        // It ended by itself meanwhile, perhaps.
        Ok(()) | Err(Error::NotFound(_)) => Ok(saved(&platform, "That session has ended.")),
        Err(error) => Err(error.into()),
    }
}

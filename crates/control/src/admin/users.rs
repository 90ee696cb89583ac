//! Users, and who of them is an operator. There always is one.

use domain::{
    Problems, UserId,
    page::{Page, PageRequest},
};
use serde_json::json;
use store::users::{self, User};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
    functions::check_text,
};

const MAX_SEARCH: usize = 100;

/// By e-mail address. `search` is a part of the address or of the name.
pub async fn list(
    p: &Platform,
    _: &Operator,
    search: Option<String>,
    operator: Option<bool>,
    page: &PageRequest,
) -> Result<Page<User>, Error> {
    let mut problems = Problems::default();
    for (field, text) in [("q", &search), ("cursor", &page.cursor)] {
        let text = text.as_deref().unwrap_or_default();
        let max = if field == "q" { MAX_SEARCH } else { 512 };
        check_text(&mut problems, field, text, max);
    }
    problems.into_result()?;
    let (limit, after) = (page.limit(), page.cursor.as_deref());
    let mut tx = p.db.platform().await?;
    let search = search.as_deref();
    let found = users::list(&mut tx, search, operator, after, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |user| user.email.to_string()))
}

/// By id.
pub async fn get(p: &Platform, _: &Operator, user: UserId) -> Result<User, Error> {
    let mut tx = p.db.platform().await?;
    let found = users::lock_account(&mut tx, user).await?;
    found.ok_or(Error::NotFound("user"))
}

pub async fn set_operator(
    p: &Platform,
    by: &Operator,
    user: UserId,
    operator: bool,
    revision: i64,
) -> Result<User, Error> {
    let mut tx = p.db.platform().await?;
    let operators = users::lock_operators(&mut tx).await?;
    let before = users::lock_account(&mut tx, user).await?;
    let before = before.ok_or(Error::NotFound("user"))?;
    if before.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    if before.operator && !operator && operators <= 1 {
        let detail = "this is the last operator; make another first";
        return Err(Error::Conflict(detail.to_owned()));
    }
    users::set_operator(&mut tx, user, operator, p.clock.now()).await?;
    let change = Change {
        action: "user.changed",
        subject: user.to_string(),
        before: json!({ "operator": before.operator }),
        after: json!({ "operator": operator }),
    };
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    let after = users::lock_account(&mut tx, user).await?;
    tx.commit().await?;
    after.ok_or(Error::NotFound("user"))
}

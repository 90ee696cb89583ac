//! What people change of themselves.

use domain::name::display_name;
use serde_json::json;
use store::users::{self, User};

use crate::{
    Actor, Error, Platform,
    audit::{self, By, Change},
};

/// `revision` is the one the caller read; `PreconditionFailed` where it is no longer.
pub async fn rename(p: &Platform, by: &Actor, name: String, revision: i64) -> Result<User, Error> {
    let name = display_name("name", &name)?;
    let (user, _) = by.signed_in()?;
    let mut tx = p.db.nobody().await?;
    let before = users::find(&mut tx, user).await?;
    let before = before.ok_or(Error::Unauthenticated)?;
    let after = users::rename(&mut tx, user, &name, revision, p.clock.now()).await?;
    let after = after.ok_or(Error::PreconditionFailed)?;
    let change = Change {
        action: "user.renamed",
        subject: user.to_string(),
        before: json!({ "name": before.name }),
        after: json!({ "name": after.name }),
    };
    audit::record_by(&mut tx, p, None, By::from(by), change).await?;
    tx.commit().await?;
    Ok(after)
}

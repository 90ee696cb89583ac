//! Tokens by which workers join: any number of workers by each, until it is revoked.

use domain::{
    JoinTokenId,
    name::display_name,
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::join_tokens::{self, JoinToken};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
    tokens::{self, Token},
};

pub use store::join_tokens::JoinToken as Row;

/// A token with its secret, which is told this once.
#[derive(Clone)]
pub struct Told {
    pub token: JoinToken,
    pub secret: String,
}

/// Newest first; the revoked ones too.
pub async fn list(
    p: &Platform,
    _: &Operator,
    page: &PageRequest,
) -> Result<Page<JoinToken>, Error> {
    let cursor = page.cursor.as_deref().map(str::parse::<JoinTokenId>);
    let before = cursor.transpose().map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = p.db.platform().await?;
    let found = join_tokens::list(&mut tx, before, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |token| token.id.to_string()))
}

pub async fn create(p: &Platform, by: &Operator, name: &str) -> Result<Told, Error> {
    let token = JoinToken {
        id: JoinTokenId::generate(),
        name: display_name("name", name)?,
        created_by: by.user(),
        created_at: p.clock.now(),
        revoked_at: None,
    };
    // The prefix lets scanners of leaked secrets find one.
    let secret = format!("atoll_join_{}", Token::generate().text);
    let mut tx = p.db.platform().await?;
    join_tokens::insert(&mut tx, &token, &tokens::hash(&secret)).await?;
    let change = Change {
        action: "join_token.created",
        subject: token.id.to_string(),
        before: Value::Null,
        after: json!({ "name": token.name }),
    };
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    tx.commit().await?;
    Ok(Told { token, secret })
}

/// No worker joins by it any more. Those that did stay, until they are forgotten or start anew.
pub async fn revoke(p: &Platform, by: &Operator, token: JoinTokenId) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    let name = join_tokens::revoke(&mut tx, token, p.clock.now()).await?;
    let name = name.ok_or(Error::NotFound("join token"))?;
    let change = Change {
        action: "join_token.revoked",
        subject: token.to_string(),
        before: json!({ "name": name }),
        after: Value::Null,
    };
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    tx.commit().await?;
    Ok(())
}

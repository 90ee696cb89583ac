//! The `user_account` table: people who sign in.

use domain::{Timestamp, UserId, user::Email};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    pub email: Email,
    pub name: String,
    /// Runs the platform: may do what concerns all tenants.
    pub operator: bool,
    /// Changes with every write of what the person may change; the strong ETag is made of it.
    pub revision: i64,
    pub created_at: Timestamp,
}

pub async fn insert(db: &mut Connection, user: &User, password_hash: &str) -> Result<()> {
    sqlx::query!(
        "insert into user_account (user_id, email, name, operator, password_hash, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $6)",
        user.id as _,
        user.email.as_str(),
        user.name,
        user.operator,
        password_hash,
        user.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn find(db: &mut Connection, user: UserId) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"select user_id as "id: _", email as "email: _", name, operator, revision, created_at
             from user_account
            where user_id = $1"#,
        user as _,
    )
    .fetch_optional(db)
    .await
}

/// None where the row is of another revision by now.
pub async fn rename(
    db: &mut Connection,
    user: UserId,
    name: &str,
    revision: i64,
    now: Timestamp,
) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"update user_account set name = $2, revision = revision + 1, updated_at = $4
            where user_id = $1 and revision = $3
        returning user_id as "id: _", email as "email: _", name, operator, revision, created_at"#,
        user as _,
        name,
        revision,
        now,
    )
    .fetch_optional(db)
    .await
}

/// Locked until the transaction ends.
pub async fn lock(db: &mut Connection, user: UserId) -> Result<()> {
    sqlx::query!(
        "select user_id from user_account where user_id = $1 for update",
        user as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(())
}

pub async fn find_by_email(db: &mut Connection, email: &Email) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"select user_id as "id: _", email as "email: _", name, operator, revision, created_at
             from user_account
            where email = $1"#,
        email.as_str(),
    )
    .fetch_optional(db)
    .await
}

/// An account and its password's hash, which is absent where it never had one.
pub async fn find_with_password(
    db: &mut Connection,
    email: &Email,
) -> Result<Option<(User, Option<String>)>> {
    let row = sqlx::query!(
        r#"select user_id as "id: UserId", email as "email: Email", name, operator, password_hash,
                  revision, created_at
             from user_account
            where email = $1"#,
        email.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| {
        let user = User {
            id: row.id,
            email: row.email,
            name: row.name,
            operator: row.operator,
            revision: row.revision,
            created_at: row.created_at,
        };
        (user, row.password_hash)
    }))
}

/// Whether the password is still the one that was checked; it stays so until the transaction ends.
pub async fn password_stays(
    db: &mut Connection,
    user: UserId,
    password_hash: &str,
) -> Result<bool> {
    let found = sqlx::query!(
        "select user_id from user_account where user_id = $1 and password_hash = $2 for share",
        user as _,
        password_hash,
    )
    .fetch_optional(db)
    .await?;
    Ok(found.is_some())
}

pub async fn set_password_hash(
    db: &mut Connection,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update user_account set password_hash = $2, updated_at = $3 where user_id = $1",
        user as _,
        password_hash,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn operator_exists(db: &mut Connection) -> Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from user_account where operator) as "exists!""#)
        .fetch_one(db)
        .await
}

/// By e-mail address, those after `after`. `search` is a part of the address or the name, in whatever case.
/// For the platform's role, like all below.
pub async fn list(
    db: &mut Connection,
    search: Option<&str>,
    operator: Option<bool>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<User>> {
    sqlx::query_as!(
        User,
        r#"select user_id as "id: _", email as "email: _", name, operator, revision, created_at
             from user_account
            where email > $1 collate "C"
              and ($2::text is null or position(lower($2) in email) > 0 or position(lower($2) in lower(name)) > 0)
              and ($3::boolean is null or operator = $3)
            order by email collate "C"
            limit $4"#,
        after.unwrap_or_default(),
        search,
        operator,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Locked until the transaction ends.
pub async fn lock_account(db: &mut Connection, user: UserId) -> Result<Option<User>> {
    sqlx::query_as!(
        User,
        r#"select user_id as "id: _", email as "email: _", name, operator, revision, created_at
             from user_account
            where user_id = $1
              for update"#,
        user as _,
    )
    .fetch_optional(db)
    .await
}

/// Locks every operator's row, in one order, and counts them: of two who step down at once one waits,
/// and then is the last.
pub async fn lock_operators(db: &mut Connection) -> Result<usize> {
    let locked =
        sqlx::query!("select user_id from user_account where operator order by user_id for update")
            .fetch_all(db)
            .await?;
    Ok(locked.len())
}

pub async fn set_operator(
    db: &mut Connection,
    user: UserId,
    operator: bool,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update user_account set operator = $2, revision = revision + 1, updated_at = $3 where user_id = $1",
        user as _,
        operator,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

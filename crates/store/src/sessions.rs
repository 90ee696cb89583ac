//! The `session` table. It holds the hash of a session's secret: a leaked database must not be a
//! set of working cookies.

use std::net::IpAddr;

use domain::{SessionId, Timestamp, UserId, user::Email};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session that may be used, and what its user may do beyond any tenant.
#[derive(Clone, Debug)]
pub struct LiveSession {
    pub id: SessionId,
    pub user: UserId,
    pub operator: bool,
    pub used_at: Timestamp,
}

pub async fn insert(
    db: &mut Connection,
    session: &Session,
    secret_hash: &[u8; 32],
    address: Option<IpAddr>,
) -> Result<()> {
    sqlx::query!(
        "insert into session (session_id, user_id, secret_hash, address, created_at, used_at, expires_at)
         values ($1, $2, $3, $4::text::inet, $5, $6, $7)",
        session.id as _,
        session.user as _,
        secret_hash,
        address.map(|address| address.to_string()),
        session.created_at,
        session.used_at,
        session.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Neither ended nor expired, and used after `idle_since`.
pub async fn find_live(
    db: &mut Connection,
    secret_hash: &[u8; 32],
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<Option<LiveSession>> {
    sqlx::query_as!(
        LiveSession,
        r#"select s.session_id as "id: _", s.user_id as "user: _", u.operator, s.used_at
             from session s
             join user_account u on u.user_id = s.user_id
            where s.secret_hash = $1 and s.ended_at is null and s.expires_at > $2 and s.used_at > $3"#,
        secret_hash,
        now,
        idle_since,
    )
    .fetch_optional(db)
    .await
}

pub async fn touch(db: &mut Connection, session: SessionId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update session set used_at = $2 where session_id = $1",
        session as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn end(db: &mut Connection, session: SessionId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update session set ended_at = $2 where session_id = $1 and ended_at is null",
        session as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn end_all_of(db: &mut Connection, user: UserId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update session set ended_at = $2 where user_id = $1 and ended_at is null",
        user as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether this account signed in from this address of late: its own person is likely there.
pub async fn signed_in_from(db: &mut Connection, email: &Email, address: IpAddr) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from session s
                 join user_account u on u.user_id = s.user_id
                where u.email = $1 and s.address = $2::text::inet
           ) as "exists!""#,
        email.as_str(),
        address.to_string(),
    )
    .fetch_one(db)
    .await
}

/// Forgets the sessions that expired.
pub async fn sweep(db: &mut Connection, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from session where expires_at < $1", now)
        .execute(db)
        .await?;
    Ok(())
}

/// A session as its person sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: SessionId,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Those of a user that may be used, newest first, those begun before `before`.
pub async fn list_live(
    db: &mut Connection,
    user: UserId,
    now: Timestamp,
    idle_since: Timestamp,
    before: Option<SessionId>,
    limit: i64,
) -> Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"select session_id as "id: _", host(address) as address, created_at, used_at, expires_at
             from session
            where user_id = $1 and ended_at is null and expires_at > $2 and used_at > $3
              and ($4::uuid is null or session_id < $4)
            order by session_id desc
            limit $5"#,
        user as _,
        now,
        idle_since,
        before as _,
        limit,
    )
    .fetch_all(db)
    .await
}

/// False where the user has no such session that may be used.
pub async fn end_of(
    db: &mut Connection,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<bool> {
    let ended = sqlx::query!(
        "update session set ended_at = $3
          where user_id = $1 and session_id = $2 and ended_at is null and expires_at > $3",
        user as _,
        session as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(ended.rows_affected() > 0)
}

/// All of a user's but the one that stays.
pub async fn end_others(
    db: &mut Connection,
    user: UserId,
    stays: SessionId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "update session set ended_at = $3 where user_id = $1 and session_id <> $2 and ended_at is null",
        user as _,
        stays as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

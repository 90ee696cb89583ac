//! Connections: a pool for each of the two roles, and the transactions that name whose rows they see.

use domain::{TenantId, UserId};
use sqlx::{PgPool, Postgres, Transaction};

/// Both pools. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    app: PgPool,
    platform: PgPool,
}

impl Db {
    /// Migrates the database as the URL's own user, then opens the pools under `atoll_app` and `atoll_platform`.
    pub async fn connect(_url: &str, _max_connections: u32) -> sqlx::Result<Self> {
        todo!("person 4")
    }

    /// A transaction of one user, before a tenant is known: sees the user's own seats and tenants.
    pub async fn user(&self, _user: UserId) -> sqlx::Result<Transaction<'static, Postgres>> {
        todo!()
    }

    /// A transaction inside one tenant.
    pub async fn tenant(
        &self,
        _tenant: TenantId,
        _user: UserId,
    ) -> sqlx::Result<Transaction<'static, Postgres>> {
        todo!()
    }

    /// A transaction that sees no tenant's rows: for users, sessions, and what has no tenant.
    pub async fn nobody(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        self.app.begin().await
    }

    /// The platform's own work, across tenants: jobs, the snapshot, nodes.
    pub async fn platform(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        self.platform.begin().await
    }
}

//! Connections: a pool for each of the two roles, and the transactions that name whose rows they see.
//!
//! Opening connects to nothing. The database may come later or go away; what needs it then is told
//! so within seconds, and works again once it is back.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use domain::{TenantId, UserId};
use sqlx::{
    PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};

use crate::{Error, Result, Tx};

/// A request waits this long for a connection before it is answered that the database is away.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// Both pools. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Db {
    app: PgPool,
    platform: PgPool,
    owner: PgConnectOptions,
    migrated: Arc<AtomicBool>,
}

impl Db {
    /// Fails only where the URL cannot be read. [`Db::migrate`] has to succeed before anything else does.
    pub fn open(url: &str, max_connections: u32) -> Result<Self> {
        let owner = url.parse::<PgConnectOptions>()?.application_name("atoll");
        // A third is kept for the platform's own work, so that a rush of requests cannot stop it.
        let platform_connections = (max_connections / 3).max(2);
        let app_connections = max_connections.saturating_sub(platform_connections).max(2);
        let app = owner.clone().options([
            ("role", "atoll_app"),
            ("statement_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "30s"),
        ]);
        let platform = owner
            .clone()
            .options([("role", "atoll_platform"), ("statement_timeout", "60s")]);
        Ok(Self {
            app: pool(app, app_connections),
            platform: pool(platform, platform_connections),
            owner,
            migrated: Arc::default(),
        })
    }

    /// Brings the tables up to date, as the URL's own user, one process at a time.
    pub async fn migrate(&self) -> Result<()> {
        let owner = pool(self.owner.clone(), 1);
        let migrated = migrator().run(&owner).await;
        owner.close().await;
        migrated?;
        self.migrated.store(true, Ordering::Release);
        Ok(())
    }

    /// A transaction of one user, before a tenant is known: sees the user's own seats and tenants.
    pub async fn user(&self, user: UserId) -> Result<Tx> {
        let mut tx = self.nobody().await?;
        sqlx::query!(
            "select set_config('atoll.user', $1, true) as user",
            user.uuid().to_string()
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok(tx)
    }

    /// A transaction inside one tenant; a tenant's own token is nobody's in particular.
    pub async fn tenant(&self, tenant: TenantId, user: Option<UserId>) -> Result<Tx> {
        let mut tx = self.nobody().await?;
        sqlx::query!(
            "select set_config('atoll.tenant', $1, true) as tenant, set_config('atoll.user', $2, true) as user",
            tenant.uuid().to_string(),
            user.map(|user| user.uuid().to_string()).unwrap_or_default(),
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok(tx)
    }

    /// A transaction that sees no tenant's rows: for users, sessions, and what has no tenant.
    pub async fn nobody(&self) -> Result<Tx> {
        self.require_migrated()?;
        self.app.begin().await
    }

    /// The platform's own work, across tenants: jobs, the snapshot, nodes.
    pub async fn platform(&self) -> Result<Tx> {
        self.require_migrated()?;
        self.platform.begin().await
    }

    /// Hears notifications on a connection of its own, as the platform.
    pub async fn listen(&self, channel: &str) -> Result<PgListener> {
        self.require_migrated()?;
        let mut listener = PgListener::connect_with(&self.platform).await?;
        listener.listen(channel).await?;
        Ok(listener)
    }

    /// Whether a request would reach the database now.
    pub async fn ping(&self) -> Result<()> {
        let mut tx = self.nobody().await?;
        sqlx::query!("select 1 as one").fetch_one(&mut *tx).await?;
        Ok(())
    }

    /// Lets go of every connection; waits for those in use.
    pub async fn close(&self) {
        self.app.close().await;
        self.platform.close().await;
    }

    /// Before that the roles may not exist, and a query would fail for a reason nobody could read.
    fn require_migrated(&self) -> Result<()> {
        if self.migrated.load(Ordering::Acquire) {
            return Ok(());
        }
        let reason = "the database was not reached since this process started";
        Err(Error::Io(io::Error::new(
            io::ErrorKind::NotConnected,
            reason,
        )))
    }
}

fn pool(options: PgConnectOptions, max_connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(Duration::from_secs(300))
        .connect_lazy_with(options)
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    // In a rolling update the next release may have run its migrations while this one restarts.
    migrator.set_ignore_missing(true);
    migrator
}

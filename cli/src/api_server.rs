//! One API server: the platform's jobs and the listener, started and stopped together.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context;
use control::{Clock, Config, Platform};
use domain::user::{Email, Password};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    args::ApiArgs,
    settings::{api_server as settings, reader::process_variables},
};

const RETRY: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: ApiArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let settings = settings::read(&args, &process_variables)?;
    let public_url = settings.config.public_url.clone();
    let starting = ApiServer::start(settings.config, settings.listen, settings.tls);
    let server = tokio::select! {
        server = starting => server?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(listen = %server.address, public_url = %public_url, "the API server answers");
    tokio::select! {
        prepared = server.prepare(settings.operator) => {
            prepared?;
            stop.cancelled().await;
        }
        () = stop.cancelled() => {}
    }
    tracing::info!("stopping");
    server.stop().await;
    Ok(())
}

pub(crate) struct ApiServer {
    platform: Platform,
    pub address: SocketAddr,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl ApiServer {
    pub(crate) async fn start(
        config: Config,
        listen: SocketAddr,
        tls: Option<(PathBuf, PathBuf)>,
    ) -> anyhow::Result<Self> {
        let platform = Platform::open(config, Clock::System).await?;
        let tls = tls.map(|(certificate, key)| api::TlsFiles { certificate, key });
        let server = api::Server::bind(platform.clone(), listen, tls).await?;
        let address = server.local_addr();

        let stop = CancellationToken::new();
        let jobs = {
            let (platform, stop) = (platform.clone(), stop.clone());
            tokio::spawn(async move { platform.run(stop.cancelled_owned()).await })
        };
        let requests = tokio::spawn(server.run(stop.clone().cancelled_owned()));
        Ok(Self {
            platform,
            address,
            stop,
            tasks: [requests, jobs],
        })
    }

    /// Waits for the database, which may be away, and creates the operator if there is none.
    pub(crate) async fn prepare(&self, operator: Option<(Email, Password)>) -> anyhow::Result<()> {
        self.platform.prepared().await;
        let Some((email, password)) = operator else {
            return Ok(());
        };
        loop {
            match control::setup::create_operator(&self.platform, &email, &password).await {
                Err(control::Error::Unavailable { .. }) => tokio::time::sleep(RETRY).await,
                created => {
                    return created.context("cannot create the operator of ATOLL_ADMIN_EMAIL");
                }
            }
        }
    }

    /// `None` once there is an operator.
    #[cfg(feature = "worker")]
    pub(crate) async fn setup_link(&self) -> anyhow::Result<Option<String>> {
        Ok(control::setup::link(&self.platform).await?)
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // It only fails if it panicked, which the panic itself has told.
            let _ = task.await;
        }
    }
}

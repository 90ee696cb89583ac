//! `atoll up`: everything on one machine, each part as it runs in production.
//!
//! The API server runs in this process, the database and the worker as its children. What is
//! started last is stopped first.

mod data_folder;
mod ports;
mod postgres;
mod welcome;
mod worker_child;

use std::path::Path;

use anyhow::Context;
use control::{Config, Keys};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    api_server::ApiServer,
    args::UpArgs,
    logging::LogFormat,
    settings::{
        api_server::{Shared, hash_of_join_token},
        reader::{folder_url, process_variables},
        up::{self as settings, UpSettings},
    },
};
use data_folder::{DataFolder, Running};
use postgres::Cluster;
use worker_child::WorkerChild;

pub(crate) use data_folder::running_in;

pub(crate) async fn run(
    args: UpArgs,
    log_format: LogFormat,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let settings = settings::read(&args, &process_variables)?;
    let mut data = DataFolder::open(&settings.data)?;
    ports::check_free(&settings).await?;

    if let Some(url) = settings.shared.database_url.clone() {
        return serve(&settings, &mut data, url, log_format, stop).await;
    }
    let starting = Cluster::start(data.path());
    let mut cluster = tokio::select! {
        cluster = starting => cluster?,
        () = stop.cancelled() => return Ok(()),
    };
    let url = cluster.url();
    let served = tokio::select! {
        served = serve(&settings, &mut data, url, log_format, stop) => served,
        error = cluster.died() => return Err(error),
    };
    let stopped = cluster.stop().await;
    served.and(stopped)
}

/// Runs the API server and the worker on a database that is there.
async fn serve(
    settings: &UpSettings,
    data: &mut DataFolder,
    database_url: String,
    log_format: LogFormat,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let join_token = hex::encode(rand::random::<[u8; 32]>());
    worker::development_ca::ensure(data.path(), &settings.apps_domain)?;
    let blobs_url = blobs_url(settings, data.path())?;
    let running = Running {
        pid: std::process::id(),
        database_url,
        blobs_url: blobs_url.to_string(),
        public_url: settings.public_url.to_string(),
        apps_domain: settings.apps_domain.clone(),
        functions: settings.functions,
        development_ca: data.path().join("ca.pem"),
    };
    let mut config = config(&running, &data.secret()?, &settings.shared)?;
    config.join_token = Some(hash_of_join_token(&join_token));
    let starting = ApiServer::start(config, settings.console, None);
    let server = tokio::select! {
        server = starting => server?,
        () = stop.cancelled() => return Ok(()),
    };
    let worker = WorkerChild::start(worker_child::Setup {
        program: settings.shared.compile_program.clone(),
        api_url: crate::settings::up::local_url(settings.console),
        functions: settings.functions,
        network: settings.network.clone(),
        apps_domain: settings.apps_domain.clone(),
        blobs_url,
        cache: data.path().join("worker"),
        authority: data.path().to_owned(),
        join_token,
        log_format,
    });

    data.write_running(&running)?;
    let welcome = async {
        server.prepare(settings.shared.operator.clone()).await?;
        worker.ready().await;
        let link = server.setup_link().await?;
        welcome::print(
            settings,
            data.path(),
            &running.development_ca,
            link.as_deref(),
        );
        anyhow::Ok(())
    };
    let started = tokio::select! {
        started = welcome => started,
        () = stop.cancelled() => Ok(()),
    };
    if started.is_ok() {
        stop.cancelled().await;
        tracing::info!("stopping");
    }
    // The worker drains while the API server is still there to hear of it.
    worker.stop().await;
    server.stop().await;
    started
}

/// The control plane on what runs here, for the API server and for `atoll admin` beside it.
pub(crate) fn config(running: &Running, secret: &str, shared: &Shared) -> anyhow::Result<Config> {
    Ok(Config {
        database_url: running.database_url.clone(),
        blobs_url: running.blobs_url.parse()?,
        public_url: running.public_url.parse()?,
        apps_domain: running.apps_domain.clone(),
        functions_addr: running.functions,
        domains_target: shared.domains_target.clone(),
        dns_server: shared.dns_server,
        development_ca: Some(running.development_ca.clone()),
        keys: Keys::from_hex(secret).context("the secret of the data folder")?,
        join_token: None,
        smtp: shared.smtp.clone(),
        registration: shared.registration,
        upload_max_bytes: shared.upload_max_bytes,
        compile_program: shared.compile_program.clone(),
        compile_limits: shared.compile_limits,
        retention: shared.retention,
    })
}

fn blobs_url(settings: &UpSettings, data: &Path) -> anyhow::Result<Url> {
    if let Some(url) = &settings.shared.blobs_url {
        return Ok(url.clone());
    }
    let folder = data.join("blobs");
    data_folder::make_private(&folder)?;
    folder_url(&folder).map_err(anyhow::Error::msg)
}

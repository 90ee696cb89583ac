//! What an operator does without the console: on the database of a running `atoll up`, or as `atoll api` is configured.

use anyhow::Context;
use control::{Clock, Config, Platform};
use domain::user::Email;

use crate::{
    args::{AdminArgs, AdminTask},
    settings::{api_server as settings, reader::process_variables},
};

const SET_UP: &str = "there is an operator already; sign in, or use `atoll admin reset-password`";

pub(crate) async fn run(args: AdminArgs) -> anyhow::Result<()> {
    let platform = Platform::open(config(&args)?, Clock::System).await?;
    match args.task {
        AdminTask::ResetPassword { email } => {
            let email = Email::parse(&email).map_err(|problem| problem.at("EMAIL"))?;
            let link = control::passwords::issue_reset(&platform, &email).await?;
            println!("{link}");
        }
        AdminTask::SetupLink => {
            let link = control::setup::link(&platform).await?;
            println!("{}", link.context(SET_UP)?);
        }
    }
    Ok(())
}

#[cfg(feature = "worker")]
fn config(args: &AdminArgs) -> anyhow::Result<Config> {
    use crate::{settings::reader::Reader, settings::up::data_folder, up};

    let database_named =
        args.server.shared.database_url.is_some() || std::env::var_os("DATABASE_URL").is_some();
    if args.data.is_none() && database_named {
        return configured(args);
    }
    let mut reader = Reader::new(&process_variables);
    let data = data_folder(args.data.as_deref(), &mut reader);
    let shared = settings::shared(&args.server.shared, &mut reader);
    let (Some(data), Some(shared), true) = (data, shared, reader.problems.0.is_empty()) else {
        return Err(reader.problems.into());
    };
    let (running, secret) = up::running_in(&data)?;
    up::config(&running, &secret, &shared)
}

#[cfg(not(feature = "worker"))]
fn config(args: &AdminArgs) -> anyhow::Result<Config> {
    configured(args)
}

fn configured(args: &AdminArgs) -> anyhow::Result<Config> {
    Ok(settings::read(&args.server, &process_variables)?.config)
}

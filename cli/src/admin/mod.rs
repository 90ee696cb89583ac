//! What an operator does without the console: on the database of a running `atoll up`, or as `atoll api` is configured.

pub(crate) mod args;
mod fleet;
mod plans;
mod print;
mod tenants;

use anyhow::Context;
use api::admin::keys::RotationView;
use control::{Clock, Config, Error, Operator, Platform};
use domain::{
    page::{Page, PageRequest},
    user::Email,
};

use self::{args::AdminTask, print::Printer};
use crate::{
    args::AdminArgs,
    settings::{api_server as settings, reader::process_variables},
};

const SET_UP: &str = "there is an operator already; sign in, or use `atoll admin reset-password`";

pub(crate) async fn run(args: AdminArgs) -> anyhow::Result<()> {
    let platform = Platform::open(config(&args)?, Clock::System).await?;
    let (operator, printer) = (operator(), Printer { json: args.json });
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
        AdminTask::Tenants(task) => {
            tenants::run(&platform, &operator, task, &printer).await?;
        }
        AdminTask::Plans(task) => plans::run(&platform, &operator, task, &printer).await?,
        AdminTask::Nodes(task) => fleet::nodes(&platform, &operator, task, &printer).await?,
        AdminTask::Jobs(task) => fleet::jobs(&platform, &operator, task, &printer).await?,
        AdminTask::RotateKeys => {
            let begun = control::vault::rotate(&platform, &operator).await?;
            printer.one(&RotationView::from(begun))?;
        }
        AdminTask::JoinToken(task) => {
            fleet::join_tokens(&platform, &operator, task, &printer).await?;
        }
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the command that the proof is made for"
)]
fn operator() -> Operator {
    control::access::at_the_machine()
}

/// All pages of a list.
async fn whole<T>(
    list: impl AsyncFn(PageRequest) -> Result<Page<T>, Error>,
) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    let mut cursor = None;
    loop {
        let limit = Some(PageRequest::MAX_LIMIT);
        let page = list(PageRequest { limit, cursor }).await?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(items);
        }
    }
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

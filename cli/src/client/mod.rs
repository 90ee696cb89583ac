//! The client: what a developer types. It knows the REST API and nothing else of the platform.

pub(crate) mod args;

mod aliases;
mod api;
mod audit;
mod configuration;
mod context;
mod credentials;
mod deploy;
mod deployments;
mod failure;
mod functions;
mod init;
mod invoke;
mod login;
mod logs;
mod manifest;
mod members;
mod output;
mod progress;
mod session;
mod terminal;
mod text;
mod tokens;
mod versions;

use std::process::ExitCode;

use clap::CommandFactory as _;

use self::{
    args::{ClientCommand, Options},
    context::Context,
    failure::{Exit, Failure},
    output::Output,
};

pub(crate) fn run(command: ClientCommand) -> ExitCode {
    // TLS libraries ask for a process-wide choice; the first one made stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = options(&command).cloned();
    let out = Output {
        json: options.as_ref().is_some_and(|options| options.json),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(dispatch(command, options)),
        Err(error) => Err(Failure::Failed(format!("cannot start: {error}"))),
    };
    match ended {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failed(&failure, out),
    }
}

fn failed(failure: &Failure, out: Output) -> ExitCode {
    if !matches!(failure, Failure::Closed | Failure::Told) {
        out.note(format!("atoll: {failure}"));
        if out.json {
            // Whether or not it can be written, the exit code tells.
            let _ = out.json(&failure.json());
        }
    }
    failure.exit().into()
}

fn options(command: &ClientCommand) -> Option<&Options> {
    use ClientCommand::*;
    Some(match command {
        Login(args) => &args.options,
        Logout(args) => &args.options,
        Whoami(args) => &args.options,
        Init(args) => &args.options,
        Deploy(args) => &args.options,
        Functions(args) => &args.options,
        Versions(args) => &args.options,
        Deployments(args) => &args.options,
        Rollback(args) => &args.options,
        Split(args) => &args.options,
        Logs(args) => &args.options,
        Invoke(args) => &args.options,
        Aliases(args) => &args.options,
        Variables(args) => &args.options,
        Secrets(args) => &args.options,
        Tokens(args) => &args.options,
        Members(args) => &args.options,
        Audit(args) => &args.options,
        Completions { .. } => return None,
    })
}

async fn dispatch(command: ClientCommand, options: Option<Options>) -> Result<(), Failure> {
    use ClientCommand::*;
    let Some(options) = options else {
        return match command {
            Completions { shell } => completions(shell),
            _ => unreachable!("every other command has options"),
        };
    };
    let context = Context::new(options);
    match command {
        Login(args) => login::login(&context, args).await,
        Logout(args) => login::logout(&context, args.forget).await,
        Whoami(_) => login::whoami(&context).await,
        Init(args) => init::init(&context, args),
        Deploy(args) => deploy::deploy(&context, args).await,
        Functions(args) => functions::run(&context, args.task).await,
        Versions(args) => versions::run(&context, args.task).await,
        Deployments(args) => deployments::run(&context, args.task).await,
        Rollback(args) => deployments::roll_back(&context, args).await,
        Split(args) => deployments::split(&context, args).await,
        Logs(args) => logs::logs(&context, args).await,
        Invoke(args) => invoke::invoke(&context, args).await,
        Aliases(args) => aliases::run(&context, args.task).await,
        Variables(args) => configuration::variables(&context, args.task).await,
        Secrets(args) => configuration::secrets(&context, args.task).await,
        Tokens(args) => tokens::run(&context, args).await,
        Members(args) => members::run(&context, args.task).await,
        Audit(args) => audit::list(&context, args).await,
        Completions { shell } => completions(shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut crate::args::Cli::command(),
        "atoll",
        &mut script,
    );
    Output { json: false }.bytes(&script)
}

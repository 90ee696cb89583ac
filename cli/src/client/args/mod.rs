//! The client's part of the command line. Here values are parsed as well: each says by itself what it may be.

#![cfg_attr(
    doc,
    allow(
        rustdoc::bare_urls,
        rustdoc::invalid_html_tags,
        reason = "these comments are the help text, which a terminal shows as it is"
    )
)]

mod nouns;

use std::path::PathBuf;

use clap::{ArgAction, Args, Subcommand};
use clap_complete::Shell;

pub(crate) use self::nouns::*;
use super::text::{FunctionRef, Header, Since, TenantRef, Weight};

/// What every command takes; each may also come before the command's own subcommand.
#[derive(Args, Clone)]
pub(crate) struct Options {
    /// The server, as its console's address [env: ATOLL_API] [default: the one of the last `atoll login`]
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub api: Option<String>,
    /// The tenant's slug or id [env: ATOLL_TENANT] [default: atoll.toml's, or the only one]
    #[arg(
        long,
        global = true,
        value_name = "TENANT",
        help_heading = "Connection"
    )]
    pub tenant: Option<TenantRef>,
    /// Certificates (PEM) of the authorities that vouch for the server [env: ATOLL_CA] [default: the system's]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Connection")]
    pub ca: Option<PathBuf>,
    /// Write the result as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub(crate) enum ClientCommand {
    /// Sign in to a server; this machine gets an access token of its own.
    Login(Login),
    /// Sign out: the credential kept here ends on the server too.
    Logout(Logout),
    /// Say who is signed in, and where.
    Whoami(Plain),
    /// Write a minimal atoll.toml.
    Init(Init),
    /// Build, upload and deploy a function, and print its URL.
    Deploy(Deploy),
    /// List, show and delete functions.
    Functions(Functions),
    /// List, show and download the versions of a function.
    Versions(Versions),
    /// What was live, and when.
    Deployments(Deployments),
    /// Deploy again what was live before.
    Rollback(Rollback),
    /// Share a function's traffic between two versions: `atoll split shop v3=90 v4=10`
    Split(Split),
    /// Show what a function wrote.
    Logs(Logs),
    /// Call a function through the platform, private or not.
    Invoke(Invoke),
    /// Names for versions, and their previews.
    Aliases(Aliases),
    /// Values that a function reads by name.
    Variables(Variables),
    /// Values that a function reads and nobody else.
    Secrets(Secrets),
    /// Access tokens for programs: your own, or with --tenant the tenant's.
    Tokens(Tokens),
    /// Who is in the tenant.
    Members(Members),
    /// Who changed what in the tenant.
    Audit(Audit),
    /// Print a script that completes commands in a shell.
    Completions { shell: Shell },
}

#[derive(Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Login {
    /// Who signs in; asked for if left out
    #[arg(long, value_name = "EMAIL")]
    pub email: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    pub password_stdin: bool,
    /// Read an access token from standard input, and keep that one
    #[arg(long, conflicts_with = "email")]
    pub token_stdin: bool,
    /// What this machine may do, such as functions:deploy [default: all scopes]
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        value_delimiter = ',',
        conflicts_with = "token_stdin"
    )]
    pub scopes: Vec<String>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Logout {
    /// Forget the credential here alone, without telling the server
    #[arg(long)]
    pub forget: bool,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Init {
    /// Folder of the project
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
    /// The function's name [default: the folder's]
    #[arg(long)]
    pub name: Option<domain::FunctionName>,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Deploy {
    /// A module to deploy in the place of what atoll.toml builds
    #[arg(value_name = "FILE.wasm")]
    pub file: Option<PathBuf>,
    /// The function's name [default: atoll.toml's, or the file's]
    #[arg(long, short)]
    pub function: Option<domain::FunctionName>,
    /// What changed, for people
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub message: String,
    /// Deploy what was built before
    #[arg(long)]
    pub no_build: bool,
    #[command(flatten)]
    pub manifest: ManifestFile,
    #[command(flatten)]
    pub options: Options,
}

/// Where the project is described.
#[derive(Args, Clone)]
pub(crate) struct ManifestFile {
    /// The project's description [default: atoll.toml, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Names a function, or leaves that to atoll.toml.
#[derive(Args)]
pub(crate) struct OfFunction {
    /// The function's name or id [default: atoll.toml's]
    pub function: Option<FunctionRef>,
}

#[derive(Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub of: OfFunction,
    /// Why, for people
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub message: String,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Split {
    /// The function's name or id
    pub function: FunctionRef,
    /// Versions and their percentages, which sum to 100: v3=90 v4=10
    #[arg(required = true, value_name = "VERSION=PERCENT")]
    pub traffic: Vec<Weight>,
    /// Why, for people
    #[arg(long, short, default_value = "", hide_default_value = true)]
    pub message: String,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub of: OfFunction,
    /// Go on with new lines as they are written, until Ctrl-C
    #[arg(long, short)]
    pub follow: bool,
    /// Lines from then on: 10m, 2h, 7d, or a moment such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// Lines before then, in the same form
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub until: Option<Since>,
    /// trace, debug, info, warn, error or critical
    #[arg(long)]
    pub level: Option<String>,
    /// stdout, stderr, log or platform
    #[arg(long)]
    pub stream: Option<String>,
    /// Lines that contain this
    #[arg(long, short, value_name = "TEXT")]
    pub query: Option<String>,
    /// Lines of one invocation, req_…
    #[arg(long, value_name = "ID")]
    pub request: Option<domain::RequestId>,
    /// How many at most, the last ones
    #[arg(long, short = 'n', default_value_t = 100, value_name = "COUNT")]
    pub limit: usize,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Args)]
pub(crate) struct Invoke {
    #[command(flatten)]
    pub of: OfFunction,
    /// The path and query that the function sees
    #[arg(long, short, default_value = "/")]
    pub path: String,
    /// The method that it sees [default: GET, with --data POST]
    #[arg(long, short = 'X')]
    pub method: Option<String>,
    /// The body; @FILE reads a file, @- standard input
    #[arg(long, short)]
    pub data: Option<String>,
    /// A header, `name: value`
    #[arg(long = "header", short = 'H', value_name = "HEADER", action = ArgAction::Append)]
    pub headers: Vec<Header>,
    /// Show the call's last log lines too
    #[arg(long)]
    pub logs: bool,
    /// Show the status and the headers too
    #[arg(long, short)]
    pub include: bool,
    #[command(flatten)]
    pub options: Options,
}

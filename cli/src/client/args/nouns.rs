//! The commands that are named after what they show and change.

#![cfg_attr(
    doc,
    allow(
        rustdoc::bare_urls,
        rustdoc::invalid_html_tags,
        reason = "these comments are the help text, which a terminal shows as it is"
    )
)]

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{AliasName, ConfigName, Role, TokenId};

use super::{OfFunction, Options};
use crate::client::text::{self, Assignment, FunctionRef, Since, Span, VersionNumber};

#[derive(Args)]
pub(crate) struct Functions {
    #[command(subcommand)]
    pub task: FunctionsTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum FunctionsTask {
    /// The tenant's functions
    List,
    /// One function, with its settings
    Show(OfFunction),
    /// Delete a function with its versions; its URL answers 404
    Delete {
        /// The function's name or id
        function: FunctionRef,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}

#[derive(Args)]
pub(crate) struct Versions {
    #[command(subcommand)]
    pub task: VersionsTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum VersionsTask {
    /// The versions, newest first
    List {
        #[command(flatten)]
        of: OfFunction,
        #[command(flatten)]
        limit: Limit,
    },
    /// One version, with what its module asks for
    Show {
        /// The function's name or id
        function: FunctionRef,
        /// v3, or 3
        version: VersionNumber,
    },
    /// The module as it was uploaded
    Download {
        /// The function's name or id
        function: FunctionRef,
        /// v3, or 3
        version: VersionNumber,
        /// Where to; `-` is standard output [default: FUNCTION-v3.wasm, unless it is there]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct Limit {
    /// How many at most
    #[arg(long, short = 'n', default_value_t = 20, value_name = "COUNT")]
    pub limit: usize,
}

#[derive(Args)]
pub(crate) struct Deployments {
    #[command(subcommand)]
    pub task: DeploymentsTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum DeploymentsTask {
    /// The deployments, newest first
    List {
        #[command(flatten)]
        of: OfFunction,
        #[command(flatten)]
        limit: Limit,
    },
}

#[derive(Args)]
pub(crate) struct Aliases {
    #[command(subcommand)]
    pub task: AliasesTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum AliasesTask {
    /// The aliases of a function
    List(OfFunction),
    /// Make an alias, or move it to another version
    Set {
        /// The function's name or id
        function: FunctionRef,
        /// The alias
        alias: AliasName,
        /// v3, or 3
        version: VersionNumber,
        /// Let anybody call its preview
        #[arg(long, conflicts_with = "private")]
        open: bool,
        /// Keep its preview to those with a link
        #[arg(long)]
        private: bool,
    },
    /// Delete an alias; its version stays
    Delete {
        /// The function's name or id
        function: FunctionRef,
        /// The alias
        alias: AliasName,
    },
    /// Make a link that opens a private preview for a while
    Link {
        /// The function's name or id
        function: FunctionRef,
        /// An alias, or v3
        name: String,
        /// For how long: 10m, 2h, 7d [default: a day]
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Span>,
    },
}

#[derive(Args)]
pub(crate) struct Tokens {
    #[command(subcommand)]
    pub task: TokensTask,
    /// Read the password from standard input: your own tokens take a session
    #[arg(long, global = true)]
    pub password_stdin: bool,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum TokensTask {
    /// The tokens, newest first
    List,
    /// Make a token, and print its secret this once
    Create {
        /// What it is for
        name: String,
        /// What it may do, such as functions:deploy
        #[arg(
            long = "scope",
            required = true,
            value_name = "SCOPE",
            value_delimiter = ','
        )]
        scopes: Vec<String>,
        /// Role of a tenant's token: viewer, developer, admin or owner
        #[arg(long, value_parser = text::role)]
        role: Option<Role>,
        /// Limit it to a function; of your own token an id
        #[arg(long = "function", value_name = "FUNCTION", value_delimiter = ',')]
        functions: Vec<FunctionRef>,
        /// 1 to 366 [default: 90]
        #[arg(long, value_name = "DAYS")]
        expires_in_days: Option<i32>,
    },
    /// Give a token a new secret, and print it this once
    Rotate {
        /// Its id, tok_…
        token: TokenId,
        /// How long the secret it has goes on working: 0s, 10m, 2h, 7d [default: a day]
        #[arg(long, value_name = "TIME")]
        overlap: Option<Span>,
    },
    /// End a token
    Revoke {
        /// Its id, tok_…
        token: TokenId,
    },
}

#[derive(Args)]
pub(crate) struct Members {
    #[command(subcommand)]
    pub task: MembersTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum MembersTask {
    /// The members and their roles
    List,
}

#[derive(Args)]
pub(crate) struct Audit {
    /// Changes of one kind: function.created, or function for all of functions
    #[arg(long)]
    pub action: Option<String>,
    /// Changes by one actor: usr_… or tok_…
    #[arg(long, value_name = "ID")]
    pub actor: Option<String>,
    /// Changes of one thing: fn_…, ver_…
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// From then on: 10m, 2h, 7d, or a moment such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    #[command(flatten)]
    pub limit: Limit,
    #[command(flatten)]
    pub options: Options,
}

/// Whose variables or secrets.
#[derive(Args)]
pub(crate) struct Holder {
    /// The function's name or id [default: atoll.toml's]
    #[arg(long, short, conflicts_with = "everywhere")]
    pub function: Option<FunctionRef>,
    /// For all functions of the tenant; a function's own go before them
    #[arg(long)]
    pub everywhere: bool,
}

#[derive(Args)]
pub(crate) struct Variables {
    #[command(subcommand)]
    pub task: VariablesTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum VariablesTask {
    /// The variables and their values
    List {
        #[command(flatten)]
        of: Holder,
    },
    /// Set some, and keep the others
    Set {
        /// NAME=VALUE
        #[arg(required = true, value_name = "NAME=VALUE")]
        variables: Vec<Assignment>,
        #[command(flatten)]
        of: Holder,
        /// Deploy the versions that follow
        #[arg(long)]
        deploy: bool,
    },
    /// Take some away
    Unset {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<ConfigName>,
        #[command(flatten)]
        of: Holder,
        /// Deploy the versions that follow
        #[arg(long)]
        deploy: bool,
    },
}

#[derive(Args)]
pub(crate) struct Secrets {
    #[command(subcommand)]
    pub task: SecretsTask,
    #[command(flatten)]
    pub options: Options,
}

#[derive(Subcommand)]
pub(crate) enum SecretsTask {
    /// The secrets, without their values
    List {
        #[command(flatten)]
        of: Holder,
    },
    /// Make a secret, or give it another value, which is read from standard input
    Set {
        /// The name that functions read
        name: ConfigName,
        #[command(flatten)]
        of: Holder,
        /// Deploy the versions that follow
        #[arg(long)]
        deploy: bool,
    },
    /// Take a secret away; versions that were made with it keep it
    Delete {
        /// The name that functions read
        name: ConfigName,
        #[command(flatten)]
        of: Holder,
        /// Deploy the versions that follow
        #[arg(long)]
        deploy: bool,
    },
}

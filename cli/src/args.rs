//! The command line. Values stay text here: `settings` reads them all and tells every problem at once.
//!
//! Each option has its `ATOLL_*` variable. Secrets have no option at all, since every user of a
//! machine can read its command lines.

#![cfg_attr(
    doc,
    allow(
        rustdoc::bare_urls,
        rustdoc::invalid_html_tags,
        reason = "these comments are the help text, which a terminal shows as it is"
    )
)]

#[cfg(feature = "api")]
use std::ffi::OsString;

use clap::{Parser, Subcommand};

#[cfg(feature = "api")]
use crate::admin::args::AdminTask;
#[cfg(any(feature = "api", feature = "worker"))]
use crate::logging::LogFormat;

/// Functions as a service for WebAssembly components.
#[derive(Parser)]
#[command(name = "atoll", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// How log lines look.
    #[cfg(any(feature = "api", feature = "worker"))]
    #[arg(
        long,
        global = true,
        env = "ATOLL_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Logging of the processes"
    )]
    pub log_format: LogFormat,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start everything on this machine: database, API server, console, worker.
    #[cfg(all(feature = "api", feature = "worker"))]
    Up(UpArgs),
    /// Start an API server: REST API, console, feed of the workers, jobs.
    #[cfg(feature = "api")]
    Api(ApiArgs),
    /// Start a worker: it answers the calls to functions.
    #[cfg(feature = "worker")]
    Worker(WorkerArgs),
    /// Make a development certificate authority for workers to share, unless it is there
    #[cfg(feature = "worker")]
    DevelopmentCa(DevelopmentCaArgs),
    /// What an operator does without the console.
    #[cfg(feature = "api")]
    Admin(AdminArgs),
    /// Compile one module in a jail (started by the API server).
    #[cfg(feature = "api")]
    #[command(hide = true)]
    Compile {
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        orders: Vec<OsString>,
    },
    #[cfg(feature = "client")]
    #[command(flatten)]
    Client(Box<crate::client::args::ClientCommand>),
    /// Print the version.
    Version,
}

#[cfg(all(feature = "api", feature = "worker"))]
#[derive(clap::Args)]
pub(crate) struct UpArgs {
    /// Folder of the database, the modules and the keys [default: ~/.local/share/atoll, as root /var/lib/atoll]
    #[arg(long, env = "ATOLL_DATA", value_name = "DIR")]
    pub data: Option<String>,
    /// Address of the console and the API [default: 127.0.0.1:8080]
    #[arg(long, env = "ATOLL_CONSOLE", value_name = "ADDR")]
    pub console: Option<String>,
    /// Address where functions answer [default: 127.0.0.1:8443]
    #[arg(long, env = "ATOLL_FUNCTIONS", value_name = "ADDR")]
    pub functions: Option<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How people reach the console [default: http://<console>]
    #[arg(long, env = "ATOLL_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Functions answer at https://TENANT.NAME [default: localhost]
    #[arg(long, env = "ATOLL_APPS_DOMAIN", value_name = "NAME")]
    pub apps_domain: Option<String>,
    #[command(flatten)]
    pub shared: SharedArgs,
}

#[cfg(feature = "api")]
#[derive(clap::Args)]
pub(crate) struct ApiArgs {
    /// Address of the console and the API [default: 127.0.0.1:8080]
    #[arg(long, alias = "console", env = "ATOLL_LISTEN", value_name = "ADDR")]
    pub listen: Option<String>,
    /// How people reach the console: https://console.example.com
    #[arg(long, env = "ATOLL_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Functions answer at https://TENANT.NAME
    #[arg(long, env = "ATOLL_APPS_DOMAIN", value_name = "NAME")]
    pub apps_domain: Option<String>,
    /// Port of the functions' URLs, as callers see it [default: 443]
    #[arg(long, env = "ATOLL_FUNCTIONS_PORT", value_name = "PORT")]
    pub functions_port: Option<String>,
    /// Certificate chain (PEM) of the console; plain HTTP without it, for a load balancer that ends TLS
    #[arg(long, env = "ATOLL_CONSOLE_CERT", value_name = "FILE")]
    pub console_cert: Option<String>,
    /// Private key (PEM) of that certificate
    #[arg(long, env = "ATOLL_CONSOLE_KEY", value_name = "FILE")]
    pub console_key: Option<String>,
    #[command(flatten)]
    pub shared: SharedArgs,
}

/// What `up` and `api` have in common.
#[cfg(feature = "api")]
#[derive(clap::Args)]
pub(crate) struct SharedArgs {
    /// Database, without a password: give one that has it as DATABASE_URL
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Where modules and artifacts are kept: file:///DIR or s3://BUCKET?endpoint=URL&region=NAME
    #[arg(long, env = "ATOLL_BLOBS", value_name = "URL")]
    pub blobs: Option<String>,
    /// Sender of mails; their server is ATOLL_SMTP_URL
    #[arg(long, env = "ATOLL_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// Who may make an account: `open` for anybody, `invite` for whoever was invited [default: invite]
    #[arg(long, env = "ATOLL_REGISTRATION", value_name = "MODE")]
    pub registration: Option<String>,
    /// Largest module taken, in bytes [default: 104857600]
    #[arg(long, env = "ATOLL_UPLOAD_MAX_BYTES", value_name = "BYTES")]
    pub upload_max_bytes: Option<String>,
    /// CPU time of one compile [default: 90]
    #[arg(long, env = "ATOLL_COMPILE_CPU_SECONDS", value_name = "SECONDS")]
    pub compile_cpu_seconds: Option<String>,
    /// Address space of one compile [default: 4294967296]
    #[arg(long, env = "ATOLL_COMPILE_MEMORY_BYTES", value_name = "BYTES")]
    pub compile_memory_bytes: Option<String>,
    /// Longest time of one compile by the clock [default: 180]
    #[arg(long, env = "ATOLL_COMPILE_WALL_SECONDS", value_name = "SECONDS")]
    pub compile_wall_seconds: Option<String>,
    /// Days that invocations and log lines are kept [default: 7]
    #[arg(long, env = "ATOLL_RETENTION_DAYS", value_name = "DAYS")]
    pub retention_days: Option<String>,
    /// Days that counters are kept [default: 90]
    #[arg(long, env = "ATOLL_METRICS_RETENTION_DAYS", value_name = "DAYS")]
    pub metrics_retention_days: Option<String>,
    /// Name that tenants' own domains are to point to [default: each at TENANT.<apps domain>]
    #[arg(long, env = "ATOLL_DOMAINS_TARGET", value_name = "NAME")]
    pub domains_target: Option<String>,
    /// Name server that is asked about those domains [default: the system's]
    #[arg(long, env = "ATOLL_DNS_SERVER", value_name = "ADDR")]
    pub dns_server: Option<String>,
}

#[cfg(feature = "api")]
#[derive(clap::Args)]
pub(crate) struct AdminArgs {
    #[command(subcommand)]
    pub task: AdminTask,
    /// Print JSON, as the API tells it
    #[arg(long, global = true)]
    pub json: bool,
    /// Data folder of the running `atoll up` to talk to; where DATABASE_URL is set, the options of `atoll api` are read instead
    #[cfg(feature = "worker")]
    #[arg(long, global = true, env = "ATOLL_DATA", value_name = "DIR")]
    pub data: Option<String>,
    #[command(flatten)]
    pub server: ApiArgs,
}

#[cfg(feature = "worker")]
#[derive(clap::Args)]
pub(crate) struct DevelopmentCaArgs {
    /// Folder of ca.pem and ca.key
    pub folder: std::path::PathBuf,
    /// The domain that it may speak for
    #[arg(
        long,
        env = "ATOLL_APPS_DOMAIN",
        value_name = "NAME",
        default_value = "localhost"
    )]
    pub apps_domain: String,
}

#[cfg(feature = "worker")]
#[derive(clap::Args, Clone)]
pub(crate) struct NetworkArgs {
    /// Address where a proxy that has ended TLS reaches the functions over plain HTTP [default: none]
    #[arg(long, env = "ATOLL_FUNCTIONS_PLAIN", value_name = "ADDR")]
    pub functions_plain: Option<String>,
    /// Networks of proxies whose X-Forwarded-For and -Proto are believed there, such as 10.0.0.0/8,::1/128
    #[arg(long, env = "ATOLL_TRUSTED_PROXIES", value_name = "CIDR,…")]
    pub trusted_proxies: Option<String>,
    /// Networks that functions may send requests to although they are not public, such as 10.1.0.0/16
    #[arg(long, env = "ATOLL_EGRESS_ALLOW", value_name = "CIDR,…")]
    pub egress_allow: Option<String>,
    /// Networks that no function may send requests to, besides those that are not public
    #[arg(long, env = "ATOLL_EGRESS_DENY", value_name = "CIDR,…")]
    pub egress_deny: Option<String>,
    /// PEM file of authorities that functions trust besides the system's
    #[arg(long, env = "ATOLL_EGRESS_CA", value_name = "FILE")]
    pub egress_ca: Option<String>,
}

#[cfg(feature = "worker")]
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    /// An API server, or the load balancer before several
    #[arg(long, env = "ATOLL_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
    /// Certificates (PEM) of the authorities that vouch for --api-url [default: the system's]
    #[arg(long, env = "ATOLL_API_CA", value_name = "FILE")]
    pub api_ca: Option<String>,
    /// Address where functions answer [default: 0.0.0.0:8443]
    #[arg(long, env = "ATOLL_FUNCTIONS", value_name = "ADDR")]
    pub functions: Option<String>,
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Address for the API servers alone [default: 0.0.0.0:8444]
    #[arg(long, env = "ATOLL_INTERNAL", value_name = "ADDR")]
    pub internal: Option<String>,
    /// How API servers reach that address [default: http://<host name>:<port>]
    #[arg(long, env = "ATOLL_INTERNAL_URL", value_name = "URL")]
    pub internal_url: Option<String>,
    /// Functions answer at https://TENANT.NAME
    #[arg(long, env = "ATOLL_APPS_DOMAIN", value_name = "NAME")]
    pub apps_domain: Option<String>,
    /// Where artifacts are read: file:///DIR or s3://BUCKET?endpoint=URL&region=NAME
    #[arg(long, env = "ATOLL_BLOBS", value_name = "URL")]
    pub blobs: Option<String>,
    /// Folder for what may vanish [default: ~/.cache/atoll, as root /var/cache/atoll]
    #[arg(long, env = "ATOLL_CACHE", value_name = "DIR")]
    pub cache: Option<String>,
    /// Artifacts kept on disk; those that are live stay beyond it [default: 10737418240]
    #[arg(long, env = "ATOLL_CACHE_BYTES", value_name = "BYTES")]
    pub cache_bytes: Option<String>,
    /// Versions whose code is loaded at a time [default: 2000]
    #[arg(long, env = "ATOLL_LOADED_FUNCTIONS", value_name = "COUNT")]
    pub loaded_functions: Option<String>,
    /// Bytes of their artifacts together [default: 8589934592]
    #[arg(long, env = "ATOLL_LOADED_BYTES", value_name = "BYTES")]
    pub loaded_bytes: Option<String>,
    /// What the operator calls this machine [default: its host name]
    #[arg(long, env = "ATOLL_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Certificate chain (PEM) of *.<apps domain>
    #[arg(long, env = "ATOLL_FUNCTIONS_CERT", value_name = "FILE")]
    pub functions_cert: Option<String>,
    /// Private key (PEM) of that certificate
    #[arg(long, env = "ATOLL_FUNCTIONS_KEY", value_name = "FILE")]
    pub functions_key: Option<String>,
    /// Instead of a certificate: folder of a development authority, made where it is absent
    #[arg(long, env = "ATOLL_DEVELOPMENT_CA", value_name = "DIR")]
    pub development_ca: Option<String>,
    /// Drain and end when standard input closes: how `up` stops its worker, however `up` itself ends.
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

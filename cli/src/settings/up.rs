//! What `atoll up` needs: little, since it makes most of it itself.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use domain::Problems;
use url::Url;

use super::{
    api_server::{self, Shared},
    reader::{Reader, Variables, address, apps_domain, folder},
};
use crate::{
    args::{NetworkArgs, UpArgs},
    origin::origin,
};

pub(crate) struct UpSettings {
    pub data: PathBuf,
    pub console: SocketAddr,
    pub functions: SocketAddr,
    /// As given: the worker is told the same.
    pub network: NetworkArgs,
    pub public_url: Url,
    pub apps_domain: String,
    pub shared: Shared,
}

pub(crate) fn read(args: &UpArgs, variables: Variables<'_>) -> Result<UpSettings, Problems> {
    let mut reader = Reader::new(variables);
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let data = data_folder(args.data.as_deref(), &mut reader);
    let console = reader.or(
        "--console",
        args.console.as_deref(),
        loopback(8080),
        address,
    );
    let functions = reader.or(
        "--functions",
        args.functions.as_deref(),
        loopback(8443),
        address,
    );
    // What is wrong with it is told here, before anything is started.
    let _ = super::network::read(&args.network, &mut reader);
    for (field, given) in [("--console", console), ("--functions", functions)] {
        if given.is_some_and(|address| address.port() == 0) {
            reader.problem(field, "needs a port that stays the same, not 0");
        }
    }
    if console.is_some() && console == functions {
        reader.problem(
            "--functions",
            "is the address of --console; give each its own port",
        );
    }
    let public_url = match args.public_url.as_deref() {
        None | Some("") => console.map(local_url),
        text => reader.optional("--public-url", text, origin),
    };
    let domain = args.apps_domain.as_deref();
    let apps_domain = reader.or("--apps-domain", domain, "localhost".to_owned(), apps_domain);
    let shared = api_server::shared(&args.shared, &mut reader);

    let (
        Some(data),
        Some(console),
        Some(functions),
        Some(public_url),
        Some(apps_domain),
        Some(shared),
        true,
    ) = (
        data,
        console,
        functions,
        public_url,
        apps_domain,
        shared,
        reader.problems.0.is_empty(),
    )
    else {
        return Err(reader.problems);
    };
    Ok(UpSettings {
        data,
        console,
        functions,
        network: args.network.clone(),
        public_url,
        apps_domain,
        shared,
    })
}

/// How this machine itself reaches an address that it listens on.
pub(crate) fn local_url(listen: SocketAddr) -> Url {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, listen.port());
    Url::parse(&format!("http://{address}")).expect("an address makes a URL")
}

/// The one given; otherwise one of the user's, or of the machine's for root.
pub(crate) fn data_folder(given: Option<&str>, reader: &mut Reader<'_>) -> Option<PathBuf> {
    match given {
        None | Some("") => default_data(reader),
        text => reader.optional("--data", text, folder),
    }
}

fn default_data(reader: &mut Reader<'_>) -> Option<PathBuf> {
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/atoll"));
    }
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let share = from("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(from("HOME")?).join(".local/share")));
    if share.is_none() {
        reader.problem(
            "--data",
            "missing; HOME is not set, so there is no default folder",
        );
    }
    Some(share?.join("atoll"))
}

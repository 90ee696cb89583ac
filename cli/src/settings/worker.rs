//! What a worker needs, from options, variables and files.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use domain::Problems;
use worker::{Certificates, Config};

use super::reader::{Reader, Variables, address, apps_domain, blobs, folder, networks, origin};
use crate::args::WorkerArgs;

pub(crate) fn read(args: &WorkerArgs, variables: Variables<'_>) -> Result<Config, Problems> {
    let mut reader = Reader::new(variables);
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let api_url = reader.required(
        "--api-url",
        args.api_url.as_deref(),
        "where the API servers are, such as http://api.internal:8080",
        origin,
    );
    let functions = reader.or("--functions", args.functions.as_deref(), any(8443), address);
    let functions_plain = reader.optional(
        "--functions-plain",
        args.functions_plain.as_deref(),
        address,
    );
    let trusted_proxies = reader.or(
        "--trusted-proxies",
        args.trusted_proxies.as_deref(),
        Vec::new(),
        networks,
    );
    let internal = reader.or("--internal", args.internal.as_deref(), any(8444), address);
    let internal_url = reader.optional("--internal-url", args.internal_url.as_deref(), origin);
    let apps_domain = reader.required(
        "--apps-domain",
        args.apps_domain.as_deref(),
        "the domain below which each tenant has its host, such as apps.example.com",
        apps_domain,
    );
    let blobs_url = reader.required(
        "--blobs",
        args.blobs.as_deref(),
        "file:///DIR or s3://BUCKET?endpoint=URL&region=NAME",
        blobs,
    );
    let cache = reader.or("--cache", args.cache.as_deref(), default_cache(), folder);
    let host_name = host_name();
    let name = reader.or("--name", args.name.as_deref(), host_name.clone(), node_name);
    let join_token = reader.secret("ATOLL_JOIN_TOKEN");
    let join_token = reader.required(
        "ATOLL_JOIN_TOKEN",
        join_token.as_deref(),
        "the token that the API servers were given; ATOLL_JOIN_TOKEN_FILE may name a file that holds it",
        |text| Ok::<_, String>(text.to_owned()),
    );
    let certificates = certificates(args, &mut reader);

    let (
        Some(api_url),
        Some(functions),
        Some(trusted_proxies),
        Some(internal),
        Some(apps_domain),
        Some(blobs_url),
        Some(cache),
        Some(name),
        Some(join_token),
        Some(certificates),
        true,
    ) = (
        api_url,
        functions,
        trusted_proxies,
        internal,
        apps_domain,
        blobs_url,
        cache,
        name,
        join_token,
        certificates,
        reader.problems.0.is_empty(),
    )
    else {
        return Err(reader.problems);
    };
    // An unspecified address is no way to be reached by others; the host's name usually is.
    let internal_url = internal_url.or_else(|| {
        let reachable = !internal.ip().is_unspecified();
        let url = format!("http://{host_name}:{}", internal.port());
        (!reachable).then(|| url.parse().ok()).flatten()
    });
    Ok(Config {
        api_url,
        functions,
        functions_plain,
        trusted_proxies,
        internal,
        internal_url,
        blobs_url,
        cache,
        name,
        join_token,
        apps_domain,
        certificates,
        limits: worker::NodeLimits::default(),
    })
}

fn certificates(args: &WorkerArgs, reader: &mut Reader<'_>) -> Option<Certificates> {
    let files = reader.certificate(
        ["--functions-cert", "--functions-key"],
        [
            args.functions_cert.as_deref(),
            args.functions_key.as_deref(),
        ],
    );
    let authority = reader.optional("--development-ca", args.development_ca.as_deref(), folder);
    match (files, authority) {
        (Some((certificate, key)), None) => Some(Certificates::Files { certificate, key }),
        (None, Some(folder)) => Some(Certificates::DevelopmentCa(folder)),
        (Some(_), Some(_)) => {
            reader.problem(
                "--development-ca",
                "given beside --functions-cert; keep one",
            );
            None
        }
        (None, None) => {
            let files_given = args.functions_cert.is_some() || args.functions_key.is_some();
            if !files_given {
                let detail = "missing; the certificate of *.<apps domain>, or --development-ca DIR";
                reader.problem("--functions-cert", detail);
            }
            None
        }
    }
}

fn node_name(text: &str) -> Result<String, String> {
    let fits = text.len() <= 100 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
        .ok_or_else(|| "use up to 100 printable characters".to_owned())
}

fn host_name() -> String {
    let system = rustix::system::uname();
    system.nodename().to_string_lossy().into_owned()
}

fn default_cache() -> PathBuf {
    let home = std::env::var_os("HOME").filter(|_| !rustix::process::geteuid().is_root());
    match home {
        Some(home) => PathBuf::from(home).join(".cache/atoll"),
        None => PathBuf::from("/var/cache/atoll"),
    }
}

//! What a worker needs, from options, variables and files.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use domain::Problems;
use worker::{CacheLimits, Certificates, Config};

use super::reader::{Reader, Variables, address, apps_domain, blobs, folder, number};
use crate::{args::WorkerArgs, origin::origin};

pub(crate) fn read(args: &WorkerArgs, variables: Variables<'_>) -> Result<Config, Problems> {
    let mut reader = Reader::new(variables);
    let any = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let api_url = reader.required(
        "--api-url",
        args.api_url.as_deref(),
        "where the API servers are, such as http://api.internal:8080",
        origin,
    );
    let api_ca = reader.optional("--api-ca", args.api_ca.as_deref(), folder);
    let functions = reader.or("--functions", args.functions.as_deref(), any(8443), address);
    let network = super::network::read(&args.network, &mut reader);
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
    let cache_limits = cache_limits(args, &mut reader);
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
        Some(network),
        Some(internal),
        Some(apps_domain),
        Some(blobs_url),
        Some(cache),
        Some(cache_limits),
        Some(name),
        Some(join_token),
        Some(certificates),
        true,
    ) = (
        api_url,
        functions,
        network,
        internal,
        apps_domain,
        blobs_url,
        cache,
        cache_limits,
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
        api_ca,
        functions,
        functions_plain: network.functions_plain,
        trusted_proxies: network.trusted_proxies,
        egress: network.egress,
        internal,
        internal_url,
        blobs_url,
        cache,
        cache_limits,
        compare_every: Config::COMPARE_EVERY,
        name,
        join_token,
        apps_domain,
        certificates,
        limits: worker::NodeLimits::default(),
    })
}

fn cache_limits(args: &WorkerArgs, reader: &mut Reader<'_>) -> Option<CacheLimits> {
    let default = CacheLimits::default();
    let disk = args.cache_bytes.as_deref();
    let disk_bytes = reader.or("--cache-bytes", disk, default.disk_bytes, number);
    let count = args.loaded_functions.as_deref();
    let functions = default.loaded_functions;
    let loaded_functions = reader.or("--loaded-functions", count, functions, at_least_one);
    let bytes = args.loaded_bytes.as_deref();
    let loaded_bytes = reader.or("--loaded-bytes", bytes, default.loaded_bytes, number);
    Some(CacheLimits {
        disk_bytes: disk_bytes?,
        loaded_functions: loaded_functions?,
        loaded_bytes: loaded_bytes?,
    })
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match number(text)? {
        0 => Err("use 1 or more".to_owned()),
        count => Ok(count),
    }
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

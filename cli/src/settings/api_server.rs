//! What an API server needs, from options, variables and files.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use control::{Config, Keys, SmtpSettings, registration, telemetry::Retention};
use domain::{
    Problems,
    user::{Email, Password},
};
use engine::jail;
use sha2::{Digest, Sha256};
use url::Url;

use super::reader::{Reader, Variables, address, apps_domain, blobs, days, dns_server, number};
use crate::{
    args::{ApiArgs, SharedArgs},
    origin::origin,
};

pub(crate) struct ApiSettings {
    pub listen: SocketAddr,
    /// Certificate chain and key of the console.
    pub tls: Option<(PathBuf, PathBuf)>,
    pub config: Config,
    /// Created at the start where there is no operator yet.
    pub operator: Option<(Email, Password)>,
}

/// What `up` and `api` read alike.
pub(crate) struct Shared {
    pub database_url: Option<String>,
    pub blobs_url: Option<Url>,
    pub smtp: Option<SmtpSettings>,
    pub registration: registration::Mode,
    pub upload_max_bytes: u64,
    pub compile_limits: jail::Limits,
    pub compile_program: PathBuf,
    pub retention: Retention,
    pub domains_target: Option<String>,
    pub dns_server: Option<SocketAddr>,
    pub operator: Option<(Email, Password)>,
}

pub(crate) fn read(args: &ApiArgs, variables: Variables<'_>) -> Result<ApiSettings, Problems> {
    let mut reader = Reader::new(variables);
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let listen = reader.or("--listen", args.listen.as_deref(), default, address);
    let public_url = reader.required(
        "--public-url",
        args.public_url.as_deref(),
        "how people reach the console, such as https://console.example.com",
        origin,
    );
    let apps_domain = reader.required(
        "--apps-domain",
        args.apps_domain.as_deref(),
        "the domain below which each tenant has its host, such as apps.example.com",
        apps_domain,
    );
    let port = reader.or(
        "--functions-port",
        args.functions_port.as_deref(),
        443,
        number,
    );
    let tls = reader.certificate(
        ["--console-cert", "--console-key"],
        [args.console_cert.as_deref(), args.console_key.as_deref()],
    );
    let keys = keys(&mut reader);
    let join_token = join_token(&mut reader);
    let shared = shared(&args.shared, &mut reader);
    if let Some(shared) = &shared {
        if shared.database_url.is_none() {
            reader.problem(
                "--database-url",
                "missing; a database such as postgres://atoll@db/atoll",
            );
        }
        if shared.blobs_url.is_none() {
            reader.problem(
                "--blobs",
                "missing; file:///DIR or s3://BUCKET?endpoint=URL&region=NAME",
            );
        }
    }

    let (
        Some(listen),
        Some(public_url),
        Some(apps_domain),
        Some(port),
        Some(keys),
        Some(join_token),
        Some(shared),
        true,
    ) = (
        listen,
        public_url,
        apps_domain,
        port,
        keys,
        join_token,
        shared,
        reader.problems.0.is_empty(),
    )
    else {
        return Err(reader.problems);
    };
    Ok(ApiSettings {
        listen,
        tls,
        config: Config {
            database_url: shared.database_url.expect("checked above"),
            blobs_url: shared.blobs_url.expect("checked above"),
            public_url,
            apps_domain,
            functions_addr: SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            domains_target: shared.domains_target,
            dns_server: shared.dns_server,
            development_ca: None,
            keys,
            join_token: Some(hash_of_join_token(&join_token)),
            smtp: shared.smtp,
            registration: shared.registration,
            upload_max_bytes: shared.upload_max_bytes,
            compile_program: shared.compile_program,
            compile_limits: shared.compile_limits,
            retention: shared.retention,
        },
        operator: shared.operator,
    })
}

pub(crate) fn shared(args: &SharedArgs, reader: &mut Reader<'_>) -> Option<Shared> {
    let mib = 1024 * 1024;
    let limits = jail::Limits::COMPILE;
    let database_url = database_url(args.database_url.as_deref(), reader);
    let blobs_url = reader.optional("--blobs", args.blobs.as_deref(), blobs);
    let smtp = smtp(args.mail_from.as_deref(), reader);
    let registration = reader.or(
        "--registration",
        args.registration.as_deref(),
        registration::Mode::default(),
        str::parse,
    );
    let upload = args.upload_max_bytes.as_deref();
    let upload_max_bytes = reader.or("--upload-max-bytes", upload, 100 * mib, number);
    let cpu = args.compile_cpu_seconds.as_deref();
    let cpu_seconds = reader.or("--compile-cpu-seconds", cpu, limits.cpu_seconds, number);
    let memory = args.compile_memory_bytes.as_deref();
    let address_space_bytes = reader.or(
        "--compile-memory-bytes",
        memory,
        limits.address_space_bytes,
        number,
    );
    let wall = args.compile_wall_seconds.as_deref();
    let wall_seconds = reader.or("--compile-wall-seconds", wall, limits.wall_seconds, number);
    let kept = Retention::DEFAULT;
    let records = args.retention_days.as_deref();
    let records_days = reader.or("--retention-days", records, kept.records_days, days);
    let counters = args.metrics_retention_days.as_deref();
    let counters_days = reader.or(
        "--metrics-retention-days",
        counters,
        kept.counters_days,
        days,
    );
    let target = args.domains_target.as_deref();
    let domains_target = reader.optional("--domains-target", target, apps_domain);
    let server = args.dns_server.as_deref();
    let dns_server = reader.optional("--dns-server", server, dns_server);
    let operator = operator(reader);
    let compile_program = match std::env::current_exe() {
        Ok(path) => path,
        Err(error) => {
            reader.problem(
                "atoll",
                format!("cannot find its own program file: {error}"),
            );
            return None;
        }
    };
    Some(Shared {
        database_url,
        blobs_url,
        smtp,
        registration: registration?,
        upload_max_bytes: upload_max_bytes?,
        compile_limits: jail::Limits {
            cpu_seconds: cpu_seconds?,
            address_space_bytes: address_space_bytes?,
            wall_seconds: wall_seconds?,
        },
        compile_program,
        retention: Retention {
            records_days: records_days?,
            counters_days: counters_days?,
        },
        domains_target,
        dns_server,
        operator,
    })
}

/// The option may not hold the password: every user of the machine reads command lines.
fn database_url(option: Option<&str>, reader: &mut Reader<'_>) -> Option<String> {
    let parse = |text: &str| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "postgres" | "postgresql") => Ok(url),
        _ => Err("not a URL such as postgres://atoll@db.example.com/atoll"),
    };
    if let Some(url) = reader.optional("--database-url", option, parse) {
        if url.password().is_some() {
            let detail = "holds a password, which anybody on this machine could read; set DATABASE_URL instead";
            reader.problem("--database-url", detail);
        }
        return Some(url.into());
    }
    let variable = reader.secret("DATABASE_URL");
    let url = reader.optional("DATABASE_URL", variable.as_deref(), parse)?;
    Some(url.into())
}

fn smtp(from: Option<&str>, reader: &mut Reader<'_>) -> Option<SmtpSettings> {
    // The URL may hold a password: no problem may repeat it.
    let url = reader.secret("ATOLL_SMTP_URL");
    let url = reader.optional("ATOLL_SMTP_URL", url.as_deref(), |text| {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "smtp" | "smtps") => Ok(text.to_owned()),
            _ => Err("not a URL such as smtps://user:password@mail.example.com:465"),
        }
    });
    let parse = |text: &str| Email::parse(text).map_err(|problem| problem.detail);
    let from = reader.optional("--mail-from", from, parse);
    match (&url, &from) {
        (Some(_), None) => reader.problem("--mail-from", "missing; ATOLL_SMTP_URL needs a sender"),
        (None, Some(_)) => reader.problem("ATOLL_SMTP_URL", "missing; --mail-from needs a server"),
        _ => {}
    }
    Some(SmtpSettings {
        url: url?,
        from: from?.as_str().to_owned(),
    })
}

fn operator(reader: &mut Reader<'_>) -> Option<(Email, Password)> {
    let email = reader.secret("ATOLL_ADMIN_EMAIL");
    let password = reader.secret("ATOLL_ADMIN_PASSWORD");
    match (&email, &password) {
        (Some(_), None) => reader.problem(
            "ATOLL_ADMIN_PASSWORD",
            "missing; ATOLL_ADMIN_EMAIL creates the operator with it",
        ),
        (None, Some(_)) => reader.problem("ATOLL_ADMIN_EMAIL", "missing; whose password is it?"),
        _ => {}
    }
    let email = reader.optional("ATOLL_ADMIN_EMAIL", email.as_deref(), |text| {
        Email::parse(text).map_err(|problem| problem.detail)
    });
    let password = reader.optional("ATOLL_ADMIN_PASSWORD", password.as_deref(), |text| {
        let password = Password::new(text);
        password.check().map_err(|problem| problem.detail)?;
        Ok::<_, String>(password)
    });
    email.zip(password)
}

fn keys(reader: &mut Reader<'_>) -> Option<Keys> {
    let secret = reader.secret("ATOLL_SECRET_KEY");
    reader.required(
        "ATOLL_SECRET_KEY",
        secret.as_deref(),
        "64 hexadecimal digits, the same on every API server; `openssl rand -hex 32` makes one. \
         ATOLL_SECRET_KEY_FILE may name a file that holds it",
        |text| Keys::from_hex(text).map_err(|problem| problem.detail),
    )
}

/// What workers present to be let in.
pub(crate) fn join_token(reader: &mut Reader<'_>) -> Option<String> {
    let token = reader.secret("ATOLL_JOIN_TOKEN");
    reader.required(
        "ATOLL_JOIN_TOKEN",
        token.as_deref(),
        "the token with which workers join, the same on both sides; `openssl rand -hex 32` makes \
         one. ATOLL_JOIN_TOKEN_FILE may name a file that holds it",
        |text| match text.len() {
            32.. => Ok(text.to_owned()),
            short => Err(format!(
                "has {short} characters; at least 32 keep it from being guessed"
            )),
        },
    )
}

pub(crate) fn hash_of_join_token(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

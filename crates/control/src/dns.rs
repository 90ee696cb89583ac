//! What the public DNS says about a domain that a tenant brings.
//!
//! The name is the tenant's to choose, and the resolver may be one that knows the operator's own network.
//! So the questions are two and fixed, an answer counts only where the asked name itself has it, and what
//! the name points to is compared, never told.

use std::{net::SocketAddr, time::Duration};

use hickory_resolver::{
    Resolver, TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{Name, RData, RecordType},
    },
};
use tokio::{sync::Semaphore, time::timeout};

use domain::DomainName;

/// Of one question to one server; two servers or attempts, and then it is over.
const TIMEOUT: Duration = Duration::from_secs(2);
const ATTEMPTS: usize = 2;
/// Of all questions about a name.
const OVERALL: Duration = Duration::from_secs(10);
/// At the same time, whoever asks.
const AT_ONCE: usize = 32;
/// Of the values that stand in the place of a proof, those that are looked at, and their length.
const MOST_VALUES: usize = 50;
const MOST_BYTES: usize = 255;

pub(crate) struct Dns {
    /// Absent where the system names no server.
    resolver: Option<TokioResolver>,
    asking: Semaphore,
}

/// What was found about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Of the TXT records where the proof belongs.
    pub(crate) texts: Vec<String>,
    /// Whether the name is an alias of the target; `None` where it is none at all, or nobody could tell:
    /// the apex of a domain cannot be one.
    pub(crate) points_here: Option<bool>,
}

/// Nothing can be said about the name at the moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("no name server is configured")]
    NoServer,
    #[error("the name servers did not answer in time")]
    TimedOut,
    #[error("the name servers refused or failed to answer")]
    Failed,
}

impl Dns {
    /// Asks this server, or those of the system.
    pub(crate) fn open(server: Option<SocketAddr>) -> Self {
        let configured = match server {
            Some(server) => Ok(only(server)),
            None => hickory_resolver::system_conf::read_system_conf().map(|(config, _)| config),
        };
        let resolver = configured.and_then(|config| {
            let provider = TokioRuntimeProvider::default();
            let mut builder = Resolver::builder_with_config(config, provider);
            *builder.options_mut() = options();
            builder.build()
        });
        let resolver = resolver.inspect_err(|error| {
            tracing::warn!(
                "the system's name servers cannot be read, no domain can be verified: {error}"
            );
        });
        Self {
            resolver: resolver.ok(),
            asking: Semaphore::new(AT_ONCE),
        }
    }

    pub(crate) async fn look(&self, name: &DomainName, target: &str) -> Result<Found, Unanswered> {
        let permit = self.asking.acquire().await;
        let _permit = permit.map_err(|_| Unanswered::TimedOut)?;
        let asking = async {
            let challenge = name.challenge();
            let (texts, alias) = tokio::join!(
                self.ask(&challenge, RecordType::TXT),
                self.ask(name.as_str(), RecordType::CNAME),
            );
            let texts = texts?.iter().filter_map(text).take(MOST_VALUES).collect();
            let alias = alias
                .ok()
                .and_then(|records| records.iter().find_map(pointed_to));
            Ok(Found {
                texts,
                points_here: alias.map(|alias| alias.eq_ignore_ascii_case(target)),
            })
        };
        let asked = timeout(OVERALL, asking).await;
        asked.unwrap_or(Err(Unanswered::TimedOut))
    }

    /// Records of the name itself; none where it has none, or there is no such name.
    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Unanswered> {
        let resolver = self.resolver.as_ref().ok_or(Unanswered::NoServer)?;
        // With the dot at its end no search list applies.
        let name = Name::from_ascii(format!("{name}.")).map_err(|_| Unanswered::Failed)?;
        match resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => Ok(lookup
                .answers()
                .iter()
                .filter(|record| record.name == name && record.record_type() == kind)
                .map(|record| record.data.clone())
                .collect()),
            Err(error) if is_absence(&error) => Ok(Vec::new()),
            Err(NetError::Timeout) => Err(Unanswered::TimedOut),
            Err(error) => {
                tracing::debug!(%name, %kind, "a lookup failed: {error}");
                Err(Unanswered::Failed)
            }
        }
    }
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dns(…)")
    }
}

fn only(server: SocketAddr) -> ResolverConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port);
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = TIMEOUT;
    options.attempts = ATTEMPTS;
    // Whoever mends a record and asks again is told of what is there now.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options
}

fn is_absence(error: &NetError) -> bool {
    use hickory_resolver::net::DnsError;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => matches!(
            none.response_code,
            ResponseCode::NoError | ResponseCode::NXDomain
        ),
        _ => false,
    }
}

/// Its strings as one; what is no text or too long to be a proof is cut.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(txt) = data else {
        return None;
    };
    let bytes: Vec<u8> = txt.txt_data.iter().flatten().copied().collect();
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    let text = String::from_utf8_lossy(bytes);
    Some(text.chars().filter(|letter| !letter.is_control()).collect())
}

fn pointed_to(data: &RData) -> Option<String> {
    let RData::CNAME(alias) = data else {
        return None;
    };
    let alias = alias.0.to_ascii();
    Some(alias.trim_end_matches('.').to_owned())
}

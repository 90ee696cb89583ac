//! TLS of the functions' hosts: which certificate a handshake gets, and which hosts it then covers.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use domain::{FunctionName, TenantSlug};
use rustls::{
    ServerConfig,
    client::verify_server_name,
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};

use crate::{config::Certificates, development_ca::Authority, table::Table};

/// How soon a renewed certificate is taken.
const LOOK_EVERY: Duration = Duration::from_secs(30);
const KEPT_LEAVES: usize = 1_000;
/// Well before a leaf expires.
const LEAF_KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
const ALIAS_MAX_LEN: usize = 15;

/// Everything a connection needs of TLS.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate of all hosts; absent where each name has its own.
    files: Option<Arc<FromFiles>>,
}

impl Tls {
    pub(crate) fn load(
        certificates: &Certificates,
        apps_domain: &str,
        table: &Arc<ArcSwap<Table>>,
    ) -> anyhow::Result<Self> {
        let mut files = None;
        let resolver: Arc<dyn ResolvesServerCert> = match certificates {
            Certificates::DevelopmentCa(folder) => Arc::new(IssueAtHandshake {
                authority: Authority::load(folder, apps_domain)?,
                suffix: format!(".{apps_domain}"),
                table: Arc::clone(table),
                leaves: Mutex::default(),
            }),
            Certificates::Files { certificate, key } => {
                let loaded = Arc::new(FromFiles::load(certificate, key)?);
                files = Some(Arc::clone(&loaded));
                loaded
            }
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Self {
            config: Arc::new(config),
            files,
        })
    }

    /// Whether a connection that named `sni` may carry a request for `host` (421 where it may not).
    pub(crate) fn covers(&self, sni: Option<&str>, host: &str) -> bool {
        let Some(files) = &self.files else {
            return sni == Some(host);
        };
        let current = files.current.load();
        let leaf = current.end_entity_cert().ok();
        let leaf = leaf.and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        leaf.is_some_and(|leaf| {
            ServerName::try_from(host).is_ok_and(|name| verify_server_name(&leaf, &name).is_ok())
        })
    }

    /// Takes renewed certificates without a restart, for as long as it is polled.
    pub(crate) async fn keep_current(&self) {
        let Some(files) = &self.files else {
            return;
        };
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            files.reload();
        }
    }
}

/// One certificate for every host, from files that somebody renews.
#[derive(Debug)]
struct FromFiles {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

impl FromFiles {
    fn load(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::from_pointee(read(certificate, key)?),
        })
    }

    fn reload(&self) {
        match read(&self.certificate, &self.key) {
            Ok(read) if read.cert == self.current.load().cert => {}
            Ok(read) => {
                tracing::info!(file = %self.certificate.display(), "a new certificate is taken");
                self.current.store(Arc::new(read));
            }
            // In the middle of being renewed, perhaps: the one in use stays.
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the certificate was not renewed"
                );
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("reading the certificate {}", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("reading the key {}", key.display()))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, key, &provider)
        .with_context(|| format!("using the certificate {}", certificate.display()))
}

impl ResolvesServerCert for FromFiles {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// For the hosts under the apps domain, and for the domains that tenants have proven: what a client that
/// trusts the CA thinks of those is the client's affair, the CA's own constraints exclude them.
struct IssueAtHandshake {
    authority: Authority,
    suffix: String,
    table: Arc<ArcSwap<Table>>,
    leaves: Mutex<HashMap<String, (Instant, Arc<CertifiedKey>)>>,
}

impl IssueAtHandshake {
    fn speaks_for(&self, name: &str) -> bool {
        match name.strip_suffix(&self.suffix) {
            Some(label) => is_tenant_or_preview(label),
            None => self.table.load().tenant_by_domain(name).is_some(),
        }
    }
}

impl std::fmt::Debug for IssueAtHandshake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssueAtHandshake(…)")
    }
}

impl ResolvesServerCert for IssueAtHandshake {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        // No certificate for a name that is no tenant's: the handshake ends.
        if !self.speaks_for(&name) {
            return None;
        }
        let mut leaves = self.leaves.lock().expect("nobody panics while holding it");
        if let Some((issued, leaf)) = leaves.get(&name)
            && issued.elapsed() < LEAF_KEPT_FOR
        {
            return Some(Arc::clone(leaf));
        }
        let leaf = match self.authority.issue(&name) {
            Ok(leaf) => Arc::new(leaf),
            Err(error) => {
                tracing::error!(
                    name,
                    error = format!("{error:#}"),
                    "no certificate could be issued"
                );
                return None;
            }
        };
        // Names are anybody's to choose, so what is kept is bounded. Starting over is cheap.
        if leaves.len() >= KEPT_LEAVES {
            leaves.clear();
        }
        leaves.insert(name, (Instant::now(), Arc::clone(&leaf)));
        Some(leaf)
    }
}

/// `acme`, or `v12--hello--acme`.
fn is_tenant_or_preview(label: &str) -> bool {
    match label.split("--").collect::<Vec<_>>()[..] {
        [tenant] => TenantSlug::parse(tenant).is_ok(),
        [alias, function, tenant] => {
            // An alias is a label too, only shorter than a function's.
            alias.len() <= ALIAS_MAX_LEN
                && FunctionName::parse(alias).is_ok()
                && FunctionName::parse(function).is_ok()
                && TenantSlug::parse(tenant).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_tenant_or_preview;

    #[test]
    fn only_a_tenant_or_a_preview_gets_a_certificate() {
        for good in ["acme", "v12--hello--acme", "blue--hello-2--acme"] {
            assert!(is_tenant_or_preview(good), "{good}");
        }
        for bad in [
            "",
            "www",
            "a.b",
            "a--b",
            "a--b--c--d",
            "-a",
            "sixteen-long-name--f--acme",
        ] {
            assert!(!is_tenant_or_preview(bad), "{bad}");
        }
    }
}

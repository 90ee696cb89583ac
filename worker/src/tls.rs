//! TLS of the functions' hosts: which certificate a handshake gets, and which hosts it then covers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use domain::{FunctionName, TenantSlug};
use rustls::{
    ServerConfig,
    client::verify_server_name,
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};

use crate::{config::Certificates, development_ca::Authority};

const KEPT_LEAVES: usize = 1_000;
/// Well before a leaf expires.
const LEAF_KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
const ALIAS_MAX_LEN: usize = 15;

/// Everything a connection needs of TLS.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate of all hosts; absent where each name has its own.
    certificate: Option<CertificateDer<'static>>,
}

impl Tls {
    pub(crate) fn load(certificates: &Certificates, apps_domain: &str) -> anyhow::Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (resolver, certificate): (Arc<dyn ResolvesServerCert>, _) = match certificates {
            Certificates::DevelopmentCa(folder) => (
                Arc::new(IssueAtHandshake {
                    authority: Authority::load(folder, apps_domain)?,
                    suffix: format!(".{apps_domain}"),
                    leaves: Mutex::default(),
                }),
                None,
            ),
            Certificates::Files { certificate, key } => {
                let chain = CertificateDer::pem_file_iter(certificate)
                    .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                    .with_context(|| {
                        format!("reading the certificate {}", certificate.display())
                    })?;
                let key = PrivateKeyDer::from_pem_file(key)
                    .with_context(|| format!("reading the key {}", key.display()))?;
                let certified = CertifiedKey::from_der(chain, key, &provider)
                    .with_context(|| format!("using the certificate {}", certificate.display()))?;
                let leaf = certified.end_entity_cert()?.clone().into_owned();
                (Arc::new(One(Arc::new(certified))), Some(leaf))
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Self {
            config: Arc::new(config),
            certificate,
        })
    }

    /// Whether a connection that named `sni` may carry a request for `host` (421 where it may not).
    pub(crate) fn covers(&self, sni: Option<&str>, host: &str) -> bool {
        let Some(certificate) = &self.certificate else {
            return sni == Some(host);
        };
        ParsedCertificate::try_from(certificate).is_ok_and(|certificate| {
            ServerName::try_from(host)
                .is_ok_and(|name| verify_server_name(&certificate, &name).is_ok())
        })
    }
}

#[derive(Debug)]
struct One(Arc<CertifiedKey>);

impl ResolvesServerCert for One {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct IssueAtHandshake {
    authority: Authority,
    suffix: String,
    leaves: Mutex<HashMap<String, (Instant, Arc<CertifiedKey>)>>,
}

impl ResolvesServerCert for IssueAtHandshake {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        // No certificate for a name that cannot be a tenant's: the handshake ends.
        if !name
            .strip_suffix(&self.suffix)
            .is_some_and(is_tenant_or_preview)
        {
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

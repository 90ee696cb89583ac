//! Whom functions trust: the system's authorities, and those of the operator.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};

pub(super) fn client(ca: Option<&Path>) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let (usable, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let mut read = || -> anyhow::Result<()> {
            let mut seen = false;
            for certificate in CertificateDer::pem_file_iter(path)? {
                roots.add(certificate?)?;
                seen = true;
            }
            ensure!(seen, "it holds no certificate");
            Ok(())
        };
        read().with_context(|| format!("--egress-ca {}", path.display()))?;
    } else if usable == 0 {
        tracing::warn!(
            "this machine has no root certificates: functions can reach no host by https"
        );
    }
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

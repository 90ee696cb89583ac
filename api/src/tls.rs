//! The console's certificate from files, taken up anew when they change: renewing it must not
//! take a restart.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

const LOOK_EVERY: Duration = Duration::from_secs(60);

/// PEM files: the chain, the leaf first, and its key.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    current: Arc<ArcSwap<Loaded>>,
}

struct Loaded {
    pem: Pem,
    config: Arc<ServerConfig>,
}

#[derive(PartialEq)]
struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Tls {
    pub(crate) fn load(files: TlsFiles) -> anyhow::Result<Self> {
        let loaded = Loaded::of(read(&files)?)?;
        Ok(Self {
            files,
            current: Arc::new(ArcSwap::from_pointee(loaded)),
        })
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    /// Never returns. What cannot be loaded is reported, and the certificate before stays.
    pub(crate) async fn follow_files(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.look() {
                Ok(true) => tracing::info!("took up the console's new certificate"),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "kept the old certificate")
                }
            }
        }
    }

    fn look(&self) -> anyhow::Result<bool> {
        let pem = read(&self.files)?;
        if pem == self.current.load().pem {
            return Ok(false);
        }
        self.current.store(Arc::new(Loaded::of(pem)?));
        Ok(true)
    }
}

impl Loaded {
    fn of(pem: Pem) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(&pem.certificate)
            .collect::<Result<Vec<_>, _>>()
            .context("the console's certificate is not PEM")?;
        let key = PrivateKeyDer::from_pem_slice(&pem.key)
            .context("the console's key is not a private key in PEM")?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .context("the console's certificate and key do not fit")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            pem,
            config: Arc::new(config),
        })
    }
}

fn read(files: &TlsFiles) -> anyhow::Result<Pem> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(Pem {
        certificate: read(&files.certificate)?,
        key: read(&files.key)?,
    })
}

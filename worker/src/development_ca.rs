//! The development certificate authority: made once, kept in the data folder, and able to speak for
//! names under the apps domain alone, so that trusting it on a laptop opens nothing else.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints,
};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _};
use time::Duration;

use crate::clock;

const LEAF_LIFE: Duration = Duration::days(90);

/// Makes `ca.pem` and `ca.key` in `folder` unless they are there.
pub fn ensure(folder: &Path, apps_domain: &str) -> anyhow::Result<()> {
    let (certificate, key) = paths(folder);
    match (certificate.exists(), key.exists()) {
        (true, true) => {}
        (false, false) => create(folder, apps_domain)?,
        (true, false) => bail!(
            "{} is there without {}",
            certificate.display(),
            key.display()
        ),
        (false, true) => bail!(
            "{} is there without {}",
            key.display(),
            certificate.display()
        ),
    }
    Authority::load(folder, apps_domain).map(|_| ())
}

fn paths(folder: &Path) -> (PathBuf, PathBuf) {
    (folder.join("ca.pem"), folder.join("ca.key"))
}

fn create(folder: &Path, apps_domain: &str) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    let key = KeyPair::generate()?;
    let now = clock::now();
    let mut params = subject();
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(3650);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName(apps_domain.to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let certificate = params.self_signed(&key)?;

    let (certificate_path, key_path) = paths(folder);
    // The key first: a certificate without its key would be handed to people and be of no use.
    write_new(&key_path, &key.serialize_pem(), 0o600)?;
    write_new(&certificate_path, &certificate.pem(), 0o644)
}

/// What the CA's certificate and an issuer made of its key alone have in common.
fn subject() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Atoll development CA");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn write_new(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .with_context(|| format!("writing {}", path.display()))
}

/// The CA in memory, with the one key that all of its leaves share.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    leaf_key: KeyPair,
}

impl Authority {
    pub(crate) fn load(folder: &Path, apps_domain: &str) -> anyhow::Result<Self> {
        let (certificate_path, key_path) = paths(folder);
        let root = CertificateDer::from_pem_file(&certificate_path)
            .with_context(|| format!("reading {}", certificate_path.display()))?;
        let key = fs::read_to_string(&key_path)
            .with_context(|| format!("reading {}", key_path.display()))?;
        let key =
            KeyPair::from_pem(&key).with_context(|| format!("parsing {}", key_path.display()))?;
        let authority = Self {
            issuer: Issuer::new(subject(), key),
            root,
            leaf_key: KeyPair::generate()?,
        };
        ensure!(
            authority.is_trusted_for(&format!("check.{apps_domain}"))?,
            "the CA in {} was not made for names under {apps_domain}; remove its ca.pem and ca.key, \
             a new one is made at the next start",
            folder.display(),
        );
        Ok(authority)
    }

    /// Issues a certificate for exactly this name.
    pub(crate) fn issue(&self, name: &str) -> anyhow::Result<CertifiedKey> {
        let now = clock::now();
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.not_before = now - Duration::days(1);
        params.not_after = now + LEAF_LIFE;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&self.leaf_key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(self.leaf_key.serialize_der())
            .map_err(|reason| anyhow::anyhow!("encoding the leaf's key: {reason}"))?;
        let provider = rustls::crypto::ring::default_provider();
        Ok(CertifiedKey::from_der(
            vec![leaf.der().clone()],
            key,
            &provider,
        )?)
    }

    /// Whether a client that trusts `ca.pem` accepts what is issued for `name`.
    fn is_trusted_for(&self, name: &str) -> anyhow::Result<bool> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        let issued = self.issue(name)?;
        let name = ServerName::try_from(name.to_owned())?;
        let verdict = verifier.verify_server_cert(
            issued.end_entity_cert()?,
            &[],
            &name,
            &[],
            UnixTime::now(),
        );
        Ok(verdict.is_ok())
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_made_once_and_refused_for_another_domain() {
        let folder = tempfile::tempdir().unwrap();
        ensure(folder.path(), "localhost").unwrap();
        let first = fs::read(folder.path().join("ca.pem")).unwrap();
        ensure(folder.path(), "localhost").unwrap();
        assert_eq!(first, fs::read(folder.path().join("ca.pem")).unwrap());

        let error = ensure(folder.path(), "example.net").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("not made for names under example.net")
        );
    }

    #[test]
    fn the_ca_cannot_speak_for_names_outside_of_its_domain() {
        let folder = tempfile::tempdir().unwrap();
        ensure(folder.path(), "localhost").unwrap();
        let authority = Authority::load(folder.path(), "localhost").unwrap();
        assert!(authority.is_trusted_for("acme.localhost").unwrap());
        assert!(!authority.is_trusted_for("acme.example.com").unwrap());
    }
}

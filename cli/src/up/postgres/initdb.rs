//! Making a cluster, whole or not at all, and the rules of who may connect to it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

use super::{
    account::{self, Account},
    installation::Installation,
};

/// The cluster's only role that can sign in.
pub(crate) const SUPERUSER: &str = "atoll";

/// Makes the cluster beside its place and moves it there when it is complete.
pub(crate) fn ensure(
    cluster: &Path,
    installation: &Installation,
    account: &Account,
) -> anyhow::Result<()> {
    if cluster.exists() {
        return Ok(());
    }
    tracing::info!(
        folder = %cluster.display(),
        postgres = installation.major,
        "making the database",
    );
    let unfinished = cluster.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .with_context(|| format!("cannot remove {}", unfinished.display()))?;
    }
    fs::create_dir(&unfinished)
        .with_context(|| format!("cannot create {}", unfinished.display()))?;
    account.take(&unfinished)?;
    let output = account
        .command(&installation.bin.join("initdb"))
        .args(["--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"])
        .args(["--auth-local=peer", "--auth-host=reject"])
        .arg(format!("--username={SUPERUSER}"))
        .arg("--pgdata")
        .arg(&unfinished)
        .output()
        .context("cannot start initdb")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("initdb failed ({}): {said}", output.status);
    }
    fs::rename(&unfinished, cluster).context("cannot move the new database to its place")
}

/// Who may connect: our own account, by the kernel's word. The files lie outside the cluster, where its
/// account cannot exchange them for links.
pub(crate) struct AccessFiles {
    pub hba: PathBuf,
    pub ident: PathBuf,
}

pub(crate) fn write_access_files(data: &Path) -> anyhow::Result<AccessFiles> {
    let own_name = account::own_name()?;
    let files = AccessFiles {
        hba: data.join("pg_hba.conf"),
        ident: data.join("pg_ident.conf"),
    };
    let hba = format!("local all {SUPERUSER} peer map=atoll\n");
    let ident = format!("atoll \"{own_name}\" {SUPERUSER}\n");
    for (path, text) in [(&files.hba, hba), (&files.ident, ident)] {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(files)
}

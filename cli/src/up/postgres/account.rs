//! As whom the database runs: as ourselves, or as an unprivileged account when we are root,
//! since PostgreSQL refuses to.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The account that owns the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
    /// Set where the database's processes must change to it.
    switch: bool,
}

impl Account {
    /// A cluster that exists keeps its owner.
    pub(crate) fn choose(cluster: &Path) -> anyhow::Result<Self> {
        let (own_uid, own_gid) = (
            rustix::process::geteuid().as_raw(),
            rustix::process::getegid().as_raw(),
        );
        let owner = cluster
            .metadata()
            .ok()
            .map(|found| (found.uid(), found.gid()));
        if own_uid != 0 {
            if let Some((uid, _)) = owner.filter(|(uid, _)| *uid != own_uid) {
                bail!(
                    "the database in {} belongs to user {uid}, and this is user {own_uid}; start \
                     atoll as that user or as root, or choose another folder with --data",
                    cluster.display(),
                );
            }
            return Ok(Self {
                uid: own_uid,
                gid: own_gid,
                switch: false,
            });
        }
        let (uid, gid) = match owner.filter(|(uid, _)| *uid != 0) {
            Some(owner) => owner,
            None => (id("-u", "postgres")?, id("-g", "postgres")?),
        };
        Ok(Self {
            uid,
            gid,
            switch: true,
        })
    }

    /// `program` as this account. Changing the user drops the supplementary groups as well.
    pub(crate) fn command(&self, program: &Path) -> Command {
        use std::os::unix::process::CommandExt;

        let mut command = Command::new(program);
        // A folder that it may enter, and no variable (PGDATA, PGOPTIONS, PGPORT, …) that would change what it does.
        command.current_dir("/").env_clear().env("LC_ALL", "C");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// Makes `folder` this account's alone.
    pub(crate) fn take(&self, folder: &Path) -> anyhow::Result<()> {
        let fail = || format!("cannot hand {} to the database's account", folder.display());
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(folder, private).with_context(fail)?;
        if self.switch {
            std::os::unix::fs::chown(folder, Some(self.uid), Some(self.gid)).with_context(fail)?;
        }
        Ok(())
    }

    /// The folder on the way to `path` that this account may not pass.
    pub(crate) fn stopped_at(&self, path: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> = path.ancestors().collect();
        way.reverse();
        way.into_iter()
            .find(|folder| folder.metadata().is_ok_and(|found| !self.may_enter(&found)))
            .map(Path::to_owned)
    }

    fn may_enter(&self, folder: &std::fs::Metadata) -> bool {
        let bit = match () {
            () if folder.uid() == self.uid => 0o100,
            () if folder.gid() == self.gid => 0o010,
            () => 0o001,
        };
        folder.mode() & bit != 0
    }
}

/// Our own account's name, as the database will see us at the other end of the socket.
pub(crate) fn own_name() -> anyhow::Result<String> {
    output(Command::new("id").arg("-un"))
        .context("this account has no name (`id -un` failed), and PostgreSQL asks for one")
}

fn id(option: &str, name: &str) -> anyhow::Result<u32> {
    let text = output(Command::new("id").args([option, name])).with_context(|| {
        format!(
            "PostgreSQL does not run as root, and this machine has no account `{name}` to run it \
             as; make one with `useradd --system {name}`, or start atoll as an ordinary user"
        )
    })?;
    let id = text.parse().context("`id` answered no number")?;
    if id == 0 {
        bail!("the account `{name}` is root itself, as which PostgreSQL does not run");
    }
    Ok(id)
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "{}",
            String::from_utf8_lossy(&output.stderr).trim().to_owned()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

//! Starting the cluster, waiting for it, and stopping it cleanly.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{
    account::Account,
    initdb::{self, AccessFiles, SUPERUSER},
    installation::Installation,
    leftover::{self, PidFile},
    runtime_folder,
};

/// Crash recovery after a killed run takes its time on a large database.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(30);
/// Two pools of the API server, and room for a person with psql.
const MAX_CONNECTIONS: u32 = 60;
const LARGEST_LOG: u64 = 10 * 1024 * 1024;

/// A running database, stopped the hard way if it is dropped.
pub(crate) struct Cluster {
    server: Child,
    log: PathBuf,
    sockets: TempDir,
}

impl Cluster {
    /// Starts the cluster in `data`, making it where there is none. The caller holds the folder's lock.
    pub(crate) async fn start(data: &Path) -> anyhow::Result<Self> {
        let folder = data.join("postgres");
        let installation = Installation::for_cluster(&folder)?;
        let account = Account::choose(&folder)?;
        if let Some(stopped_at) = account.stopped_at(data) {
            bail!(
                "the database's account cannot pass {}, and the data is to be in {}; open it with \
                 `chmod a+x {}`, or choose another folder with --data",
                stopped_at.display(),
                data.display(),
                stopped_at.display(),
            );
        }
        leftover::stop(&folder).await?;
        initdb::ensure(&folder, &installation, &account)?;
        let access = initdb::write_access_files(data)?;
        let sockets = runtime_folder::make(&account)?;
        let log = data.join("postgres.log");

        let mut command = Command::from(account.command(&installation.bin.join("postgres")));
        command
            .arg("-D")
            .arg(&folder)
            .args(options(&access, sockets.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(open_log(&log)?)
            // Ctrl-C at the terminal goes to our group: the database must outlive those who use it.
            .process_group(0);
        let server = command.spawn().context("cannot start postgres")?;
        let mut cluster = Self {
            server,
            log,
            sockets,
        };
        cluster.wait_until_ready(&folder).await?;
        Ok(cluster)
    }

    /// For the API server, which connects as the cluster's superuser and works as lesser roles.
    pub(crate) fn url(&self) -> String {
        let mut url = url::Url::parse(&format!("postgres://{SUPERUSER}@localhost/postgres"))
            .expect("a URL of constants");
        let folder = self.sockets.path().to_string_lossy().into_owned();
        url.query_pairs_mut().append_pair("host", &folder);
        url.into()
    }

    /// Resolves if the database ends by itself, which it never should.
    pub(crate) async fn died(&mut self) -> anyhow::Error {
        match self.server.wait().await {
            Ok(status) => self.ended(status),
            Err(error) => error.into(),
        }
    }

    /// Ends its sessions and leaves a clean folder.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::INT);
        match tokio::time::timeout(STOP, self.server.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(self.ended(status)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => bail!(
                "the database did not stop within {STOP:?}; it will recover at the next start"
            ),
        }
    }

    async fn wait_until_ready(&mut self, folder: &Path) -> anyhow::Result<()> {
        let own = self.server.id().and_then(|id| i32::try_from(id).ok());
        let ready = async {
            while !PidFile::read(folder).is_some_and(|file| file.ready && Some(file.pid) == own) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = ready => Ok(()),
            error = self.died() => Err(error),
            () = tokio::time::sleep(START) => {
                bail!("the database was not ready within {START:?}; see its postgres.log")
            }
        }
    }

    fn ended(&self, status: ExitStatus) -> anyhow::Error {
        let last = last_line(&self.log);
        anyhow::anyhow!(
            "the database ended ({status}), see {}: {last}",
            self.log.display()
        )
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.id().and_then(|id| i32::try_from(id).ok());
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // It may have ended in between, which is what was wanted.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal(Signal::QUIT);
    }
}

fn options(access: &AccessFiles, sockets: &Path) -> Vec<String> {
    [
        ("listen_addresses", String::new()),
        (
            "unix_socket_directories",
            sockets.to_string_lossy().into_owned(),
        ),
        ("unix_socket_permissions", "0700".to_owned()),
        ("port", "5432".to_owned()),
        ("hba_file", access.hba.to_string_lossy().into_owned()),
        ("ident_file", access.ident.to_string_lossy().into_owned()),
        ("max_connections", MAX_CONNECTIONS.to_string()),
        ("timezone", "UTC".to_owned()),
        ("log_timezone", "UTC".to_owned()),
    ]
    .into_iter()
    .flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")])
    .collect()
}

/// One old log is kept, so that a server that runs for years does not fill the disk with two lines a day.
fn open_log(path: &Path) -> anyhow::Result<File> {
    if path.metadata().is_ok_and(|log| log.len() > LARGEST_LOG) {
        fs::rename(path, path.with_extension("log.1")).context("cannot move the database's log")?;
    }
    let log = File::options().create(true).append(true).open(path);
    log.with_context(|| format!("cannot write {}", path.display()))
}

fn last_line(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().next_back().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A data folder that the database's account may pass, as `up` makes it for root.
    fn data() -> TempDir {
        let data = tempfile::tempdir().expect("a temporary folder");
        let passable = fs::Permissions::from_mode(0o711);
        fs::set_permissions(data.path(), passable).expect("its mode");
        data
    }

    #[tokio::test]
    async fn a_cluster_is_made_once_and_stopped_cleanly() {
        let data = data();
        let first = Cluster::start(data.path()).await.expect("a new cluster");
        let sockets = first.sockets.path().to_owned();
        assert!(runtime_folder::socket(&sockets).exists());
        first.stop().await.expect("a clean stop");
        assert!(!sockets.exists());
        assert!(!data.path().join("postgres/postmaster.pid").exists());

        let again = Cluster::start(data.path()).await.expect("the same cluster");
        again.stop().await.expect("a clean stop");
    }

    #[tokio::test]
    async fn the_server_of_a_killed_run_is_stopped_before_the_next() {
        let data = data();
        let first = Cluster::start(data.path()).await.expect("a new cluster");
        let left_behind = first.server.id();
        // As if this process had been killed: nothing is told to stop.
        std::mem::forget(first);
        let next = Cluster::start(data.path()).await.expect("it takes over");
        assert_ne!(next.server.id(), left_behind);
        next.stop().await.expect("a clean stop");
    }

    #[tokio::test]
    async fn a_folder_of_another_major_version_is_refused() {
        let data = data();
        let folder = data.path().join("postgres");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("PG_VERSION"), "9\n").expect("a version");
        let refusal = Cluster::start(data.path()).await.err().expect("too old");
        assert!(
            refusal.to_string().contains("made by PostgreSQL 9"),
            "{refusal}"
        );
    }
}

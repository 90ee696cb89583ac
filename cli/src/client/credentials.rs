//! `~/.config/atoll/credentials.toml`: what this machine presents to which server.
//!
//! A credential belongs to the server that gave it out and is found by that server's address alone: no option and no
//! file of a project can have it sent elsewhere.

use std::{
    collections::BTreeMap,
    fs, io,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::failure::Failure;

const HEADING: &str = "# Written by `atoll login`. Whoever can read this file can act in your name; `atoll logout` ends that.\n\n";

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The server of the last sign-in.
    pub(crate) current: Option<String>,
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, Credential>,
    #[serde(skip)]
    path: PathBuf,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    /// Whose it is, absent of a tenant's token.
    pub(crate) email: Option<String>,
    pub(crate) secret: String,
    /// RFC 3339.
    pub(crate) expires_at: Option<String>,
    /// Certificates of the authorities that vouch for the server.
    pub(crate) ca: Option<PathBuf>,
}

impl Credentials {
    pub(crate) fn load() -> Result<Self, Failure> {
        Self::load_from(folder()?.join("credentials.toml"))
    }

    fn load_from(path: PathBuf) -> Result<Self, Failure> {
        let shown = path.display();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self {
                    path,
                    ..Self::default()
                });
            }
            Err(error) => return Err(Failure::Usage(format!("{shown} cannot be read: {error}"))),
        };
        // The error of the library would show the line, and the line may be the secret.
        let read = toml::from_str::<Self>(&text).map_err(|error| {
            let line = error
                .span()
                .map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line
                .map(|line| format!(", line {line}"))
                .unwrap_or_default();
            Failure::Usage(format!(
                "{shown}{line}: {}\n  Mend it, or remove it and sign in again.",
                error.message()
            ))
        })?;
        Ok(Self { path, ..read })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others on this machine can read it.
    pub(crate) fn is_exposed(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|found| found.permissions().mode() & 0o077 != 0)
    }

    /// Replaces the file in one step, readable by its owner alone.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::Failed(format!(
                "{} cannot be written: {error}",
                self.path.display()
            ))
        };
        let folder = self.path.parent().expect("it is in a folder");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed)?;
        let text = toml::to_string(self).expect("text and paths make TOML");
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        file.write_all(HEADING.as_bytes()).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }
}

fn folder() -> Result<PathBuf, Failure> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    // A relative one is to be ignored, says the XDG specification.
    let config = from("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(PathBuf::from(from("HOME")?).join(".config")));
    let config = config.ok_or_else(|| {
        Failure::Usage(
            "HOME is not set, so there is no place for credentials; set it, or XDG_CONFIG_HOME"
                .to_owned(),
        )
    })?;
    Ok(config.join("atoll"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_back_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("atoll/credentials.toml");
        let mut kept = Credentials::load_from(path.clone()).unwrap();
        assert!(kept.current.is_none() && kept.servers.is_empty());
        let credential = Credential {
            email: Some("you@example.com".to_owned()),
            secret: "atoll_user_x_0".to_owned(),
            expires_at: None,
            ca: Some("/etc/ca.pem".into()),
        };
        kept.current = Some("http://127.0.0.1:8080".to_owned());
        kept.servers
            .insert("http://127.0.0.1:8080".to_owned(), credential);
        kept.save().unwrap();

        let read = Credentials::load_from(path.clone()).unwrap();
        assert_eq!(
            read.servers["http://127.0.0.1:8080"].secret,
            "atoll_user_x_0"
        );
        assert!(!read.is_exposed());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read.is_exposed());
    }

    #[test]
    fn a_broken_file_is_named_by_its_line_and_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials.toml");
        fs::write(&path, "current = \"x\"\n[servers.a]\nsecret = hunter2\n").unwrap();
        let Err(told) = Credentials::load_from(path) else {
            panic!("it is broken");
        };
        let told = told.to_string();
        assert!(
            told.contains("line 3") && !told.contains("hunter2"),
            "{told}"
        );
    }
}

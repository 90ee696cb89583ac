//! PostgreSQL's programs on this machine, and which of them fit a cluster.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail};

/// The oldest that the migrations were tried with.
const OLDEST: u32 = 15;

#[derive(Clone, Debug)]
pub(crate) struct Installation {
    pub bin: PathBuf,
    pub major: u32,
}

impl Installation {
    /// The one that made the cluster where there is one already, the newest otherwise.
    pub(crate) fn for_cluster(cluster: &Path) -> anyhow::Result<Self> {
        let found = installed();
        let majors = || match found.len() {
            0 => "none".to_owned(),
            _ => found
                .keys()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let Some(wanted) = major_of(cluster)? else {
            let newest = found
                .last_key_value()
                .filter(|(major, _)| **major >= OLDEST);
            let Some((&major, bin)) = newest else {
                bail!(
                    "atoll up needs PostgreSQL {OLDEST} or newer (initdb and postgres); installed: \
                     {}. Install it, for instance `apt-get install postgresql`, or name a database \
                     with --database-url",
                    majors(),
                );
            };
            return Ok(Self {
                bin: bin.clone(),
                major,
            });
        };
        let Some(bin) = found.get(&wanted) else {
            bail!(
                "the database in {} was made by PostgreSQL {wanted}; installed: {}. Install \
                 PostgreSQL {wanted}, or move the data with pg_upgrade",
                cluster.display(),
                majors(),
            );
        };
        Ok(Self {
            bin: bin.clone(),
            major: wanted,
        })
    }
}

fn major_of(cluster: &Path) -> anyhow::Result<Option<u32>> {
    let file = cluster.join("PG_VERSION");
    if !cluster.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).with_context(|| {
        format!(
            "{} is no database: cannot read PG_VERSION",
            cluster.display()
        )
    })?;
    let major = text.trim().parse();
    major
        .map(Some)
        .with_context(|| format!("{} holds `{}`, no version", file.display(), text.trim()))
}

/// Folder of the programs by major version; the first place found wins.
fn installed() -> BTreeMap<u32, PathBuf> {
    let mut found = BTreeMap::new();
    for bin in places() {
        if !bin.join("initdb").is_file() {
            continue;
        }
        if let Some(major) = major_version(&bin.join("postgres")) {
            found.entry(major).or_insert(bin);
        }
    }
    found
}

fn places() -> Vec<PathBuf> {
    let mut places = Vec::new();
    if let Some(path) = std::env::var_os("PATH") {
        places.extend(std::env::split_paths(&path).filter(|place| place.is_absolute()));
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        places.push(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ));
    }
    // Debian and Ubuntu; Fedora and the PostgreSQL project's own packages; Alpine.
    for (parent, inner) in [
        ("/usr/lib/postgresql", "bin"),
        ("/usr", "bin"),
        ("/usr/libexec", ""),
    ] {
        let folders = fs::read_dir(parent).into_iter().flatten().flatten();
        places.extend(
            folders
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    parent == "/usr/lib/postgresql"
                        || name.starts_with("pgsql-")
                        || name.starts_with("postgresql")
                })
                .map(|entry| entry.path().join(inner)),
        );
    }
    // A link on PATH leads to where the programs find their own files.
    places
        .into_iter()
        .map(|place| match place.join("postgres").canonicalize() {
            Ok(program) => program.parent().map_or(place, Path::to_owned),
            Err(_) => place,
        })
        .collect()
}

/// From `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`.
fn major_version(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, version) = text.split_once(") ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

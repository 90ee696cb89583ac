//! Reads one option after the other and keeps what is wrong, so that an operator mends it in one go.

use std::{
    fmt::Display,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use domain::Problems;
#[cfg(feature = "worker")]
use ipnet::IpNet;
use url::Url;

/// Where variables come from: the process's own, or a test's.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

pub(crate) fn process_variables(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) struct Reader<'a> {
    variables: Variables<'a>,
    pub problems: Problems,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(variables: Variables<'a>) -> Self {
        Self {
            variables,
            problems: Problems::default(),
        }
    }

    pub(crate) fn problem(&mut self, field: &str, detail: impl Into<String>) {
        self.problems.push(spelled(field), detail);
    }

    /// `None` where it is absent, or wrong and now among the problems. An empty value is an absent one:
    /// that is how compose files and manifests leave a variable out.
    pub(crate) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = text.filter(|text| !text.is_empty())?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(detail) => {
                self.problem(field, detail.to_string());
                None
            }
        }
    }

    /// As [`Self::optional`], with a value for the absent one.
    pub(crate) fn or<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&str>,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match text {
            None | Some("") => Some(default),
            text => self.optional(field, text, parse),
        }
    }

    /// As [`Self::optional`]; absence is a problem too, and `hint` says what to do.
    pub(crate) fn required<T, E: Display>(
        &mut self,
        field: &str,
        text: Option<&str>,
        hint: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_none_or(str::is_empty) {
            self.problem(field, format!("missing; {hint}"));
        }
        self.optional(field, text, parse)
    }

    /// The variable `name`, or the content of the file that `name`_FILE names.
    pub(crate) fn secret(&mut self, name: &str) -> Option<String> {
        let given = |name: &str| (self.variables)(name).filter(|text| !text.is_empty());
        let file_name = format!("{name}_FILE");
        match (given(name), given(&file_name)) {
            (Some(_), Some(_)) => {
                self.problem(name, format!("both it and {file_name} are set; keep one"));
                None
            }
            (Some(value), None) => Some(value),
            (None, Some(path)) => match std::fs::read_to_string(&path) {
                Ok(text) => Some(text.trim().to_owned()),
                Err(error) => {
                    self.problem(&file_name, format!("`{path}` cannot be read: {error}"));
                    None
                }
            },
            (None, None) => None,
        }
    }

    /// A certificate and its key: both or neither.
    pub(crate) fn certificate(
        &mut self,
        [cert_field, key_field]: [&str; 2],
        [cert, key]: [Option<&str>; 2],
    ) -> Option<(PathBuf, PathBuf)> {
        let given = [cert, key].map(|text| text.is_some_and(|text| !text.is_empty()));
        match given {
            [true, false] => {
                self.problem(key_field, format!("missing; {cert_field} needs its key"))
            }
            [false, true] => {
                self.problem(
                    cert_field,
                    format!("missing; {key_field} needs its certificate"),
                );
            }
            _ => {}
        }
        let cert = self.optional(cert_field, cert, readable_file);
        let key = self.optional(key_field, key, readable_file);
        cert.zip(key)
    }
}

/// An option together with its variable, as both are looked for by whoever reads the problem.
fn spelled(field: &str) -> String {
    match field.strip_prefix("--") {
        Some("database-url") => "--database-url (DATABASE_URL)".to_owned(),
        Some(name) => format!("{field} (ATOLL_{})", name.replace('-', "_").to_uppercase()),
        None => field.to_owned(),
    }
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "`{text}` is not an address with a port; write one such as 127.0.0.1:8080 or [::1]:8080"
        )
    })
}

/// An address whose port is that of name servers unless told.
#[cfg(feature = "api")]
pub(crate) fn dns_server(text: &str) -> Result<SocketAddr, String> {
    let at_53 = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    text.parse().or_else(|_| at_53()).map_err(|_| {
        format!("`{text}` is not an address; write one such as 10.0.0.53 or 127.0.0.1:5353")
    })
}

/// Networks separated by commas; a lone address is a network of one.
#[cfg(feature = "worker")]
pub(crate) fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let one = |text: &str| {
        let lone = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse().or_else(|_| lone()).map_err(|_| {
            format!("`{text}` is not a network; write one such as 10.0.0.0/8 or ::1/128")
        })
    };
    text.split(',').map(|text| one(text.trim())).collect()
}

pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a whole number in range"))
}

/// For how long something is kept.
#[cfg(feature = "api")]
pub(crate) fn days(text: &str) -> Result<u16, String> {
    let days = text.parse().ok().filter(|days| (1..=3_650).contains(days));
    days.ok_or_else(|| format!("`{text}` is not a number of days from 1 to 3650"))
}

/// `file:///DIR`, a folder's path, or `s3://BUCKET?…`.
pub(crate) fn blobs(text: &str) -> Result<Url, String> {
    if text.starts_with('/') || text.starts_with('.') {
        return folder_url(Path::new(text));
    }
    match Url::parse(text) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => Err(
            "holds credentials; give them as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .to_owned(),
        ),
        Ok(url) if url.scheme() == "file" && url.to_file_path().is_ok() => Ok(url),
        Ok(url) if url.scheme() == "s3" && url.host_str().is_some() => Ok(url),
        _ => Err(format!(
            "`{text}` is neither file:///DIR nor s3://BUCKET?endpoint=URL&region=NAME"
        )),
    }
}

pub(crate) fn folder_url(path: &Path) -> Result<Url, String> {
    let absolute = folder(&path.to_string_lossy())?;
    Url::from_directory_path(&absolute)
        .map_err(|()| format!("`{}` cannot be written as a URL", absolute.display()))
}

pub(crate) fn folder(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| format!("`{text}` is not a folder's path: {error}"))
}

/// The name below which each tenant has its host.
pub(crate) fn apps_domain(text: &str) -> Result<String, String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // Room for `<preview>.` before it, within the 253 of a host name.
    let well_formed = text.len() <= 189
        && text.split('.').all(label)
        && !text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !well_formed {
        return Err(format!(
            "`{text}` is not a domain name in lower case; write one such as apps.example.com"
        ));
    }
    Ok(text.to_owned())
}

fn readable_file(text: &str) -> Result<PathBuf, String> {
    match std::fs::File::open(text) {
        Ok(_) => Ok(PathBuf::from(text)),
        Err(error) => Err(format!("`{text}` cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::origin;

    #[test]
    fn every_problem_is_told_at_once_with_its_option_and_variable() {
        let mut reader = Reader::new(&|_| None);
        reader.optional("--listen", Some("80800"), address);
        reader.required("--public-url", None, "say how", origin);
        reader.required("--apps-domain", Some("Apps_1"), "say which", apps_domain);
        let told: Vec<_> = reader.problems.0.iter().map(ToString::to_string).collect();
        assert!(
            told[0].starts_with("--listen (ATOLL_LISTEN): `80800` is not"),
            "{told:?}"
        );
        assert_eq!(told[1], "--public-url (ATOLL_PUBLIC_URL): missing; say how");
        assert!(
            told[2].starts_with("--apps-domain (ATOLL_APPS_DOMAIN): `Apps_1`"),
            "{told:?}"
        );
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_its_file_and_never_both() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "from the file\n").expect("written");
        let path = file.path().to_string_lossy().into_owned();

        let from_file = |name: &str| (name == "TOKEN_FILE").then(|| path.clone());
        let mut reader = Reader::new(&from_file);
        assert_eq!(reader.secret("TOKEN").as_deref(), Some("from the file"));

        let both = |_: &str| Some(path.clone());
        let mut reader = Reader::new(&both);
        assert_eq!(reader.secret("TOKEN"), None);
        assert!(reader.problems.0[0].detail.contains("keep one"));
    }

    #[test]
    fn a_blob_url_holds_no_credentials() {
        assert!(blobs("s3://bucket?endpoint=http://127.0.0.1:3900&region=garage").is_ok());
        assert!(blobs("file:///var/lib/atoll/blobs").is_ok());
        assert!(blobs("./blobs").is_ok_and(|url| url.scheme() == "file"));
        for wrong in ["s3://key:secret@bucket", "https://bucket", "bucket"] {
            let problem = blobs(wrong).expect_err(wrong);
            assert!(!problem.contains("secret@"), "{problem}");
        }
    }

    #[cfg(feature = "worker")]
    #[test]
    fn networks_are_given_with_or_without_a_length() {
        let read = networks("10.0.0.0/8, ::1").expect("two networks");
        assert_eq!(read.len(), 2);
        assert!(read[1].contains(&"::1".parse::<IpAddr>().expect("an address")));
        assert!(networks("10.0.0.0/33").is_err() && networks("").is_err());
    }
}

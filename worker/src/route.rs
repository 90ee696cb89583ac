//! From a request's authority and path to the function that answers.

use std::sync::Arc;

use domain::{Failure, TenantSlug};
use http::{HeaderMap, Uri, header, uri::Authority};

use crate::{
    outcome::Failed,
    table::{Function, Leads, Table, Tenant},
    version::Version,
};

/// Where a request goes, and how the function sees it.
pub(crate) struct Target {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) function: Arc<Function>,
    /// What was cut off the path, `/hello`; empty where the function sees it whole.
    pub(crate) prefix: String,
    /// Of the route that was hit, `/hello/...`.
    pub(crate) pattern: String,
    /// Path and query as the function sees them, `/items?page=2`.
    pub(crate) path_and_query: String,
    pub(crate) meets: Meets,
}

/// Which version answers.
pub(crate) enum Meets {
    /// One of those that are live, by their shares.
    Traffic,
    /// That of the alias which the route names; `None` while it is not there.
    Alias(Option<Arc<Version>>),
    /// The one that the host names; whether anybody may call it there.
    Preview { version: Arc<Version>, open: bool },
    /// The route asks for a feature that this release lacks.
    Unknown(Box<str>),
}

impl Target {
    /// As the caller asked for it, without the query.
    pub(crate) fn path(&self) -> String {
        let path = self.path_and_query.split('?').next().unwrap_or_default();
        format!("{}{path}", self.prefix)
    }
}

/// The authority a request is for: of its target if that names one, else of its one `Host`.
pub(crate) fn authority(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Failed> {
    let malformed = |detail: &'static str| Failed::new(Failure::BadRequest, detail);
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(
            Authority::try_from(host.as_bytes())
                .map_err(|_| malformed("the Host header is not a host"))?,
        ),
        (Some(_), Some(_)) => return Err(malformed("the request has more than one Host header")),
    };
    let authority = uri
        .authority()
        .cloned()
        .or(host)
        .ok_or_else(|| malformed("the request names no host"))?;
    if authority.as_str().contains('@') {
        return Err(malformed("the request's host has user information"));
    }
    Ok(authority)
}

/// A host in the one spelling that names are compared in.
pub(crate) fn canonical_host(authority: &Authority) -> String {
    let host = authority.host();
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Whatever is missing, tenant, function or deployment, the answer is the same.
pub(crate) fn find(
    table: &Table,
    apps_domain: &str,
    host: &str,
    uri: &Uri,
) -> Result<Target, Failed> {
    if !uri.path().starts_with('/') {
        return Err(Failed::new(
            Failure::BadRequest,
            "the request's target has no path that begins with /",
        ));
    }
    let label = host
        .strip_suffix(apps_domain)
        .and_then(|rest| rest.strip_suffix('.'));
    let found = match label {
        Some(label) if label.contains("--") => preview(table, label, uri),
        Some(label) => {
            let tenant = TenantSlug::parse(label).ok();
            let tenant = tenant.and_then(|slug| table.tenant(&slug));
            tenant.and_then(|tenant| {
                routed(tenant, host, uri).or_else(|| below_its_name(tenant, uri))
            })
        }
        None => {
            let tenant = table.tenant_by_domain(host);
            tenant.and_then(|tenant| routed(tenant, host, uri))
        }
    };
    let found = found.filter(|target| match target.meets {
        Meets::Traffic => target.function.is_deployed(),
        Meets::Alias(_) | Meets::Preview { .. } | Meets::Unknown(_) => true,
    });
    found.ok_or_else(not_found)
}

/// Of what is not there, and of what is not there for this caller.
pub(crate) fn not_found() -> Failed {
    Failed::new(
        Failure::NotFound,
        "no function answers at this address, or none that is open to this caller: \
         a private one is called by /invoke of the API, a private preview is opened by its link",
    )
}

/// By the tenant's own routes, which pass the path whole.
fn routed(tenant: &Arc<Tenant>, host: &str, uri: &Uri) -> Option<Target> {
    let hit = tenant.routes.as_ref()?.find(host, uri.path())?;
    let meets = match &hit.leads {
        Leads::Live => Meets::Traffic,
        Leads::Alias(name) => Meets::Alias(hit.function.version_of_alias(name).cloned()),
        Leads::Unknown(feature) => Meets::Unknown(feature.clone()),
    };
    Some(Target {
        tenant: Arc::clone(tenant),
        function: Arc::clone(&hit.function),
        prefix: String::new(),
        pattern: hit.pattern.to_string(),
        path_and_query: with_query(uri.path(), uri.query()),
        meets,
    })
}

/// `/<function>/<rest>`.
fn below_its_name(tenant: &Arc<Tenant>, uri: &Uri) -> Option<Target> {
    let (name, rest) = split(uri.path())?;
    Some(Target {
        tenant: Arc::clone(tenant),
        function: Arc::clone(tenant.function(name)?),
        prefix: format!("/{name}"),
        pattern: format!("/{name}/..."),
        path_and_query: with_query(rest, uri.query()),
        meets: Meets::Traffic,
    })
}

/// `<alias or v12>--<function>--<tenant>`.
fn preview(table: &Table, label: &str, uri: &Uri) -> Option<Target> {
    let mut parts = label.split("--");
    let (Some(name), Some(function), Some(tenant), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let tenant = table.tenant(&TenantSlug::parse(tenant).ok()?)?;
    let function = tenant.function(function)?;
    let (version, open) = function.preview(name)?;
    Some(Target {
        tenant: Arc::clone(tenant),
        function: Arc::clone(function),
        prefix: String::new(),
        pattern: "/...".to_owned(),
        path_and_query: with_query(uri.path(), uri.query()),
        meets: Meets::Preview {
            version: Arc::clone(version),
            open,
        },
    })
}

/// `/hello/x` is `hello` and `/x`; `/hello` is `hello` and `/`.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    match path.find('/') {
        Some(slash) => Some((&path[..slash], &path[slash..])),
        None => Some((path, "/")),
    }
}

fn with_query(path: &str, query: Option<&str>) -> String {
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_names_the_function_and_the_rest_is_its_path() {
        assert_eq!(split("/hello"), Some(("hello", "/")));
        assert_eq!(split("/hello/"), Some(("hello", "/")));
        assert_eq!(split("/hello/x"), Some(("hello", "/x")));
        assert_eq!(split("/hello//x"), Some(("hello", "//x")));
        assert_eq!(split("/"), Some(("", "/")));
        assert_eq!(split("*"), None);
        assert_eq!(with_query("/x", Some("y")), "/x?y");
    }

    fn authority_of(uri: &str, hosts: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, host.parse().unwrap());
        }
        match authority(&uri.parse().unwrap(), &headers) {
            Ok(authority) => canonical_host(&authority),
            Err(failed) => failed.to_string(),
        }
    }

    #[test]
    fn a_request_is_for_exactly_one_host() {
        assert_eq!(
            authority_of("/x", &["Acme.Localhost.:8443"]),
            "acme.localhost"
        );
        assert_eq!(
            authority_of("https://a.localhost/x", &["b.localhost"]),
            "a.localhost"
        );
        assert!(authority_of("/x", &[]).contains("names no host"));
        assert!(authority_of("/x", &["a", "b"]).contains("more than one Host"));
        assert!(authority_of("/x", &["u@a.localhost"]).contains("user information"));
        assert!(authority_of("/x", &["a b"]).contains("not a host"));
    }
}

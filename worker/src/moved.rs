//! Hosts of a slug that a tenant had before: whoever asks there is led to the same place at its present one,
//! whatever is there or not. Hosts that are the tenant's own, not the platform's, do not change with a slug.

use bytes::Bytes;
use domain::TenantSlug;
use http::{HeaderValue, Response, StatusCode, Uri, header, uri::Authority};

use crate::{body::ResponseBody, clock, table::Table};

/// What a request asked for.
pub(crate) struct Asked<'a> {
    pub(crate) scheme: &'static str,
    pub(crate) authority: &'a Authority,
    /// In its canonical spelling.
    pub(crate) host: &'a str,
    pub(crate) uri: &'a Uri,
}

/// The answer, where the host is that of a former slug; 308, so that the method and body stay.
pub(crate) fn led_on(
    table: &Table,
    apps_domain: &str,
    asked: &Asked<'_>,
) -> Option<Response<ResponseBody>> {
    let label = asked.host.strip_suffix(apps_domain)?.strip_suffix('.')?;
    let (preview, slug) = split(label);
    let slug = TenantSlug::parse(slug).ok()?;
    if table.tenant(&slug).is_some() {
        return None;
    }
    let tenant = table.moved_tenant(&slug, clock::now())?;
    let host = format!("{preview}{}.{apps_domain}", tenant.slug);
    let location = location(asked, &host)?;
    let mut response = Response::new(ResponseBody::from(Bytes::new()));
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    // It ends, and the tenant may take its old slug back.
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=300"),
    );
    Some(response)
}

/// `v2--hello--acme` is `v2--hello--` and `acme`; `acme` is itself.
fn split(label: &str) -> (&str, &str) {
    match label.rfind("--") {
        Some(at) => label.split_at(at + 2),
        None => ("", label),
    }
}

fn location(asked: &Asked<'_>, host: &str) -> Option<HeaderValue> {
    let port = asked.authority.port_u16();
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let path = asked.uri.path_and_query().map_or("/", |path| path.as_str());
    // `OPTIONS *` has no path to go to.
    let path = if path.starts_with('/') { path } else { "/" };
    HeaderValue::try_from(format!("{}://{host}{port}{path}", asked.scheme)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slug_is_the_last_part_of_a_label() {
        assert_eq!(split("acme"), ("", "acme"));
        assert_eq!(split("v2--hello--acme"), ("v2--hello--", "acme"));
        assert_eq!(split("a-b--c-d"), ("a-b--", "c-d"));
    }

    #[test]
    fn port_path_and_query_stay() {
        let at = |authority: &str, uri: &str| {
            let (authority, uri) = (authority.parse().unwrap(), uri.parse().unwrap());
            let asked = Asked {
                scheme: "https",
                authority: &authority,
                host: "old.localhost",
                uri: &uri,
            };
            let location = location(&asked, "new.localhost").unwrap();
            location.to_str().unwrap().to_owned()
        };
        let path = "/a/b?c=d&e=%20";
        assert_eq!(
            at("old.localhost:8443", path),
            format!("https://new.localhost:8443{path}")
        );
        assert_eq!(at("old.localhost", "/"), "https://new.localhost/");
        assert_eq!(at("old.localhost", "//x"), "https://new.localhost//x");
        assert_eq!(at("old.localhost", "*"), "https://new.localhost/");
    }
}

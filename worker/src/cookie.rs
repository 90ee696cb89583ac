//! The one rule about a guest's cookies: they stay with the host that answered. A `Domain` wider
//! than it would reach the functions of every other tenant.

use http::HeaderValue;

/// Whether a `Set-Cookie` may pass in an answer of `host`.
pub(crate) fn stays_with(cookie: &HeaderValue, host: &str) -> bool {
    cookie
        .as_bytes()
        .split(|&byte| byte == b';')
        .skip(1)
        .filter_map(|attribute| {
            let mut parts = attribute.splitn(2, |&byte| byte == b'=');
            let name = parts.next()?.trim_ascii();
            let value = parts.next().unwrap_or_default().trim_ascii();
            name.eq_ignore_ascii_case(b"domain").then_some(value)
        })
        .all(|domain| {
            // A leading dot means nothing (RFC 6265 §5.2.3), an empty value means none.
            let domain = domain.strip_prefix(b".").unwrap_or(domain);
            domain.is_empty() || domain.eq_ignore_ascii_case(host.as_bytes())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_for_a_wider_domain_is_dropped() {
        let stays =
            |cookie: &'static str| stays_with(&HeaderValue::from_static(cookie), "acme.localhost");
        assert!(stays("a=1"));
        assert!(stays("a=1; Path=/; HttpOnly"));
        assert!(stays("a=1; Domain=acme.localhost"));
        assert!(stays("a=1; domain = .ACME.localhost ;Secure"));
        assert!(stays("domain=localhost"));
        assert!(!stays("a=1; Domain=localhost"));
        assert!(!stays("a=1; DOMAIN=.localhost; Domain=acme.localhost"));
        assert!(!stays("a=1; Domain=other.localhost"));
    }
}

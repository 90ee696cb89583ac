//! The filter of a guest's cookies.

use http::HeaderValue;

const HOST: &str = "acme.apps.example";

pub(crate) fn run(input: &[u8]) {
    let Ok(cookie) = HeaderValue::from_bytes(input) else {
        return;
    };
    let stays = worker::fuzzing::cookie_stays_with(&cookie, HOST);
    // As a browser reads it (RFC 6265 §5.2): by attributes, of which the last Domain counts.
    let domains = input
        .split(|&byte| byte == b';')
        .skip(1)
        .filter_map(|attribute| {
            let at = attribute.iter().position(|&byte| byte == b'=')?;
            let (name, value) = (
                attribute[..at].trim_ascii(),
                attribute[at + 1..].trim_ascii(),
            );
            name.eq_ignore_ascii_case(b"domain").then_some(value)
        });
    let widens = |value: &[u8]| {
        let value = value
            .strip_prefix(b".")
            .unwrap_or(value)
            .to_ascii_lowercase();
        !value.is_empty() && value != HOST.as_bytes()
    };
    if domains.last().is_some_and(widens) {
        assert!(!stays, "a wider cookie passed");
    }
}

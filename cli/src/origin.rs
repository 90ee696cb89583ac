//! The address of a service, as operators and users write it.

use url::Url;

/// The origin of a service: nothing after the host and port, and nothing secret in it.
pub(crate) fn origin(text: &str) -> Result<Url, String> {
    let wrong = |what: &str| {
        Err(format!(
            "`{text}` {what}; write one such as https://console.example.com"
        ))
    };
    let Ok(url) = Url::parse(text) else {
        return wrong("is not a URL");
    };
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return wrong("is not an http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or a password; leave them out".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return wrong("has more than a host and a port");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        assert!(origin("https://console.example.com").is_ok());
        for wrong in [
            "console.example.com",
            "ftp://a",
            "https://a/b",
            "https://u:p@a",
        ] {
            origin(wrong).expect_err(wrong);
        }
    }
}

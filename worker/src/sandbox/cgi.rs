//! CGI (RFC 3875) as commands speak it: a request as variables, a response's head as lines.

use http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts};

use super::verdict::Invalid;

/// The variables of a request (§4.1), whose headers are those that the function sees.
pub(super) fn variables(request: &Parts) -> Vec<(String, String)> {
    let uri = &request.uri;
    let header = |name: &str| {
        let value = request
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let remote = header("spin-client-addr");
    let remote = remote.rsplit_once(':').map_or("", |(address, _)| address);
    let port = uri.port_u16().unwrap_or(443);
    let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy();
    let mut variables: Vec<(String, String)> = [
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        ("SERVER_PROTOCOL", "HTTP/1.1".to_owned()),
        ("SERVER_SOFTWARE", "Atoll".to_owned()),
        ("SERVER_NAME", uri.host().unwrap_or_default().to_owned()),
        ("SERVER_PORT", port.to_string()),
        ("HTTPS", "on".to_owned()),
        ("REQUEST_METHOD", request.method.to_string()),
        ("SCRIPT_NAME", header("x-forwarded-prefix")),
        ("PATH_INFO", path.into_owned()),
        ("QUERY_STRING", uri.query().unwrap_or_default().to_owned()),
        ("REMOTE_ADDR", remote.to_owned()),
        ("CONTENT_TYPE", header("content-type")),
        ("CONTENT_LENGTH", header("content-length")),
        ("X_FULL_URL", header("spin-full-url")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for name in request.headers.keys() {
        // `Proxy` would become HTTP_PROXY, which programs take for their own configuration.
        if *name == header::CONTENT_TYPE || *name == header::CONTENT_LENGTH || name == "proxy" {
            continue;
        }
        let values = request
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let name = format!(
            "HTTP_{}",
            name.as_str().to_ascii_uppercase().replace('-', "_")
        );
        variables.push((name, values.collect::<Vec<_>>().join(", ")));
    }
    variables
}

/// The head (§6) at the start of what a command wrote, and where its body begins; `None` while the
/// empty line that ends the head has not come.
pub(super) fn head(written: &[u8]) -> Option<(Result<Response<()>, Invalid>, usize)> {
    let mut start = 0;
    let mut lines = Vec::new();
    loop {
        let end = start + written[start..].iter().position(|&byte| byte == b'\n')?;
        let line = &written[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        start = end + 1;
        if line.is_empty() {
            return Some((parse(&lines), start));
        }
        lines.push(line);
    }
}

fn parse(lines: &[&[u8]]) -> Result<Response<()>, Invalid> {
    if lines.is_empty() {
        return Err(Invalid("the command wrote no CGI header before its body"));
    }
    let mut response = Response::new(());
    let mut status = None;
    for line in lines {
        let malformed =
            Invalid("the command wrote a line that is no CGI header: `Name: value` is expected");
        let colon = line.iter().position(|&byte| byte == b':');
        let Some((name, value)) = colon.map(|at| (&line[..at], line[at + 1..].trim_ascii())) else {
            return Err(malformed);
        };
        if name.eq_ignore_ascii_case(b"status") {
            let code = value.split(|&byte| byte == b' ').next().unwrap_or_default();
            let code = StatusCode::from_bytes(code);
            status =
                Some(code.map_err(|_| {
                    Invalid("the command wrote a Status that is no number from 100")
                })?);
            continue;
        }
        match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
            (Ok(name), Ok(value)) => response.headers_mut().append(name, value),
            _ => return Err(malformed),
        };
    }
    let redirects = response.headers().contains_key(header::LOCATION);
    let implied = if redirects {
        StatusCode::FOUND
    } else {
        StatusCode::OK
    };
    *response.status_mut() = status.unwrap_or(implied);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(written: &str) -> String {
        match head(written.as_bytes()) {
            None => "more".to_owned(),
            Some((Err(invalid), _)) => invalid.to_string(),
            Some((Ok(response), body)) => format!(
                "{} {:?} {}",
                response.status().as_u16(),
                response
                    .headers()
                    .get("content-type")
                    .map(|value| value.to_str().unwrap()),
                &written[body..],
            ),
        }
    }

    #[test]
    fn the_head_ends_at_the_first_empty_line() {
        assert_eq!(
            told("Content-Type: text/plain\n\nhi\n\n"),
            "200 Some(\"text/plain\") hi\n\n"
        );
        assert_eq!(told("Status: 404 Not Found\r\nA: b\r\n\r\n"), "404 None ");
        assert_eq!(told("Location: /elsewhere\n\n"), "302 None ");
        assert_eq!(told("Content-Type: text/plain\n"), "more");
        assert_eq!(told(""), "more");
    }

    #[test]
    fn what_is_no_head_is_said_to_be_none() {
        assert!(told("\nhello").contains("no CGI header before"));
        assert!(told("hello\n\n").contains("`Name: value`"));
        assert!(told("Status: fine\n\n").contains("Status"));
        assert!(told("A\0b: c\n\n").contains("`Name: value`"));
    }

    #[test]
    fn a_request_becomes_variables() {
        let request = http::Request::get("https://acme.localhost:8443/a%20b?q=1")
            .header("x-forwarded-prefix", "/tool")
            .header("spin-client-addr", "10.0.0.1:5000")
            .header("accept", "text/plain")
            .header("accept", "text/html")
            .header("proxy", "evil")
            .body(())
            .unwrap();
        let variables = variables(&request.into_parts().0);
        let get = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.as_str())
        };
        assert_eq!(get("PATH_INFO"), Some("/a b"));
        assert_eq!(get("QUERY_STRING"), Some("q=1"));
        assert_eq!(get("SCRIPT_NAME"), Some("/tool"));
        assert_eq!(get("REMOTE_ADDR"), Some("10.0.0.1"));
        assert_eq!(get("SERVER_PORT"), Some("8443"));
        assert_eq!(get("HTTP_ACCEPT"), Some("text/plain, text/html"));
        assert_eq!(get("HTTP_PROXY"), None);
    }
}

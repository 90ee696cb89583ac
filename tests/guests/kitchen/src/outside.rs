//! What a sandbox keeps from a guest: other hosts, the environment, files, sockets.

use std::fs;

use wasip2::{
    cli::environment,
    filesystem::preopens,
    http::{
        outgoing_handler,
        types::{ErrorCode, Fields, OutgoingRequest, Scheme},
    },
    sockets::{
        instance_network,
        network::{self, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
        tcp_create_socket,
    },
};

use crate::call::{Call, quoted};

/// Gets `url` and answers with its status, or with the name of the error.
pub fn outbound(call: Call) {
    let Some(url) = call.parameter("url") else {
        return call.text(400, "url is missing\n");
    };
    match get(&url) {
        Ok(status) => call.text(200, &format!("status: {status}\n")),
        Err(code) => call.text(200, &format!("error: {}\n", name(&code))),
    }
}

fn get(url: &str) -> Result<u16, ErrorCode> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);

    let request = OutgoingRequest::new(Fields::new());
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let path = if path.is_empty() { "/" } else { path };
    let refused = |()| ErrorCode::HttpRequestUriInvalid;
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;

    let response = outgoing_handler::handle(request, None)?;
    response.subscribe().block();
    let response = response
        .get()
        .expect("it is ready")
        .expect("the first take of the response")?;
    Ok(response.status())
}

/// `ErrorCode::DnsError(…)` is `DnsError`.
fn name(code: &ErrorCode) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', ' ']).next().unwrap_or(text).to_owned()
}

pub fn environment(call: Call) {
    let variables: Vec<String> = environment::get_environment()
        .iter()
        .map(|(name, value)| format!("[{},{}]", quoted(name), quoted(value)))
        .collect();
    let arguments: Vec<String> = environment::get_arguments()
        .iter()
        .map(|text| quoted(text))
        .collect();
    let folders: Vec<String> = preopens::get_directories()
        .iter()
        .map(|(_, path)| quoted(path))
        .collect();
    let json = format!(
        r#"{{"variables":[{}],"arguments":[{}],"preopens":[{}]}}"#,
        variables.join(","),
        arguments.join(","),
        folders.join(","),
    );
    call.answer(200, "application/json", &json);
}

pub fn files(call: Call) {
    match fs::read("/etc/passwd") {
        Ok(bytes) => call.text(200, &format!("read {} bytes\n", bytes.len())),
        Err(error) => call.text(200, &format!("error: {error}\n")),
    }
}

/// By wasi:sockets itself: the standard library of WASI 0.1 would refuse without asking the host.
pub fn socket(call: Call) {
    match connect() {
        Ok(()) => call.text(200, "connected\n"),
        Err((step, code)) => call.text(200, &format!("error: {} ({step})\n", code.name())),
    }
}

fn connect() -> Result<(), (&'static str, network::ErrorCode)> {
    let network = instance_network::instance_network();
    let address = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 80,
        address: (127, 0, 0, 1),
    });
    let socket = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4)
        .map_err(|code| ("create", code))?;
    socket
        .start_connect(&network, address)
        .map_err(|code| ("start-connect", code))?;
    socket.subscribe().block();
    socket
        .finish_connect()
        .map_err(|code| ("finish-connect", code))?;
    Ok(())
}

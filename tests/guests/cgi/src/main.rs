//! A CGI program: a core module of WASI 0.1 with `_start`, which knows nothing of components or wasi:http.
//!
//! The request comes in environment variables and stdin, the response goes to stdout, head first.

use std::{
    env,
    io::{Read, Write, stdin, stdout},
    process::ExitCode,
};

fn main() -> ExitCode {
    let path = variable("PATH_INFO");
    if path == "/fail" {
        eprintln!("asked to fail");
        return ExitCode::FAILURE;
    }

    let mut body = Vec::new();
    if stdin().read_to_end(&mut body).is_err() {
        return ExitCode::FAILURE;
    }
    let status = if path == "/missing" { 404 } else { 200 };
    let answer = format!(
        "Status: {status}\r\nContent-Type: text/plain\r\n\r\nmethod: {}\npath: {path}\nquery: {}\nbody: {}\n",
        variable("REQUEST_METHOD"),
        variable("QUERY_STRING"),
        String::from_utf8_lossy(&body),
    );
    match stdout().write_all(answer.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

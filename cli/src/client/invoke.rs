//! `atoll invoke`: calls a function through the platform, whoever may call its URL.

use std::io::Read as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::rest::problem::ProblemView;
use reqwest::{Method, Response, header::HeaderMap};
use serde_json::{Map, Value, json};

use super::{api::refusal, args::Invoke, context::Context, failure::Failure, output::printable};

/// Set by the platform alone: an answer without it is the API's own, not the function's.
const VERSION: &str = "x-atoll-version";
const ERROR: &str = "x-atoll-error";
const LOGS: &str = "x-atoll-logs";
/// Said to the platform, which would not pass them on.
const NOT_PASSED_ON: [&str; 3] = ["authorization", "cookie", "host"];

pub(crate) async fn invoke(context: &Context, args: Invoke) -> Result<(), Failure> {
    let function = context.function(&args.of)?;
    let ours = args
        .headers
        .iter()
        .find(|header| NOT_PASSED_ON.contains(&header.name.as_str()));
    if let Some(header) = ours {
        return Err(Failure::Usage(format!(
            "--header: `{}` is not passed on to the function; call its URL to send one",
            header.name
        )));
    }
    let body = args.data.as_deref().map(body).transpose()?;
    let here = context.here().await?;

    let method = args.method.as_deref();
    let method = method.unwrap_or(if body.is_some() { "POST" } else { "GET" });
    let mut query = vec![("method", method), ("path", &args.path)];
    if args.logs {
        query.push(("logs", "tail"));
    }
    let mut request = here
        .api
        .request(Method::POST, &here.of(&function, "/invoke"))
        .query(&query);
    for header in args.headers {
        request = request.header(header.name, header.value);
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    let response = here.api.whatever(request).await?;
    let headers = response.headers();
    let is_ours = !headers.contains_key(VERSION) && !headers.contains_key(ERROR);
    if is_ours && !response.status().is_success() {
        return Err(refusal(response, here.api.origin()).await);
    }
    answered(context, response, args.include).await
}

fn body(text: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(text.as_bytes().to_vec());
    };
    let mut bytes = Vec::new();
    let read = match path {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        path => std::fs::read(path),
    };
    read.map_err(|error| Failure::Usage(format!("--data: {path} cannot be read: {error}")))
}

async fn answered(context: &Context, mut response: Response, include: bool) -> Result<(), Failure> {
    let out = context.out;
    let (status, headers) = (response.status(), response.headers().clone());
    let failed = headers
        .get(ERROR)
        .map(|code| printable(&String::from_utf8_lossy(code.as_bytes())));
    let logs = logs(&headers);
    if out.json {
        return whole(context, response, failed, logs).await;
    }
    if include {
        out.line(format!("{status}"))?;
        for (name, value) in headers.iter().filter(|(name, _)| *name != LOGS) {
            out.line(format!(
                "{name}: {}",
                printable(&String::from_utf8_lossy(value.as_bytes()))
            ))?;
        }
        out.line("")?;
    }
    let broken = |error: reqwest::Error| Failure::Failed(format!("the answer broke off: {error}"));
    if failed.is_none() {
        // As it comes: it may be a stream.
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            out.bytes(&chunk)?;
        }
    }
    for line in logs.lines() {
        out.note(printable(line));
    }
    let Some(code) = failed else {
        return Ok(());
    };
    let problem = response.bytes().await.map_err(broken)?;
    Err(match serde_json::from_slice::<ProblemView>(&problem) {
        // Not what its status says of the API: the function itself is there and may be called.
        Ok(problem) => Failure::Failed(format!(
            "the call failed: {}\n  ({}, {}, request {})",
            printable(&problem.detail),
            problem.status,
            printable(&problem.code),
            printable(&problem.request_id)
        )),
        Err(_) => Failure::Failed(format!("the call failed: {code}")),
    })
}

async fn whole(
    context: &Context,
    response: Response,
    failed: Option<String>,
    logs: String,
) -> Result<(), Failure> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await;
    let body = body.map_err(|error| Failure::Failed(format!("the answer broke off: {error}")))?;
    let mut named = Map::new();
    for name in headers.keys().filter(|name| *name != LOGS) {
        let values = headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()));
        named.insert(
            name.to_string(),
            values.collect::<Vec<_>>().join(", ").into(),
        );
    }
    let mut told = json!({
        "status": status,
        "headers": named,
        "logs": logs.lines().collect::<Vec<_>>(),
    });
    match std::str::from_utf8(&body) {
        Ok(text) => told["body"] = text.into(),
        Err(_) => told["body_base64"] = BASE64_STANDARD.encode(&body).into(),
    }
    told["error"] = failed.clone().map_or(Value::Null, Value::from);
    context.out.json(&told)?;
    match failed {
        None => Ok(()),
        Some(_) => Err(Failure::Told),
    }
}

/// Each line its level, a space and what was written.
fn logs(headers: &HeaderMap) -> String {
    let encoded = headers
        .get(LOGS)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    let text = BASE64_STANDARD.decode(encoded).unwrap_or_default();
    String::from_utf8_lossy(&text).into_owned()
}

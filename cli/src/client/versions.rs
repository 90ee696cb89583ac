//! `atoll versions`

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use domain::{
    Digest,
    report::{Import, Support},
    rest::versions::VersionView,
};
use reqwest::{Method, header};
use serde_json::json;

use super::{
    api::PATIENCE,
    args::VersionsTask,
    context::Context,
    failure::Failure,
    output::{fields, moment, printable, size, word},
    text::{FunctionRef, VersionNumber},
};

pub(crate) async fn run(context: &Context, task: VersionsTask) -> Result<(), Failure> {
    match task {
        VersionsTask::List { of, limit } => {
            list(context, &context.function(&of)?, limit.limit).await
        }
        VersionsTask::Show { function, version } => show(context, &function, version).await,
        VersionsTask::Download {
            function,
            version,
            output,
        } => download(context, &function, version, output).await,
    }
}

async fn list(context: &Context, function: &FunctionRef, limit: usize) -> Result<(), Failure> {
    let here = context.here().await?;
    let found = here
        .api
        .list(&here.of(function, "/versions"), &[], limit)
        .await?;
    let none = format!("{function} has no versions yet");
    let headings = [
        "VERSION", "STATE", "SIZE", "DIGEST", "CREATED", "BY", "MESSAGE",
    ];
    context
        .out
        .list(found, headings, &none, |version: VersionView| {
            [
                format!("v{}", version.number),
                word(&version.state),
                size(version.size_bytes.unsigned_abs()),
                version.digest.short(),
                moment(version.created_at),
                version.author_name.unwrap_or_default(),
                version.message,
            ]
        })
}

async fn show(
    context: &Context,
    function: &FunctionRef,
    VersionNumber(number): VersionNumber,
) -> Result<(), Failure> {
    let here = context.here().await?;
    let found = here
        .api
        .get(&here.of(function, &format!("/versions/{number}")))
        .await?;
    context.out.one(&found.raw, |version: VersionView| {
        let mut text = fields([
            ("Version", format!("v{}", version.number)),
            ("Id", version.id.to_string()),
            ("State", word(&version.state)),
            ("Error", version.error.unwrap_or_default()),
            ("Digest", version.digest.to_string()),
            ("Size", size(version.size_bytes.unsigned_abs())),
            ("Handler", version.report.handler_export.clone()),
            ("Made by", version.report.producers.join(", ")),
            ("Message", version.message),
            ("Author", version.author_name.unwrap_or_default()),
            ("Created", moment(version.created_at)),
            ("Imports", version.report.imports.len().to_string()),
        ]);
        for import in &version.report.imports {
            text += &format!("  {}\n", printable(&told(import)));
        }
        text
    })
}

fn told(import: &Import) -> String {
    let name = &import.name;
    match &import.support {
        Support::Provided => name.clone(),
        Support::NotGranted { reason } => format!("{name}: {reason}"),
        Support::Unsupported { .. } => format!("{name}: not offered"),
    }
}

async fn download(
    context: &Context,
    function: &FunctionRef,
    VersionNumber(number): VersionNumber,
    output: Option<PathBuf>,
) -> Result<(), Failure> {
    let here = context.here().await?;
    let path = here.of(function, &format!("/versions/{number}/module"));
    let request = here.api.request(Method::GET, &path).timeout(PATIENCE);
    let response = here.api.answer(request).await?;
    let told = response
        .headers()
        .get(header::ETAG)
        .and_then(|etag| etag.to_str().ok());
    let told = told.map(|etag| etag.trim_matches('"').to_owned());
    let bytes = response.bytes().await;
    let bytes =
        bytes.map_err(|error| Failure::Unreachable(format!("the module broke off: {error}")))?;
    let digest = Digest::of(&bytes).to_string();
    if told.is_some_and(|told| told != digest) {
        return Err(Failure::Failed(
            "what arrived is not the module: its digest is another".to_owned(),
        ));
    }
    if output.as_deref() == Some(Path::new("-")) {
        return context.out.bytes(&bytes);
    }
    let file = write(output, &format!("{function}-v{number}.wasm"), &bytes)?;
    if context.out.json {
        return context
            .out
            .json(&json!({ "path": file, "digest": digest, "size_bytes": bytes.len() }));
    }
    context.out.line(file.to_string_lossy())
}

/// A file that was named may be there; the one that follows from the version's name must not be lost.
fn write(output: Option<PathBuf>, otherwise: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
    let (path, opened) = match output {
        Some(path) => {
            let opened = std::fs::File::create(&path);
            (path, opened)
        }
        None => (otherwise.into(), std::fs::File::create_new(otherwise)),
    };
    let written = opened.and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| {
        Failure::Usage(format!("{} cannot be written: {error}", path.display()))
    })?;
    Ok(path)
}

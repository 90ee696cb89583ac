//! `atoll deploy`: from a module, or a project's `atoll.toml`, to a live URL in one command.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use domain::{
    deployment::Share,
    function::Access,
    rest::{
        deployments::CreateDeployment,
        functions::{CreateFunction, FunctionView},
        versions::VersionView,
    },
};
use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::{
    api::Told,
    args::Deploy,
    context::{Context, Here},
    failure::Failure,
    init,
    manifest::Manifest,
    output::{Output, printable, size},
    progress,
    text::FunctionRef,
};

/// What is to be live, before anybody was asked.
struct Wanted {
    function: FunctionRef,
    /// What a function that is not there yet is made with.
    creation: CreateFunction,
    manifest: Option<Manifest>,
    path: PathBuf,
    module: Vec<u8>,
    message: String,
}

pub(crate) async fn deploy(context: &Context, args: Deploy) -> Result<(), Failure> {
    let wanted = wanted(context, args)?;
    let here = context.here_with(wanted.manifest.as_ref()).await?;
    let out = context.out;

    let (function, settled) = settle(&here, out, &wanted).await?;
    let function: FunctionView = function.view()?;
    let told = upload(&here, out, &wanted).await?;
    let version: VersionView = told.view()?;
    // What is the same is the server's to say: a version is more than its module.
    let operation = if has_all_traffic(&function, &version) {
        out.note(format!("v{} is live already.", version.number));
        None
    } else {
        Some(activate(&here, out, &wanted, &version).await?)
    };

    let live = here.api.get(&here.of(&wanted.function, "")).await?;
    let view: FunctionView = live.view()?;
    if out.json {
        return out.json(&json!({
            "url": view.url,
            "changed": settled || operation.is_some(),
            "function": live.raw,
            "version": told.raw,
            "operation": operation,
        }));
    }
    if !view.enabled {
        out.note("note: the function is disabled, so its URL answers 403");
    } else if view.access == Access::Private {
        out.note("note: the function is private; `atoll invoke` calls it");
    }
    out.line(printable(&view.url))
}

fn wanted(context: &Context, args: Deploy) -> Result<Wanted, Failure> {
    let mut manifest = context.manifest(args.manifest.config.as_deref())?;
    // Another function than the project's has neither its settings nor its module.
    let is_other = |manifest: &Manifest| {
        args.function
            .as_ref()
            .is_some_and(|name| *name != manifest.function.name)
    };
    if args.file.is_some() {
        manifest = manifest.filter(|manifest| !is_other(manifest));
    } else if let Some(other) = manifest.as_ref().filter(|manifest| is_other(manifest)) {
        return Err(Failure::Usage(format!(
            "atoll.toml describes `{}`; give the module of another function as FILE.wasm",
            other.function.name
        )));
    }
    let path = match (&args.file, &manifest) {
        (Some(file), _) => file.clone(),
        (None, Some(manifest)) => {
            if let Some(command) = manifest
                .function
                .build
                .as_deref()
                .filter(|_| !args.no_build)
            {
                build(context.out, command, &manifest.folder)?;
            }
            manifest.folder.join(&manifest.function.module)
        }
        (None, None) => {
            return Err(Failure::Usage(
                "name a module, `atoll deploy FILE.wasm`; there is no atoll.toml here (`atoll init` writes one)".to_owned(),
            ));
        }
    };
    let name = match (args.function, &manifest) {
        (Some(name), _) => name,
        (None, Some(manifest)) => manifest.function.name.clone(),
        (None, None) => {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            init::function_name(&stem).ok_or_else(|| {
                Failure::Usage(format!(
                    "`{stem}` makes no function's name; give one with --function"
                ))
            })?
        }
    };
    let module = std::fs::read(&path).map_err(|error| {
        let hint = match &args.file {
            Some(_) => "",
            None => {
                "\n  `module` in atoll.toml names it; `build` there is the command that makes it."
            }
        };
        Failure::Usage(format!("{} cannot be read: {error}{hint}", path.display()))
    })?;
    let creation = match &manifest {
        Some(manifest) => manifest.function.creation(),
        None => CreateFunction {
            name: name.to_string(),
            description: None,
            access: None,
            enabled: None,
            limits: None,
            allowed_outbound_hosts: None,
            reuse: None,
        },
    };
    Ok(Wanted {
        function: name.into(),
        creation,
        manifest,
        path,
        module,
        message: args.message,
    })
}

fn build(out: Output, command: &str, folder: &Path) -> Result<(), Failure> {
    out.note(format!("Building: {command}"));
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut shell = std::process::Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .stdin(Stdio::null());
    // What it writes is no part of our result.
    shell.stdout(std::io::stderr());
    match shell.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Failed(format!(
            "the build failed ({status}): {command}"
        ))),
        Err(error) => Err(Failure::Failed(format!(
            "the build cannot be started: {error}"
        ))),
    }
}

/// The function as it is wanted, made or changed where it is not; and whether it had to be.
async fn settle(here: &Here, out: Output, wanted: &Wanted) -> Result<(Told, bool), Failure> {
    let path = here.of(&wanted.function, "");
    let found = match here.api.get(&path).await {
        Ok(found) => found,
        Err(refusal) if refusal.is_status(404) => {
            let made = here
                .api
                .post(&here.path("/functions"), &wanted.creation)
                .await?;
            out.note(format!(
                "Created the function `{}` in {}.",
                wanted.function, here.tenant
            ));
            return Ok((made, true));
        }
        Err(failure) => return Err(failure),
    };
    let Some(manifest) = &wanted.manifest else {
        return Ok((found, false));
    };
    let (update, named) = manifest.function.changes(&found.view()?);
    if named.is_empty() {
        return Ok((found, false));
    }
    let changed = here.api.patch(&path, &found, &update).await?;
    out.note(format!(
        "Changed of `{}`: {}.",
        wanted.function,
        named.join(", ")
    ));
    Ok((changed, true))
}

fn has_all_traffic(function: &FunctionView, version: &VersionView) -> bool {
    match function.traffic.as_slice() {
        [only] => only.version == version.number.unsigned_abs(),
        _ => false,
    }
}

async fn upload(here: &Here, out: Output, wanted: &Wanted) -> Result<Told, Failure> {
    let bytes = size(wanted.module.len() as u64);
    out.note(format!("Uploading {} ({bytes})", wanted.path.display()));
    let mut request = here
        .api
        .request(Method::POST, &here.of(&wanted.function, "/versions"))
        .header(header::CONTENT_TYPE, "application/wasm")
        .body(wanted.module.clone());
    if !wanted.message.is_empty() {
        request = request.query(&[("message", &wanted.message)]);
    }
    let told = here.api.send_patiently(request).await?;
    let version: VersionView = told.view()?;
    match told.status {
        StatusCode::CREATED => out.note(format!("Made v{}.", version.number)),
        _ => out.note(format!("v{} is the same.", version.number)),
    }
    Ok(told)
}

async fn activate(
    here: &Here,
    out: Output,
    wanted: &Wanted,
    version: &VersionView,
) -> Result<Value, Failure> {
    let body = CreateDeployment {
        traffic: vec![Share {
            version: version.number.unsigned_abs(),
            percent: 100,
        }],
        message: wanted.message.clone(),
    };
    out.note(format!(
        "Deploying v{} of `{}`",
        version.number, wanted.function
    ));
    let path = here.of(&wanted.function, "/deployments");
    let accepted = here.api.post(&path, &body).await?;
    progress::follow(&here.api, out, &accepted).await
}

//! Atoll as its users start it: `atoll up` with everything on, functions published through the REST API.

use std::{
    fs::{self, File},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::{
    load::Protocol,
    process::{Process, free_addresses},
    throughput::Server,
};

const TENANT: &str = "bench";
const APPS_DOMAIN: &str = "localhost";
/// `initdb` is part of the first; a JavaScript engine is compiled in the second.
const STARTED_WITHIN: Duration = Duration::from_secs(120);
const PUBLISHED_WITHIN: Duration = Duration::from_secs(300);

pub(crate) struct Atoll {
    process: Arc<Process>,
    api: String,
    token: String,
    http: Client,
    functions: SocketAddr,
    plain: SocketAddr,
    // Last, so that it goes after the process that works in it.
    _folder: TempDir,
}

impl Atoll {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The database's own account has to pass through it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let [console, functions, plain] = free_addresses()?;
        let output = folder.path().join("output");
        let child = Command::new(program()?)
            .args(["up", "--apps-domain", APPS_DOMAIN])
            .arg("--data")
            .arg(folder.path().join("data"))
            .args(["--console", &console.to_string()])
            .args(["--functions", &functions.to_string()])
            .args(["--functions-plain", &plain.to_string()])
            .args(["--trusted-proxies", "127.0.0.0/8"])
            .stdin(Stdio::null())
            .stdout(File::create(&output)?)
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()
            .context("starting atoll up")?;
        let process = Arc::new(Process::of(child));
        let link = wait_for_link(&output).with_context(|| {
            let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
            format!("atoll up did not start: {log}")
        })?;
        let http = Client::builder().no_proxy().build()?;
        let api = format!("http://{console}/v1");
        let first = json!({
            "token": link, "email": "bench@example.com", "name": "Bench",
            "password": "correct horse battery", "tenant_slug": TENANT, "tenant_name": "Bench",
        });
        let session = send(http.post(format!("{api}/setup")).json(&first))?;
        Ok(Self {
            process,
            token: text(&session, "access_token")?,
            api: format!("{api}/tenants/{TENANT}"),
            http,
            functions,
            plain,
            _folder: folder,
        })
    }

    /// Makes a function and waits until it is live.
    pub(crate) fn publish(&self, name: &str, wasm: Vec<u8>, reuse: bool) -> anyhow::Result<()> {
        let mut function = json!({ "name": name });
        if reuse {
            function["reuse"] = json!({ "requests": 1_000, "idle_seconds": 60, "concurrency": 16 });
        }
        let here = format!("/functions/{name}");
        send(self.post("/functions").json(&function))?;
        let version = self
            .post(&format!("{here}/versions"))
            .header("content-type", "application/wasm")
            .body(wasm);
        let number = send(version)?["number"].clone();
        let version = format!("{here}/versions/{number}");
        let compiled = self.poll(&version, |version| version["state"] != "compiling")?;
        ensure!(compiled["state"] == "ready", "{name}: {compiled}");
        let traffic = json!({ "traffic": [{ "version": number, "percent": 100 }] });
        let operation = send(self.post(&format!("{here}/deployments")).json(&traffic))?;
        let id = text(&operation, "id")?;
        let path = format!("/../../operations/{id}");
        let ended = self.poll(&path, |operation| {
            matches!(operation["state"].as_str(), Some("succeeded" | "failed"))
        })?;
        ensure!(ended["state"] == "succeeded", "{name}: {ended}");
        Ok(())
    }

    pub(crate) fn server(&self, name: &'static str, protocol: Protocol, function: &str) -> Server {
        Server {
            name,
            process: Arc::clone(&self.process),
            address: match protocol {
                Protocol::Plain => self.plain,
                Protocol::Tls | Protocol::Http2 => self.functions,
            },
            host: format!("{TENANT}.{APPS_DOMAIN}"),
            prefix: format!("/{function}"),
        }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.api);
        self.http.post(url).bearer_auth(&self.token)
    }

    fn poll(&self, path: &str, done: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PUBLISHED_WITHIN;
        loop {
            let url = format!("{}{path}", self.api);
            let value = send(self.http.get(url).bearer_auth(&self.token))?;
            if done(&value) {
                return Ok(value);
            }
            ensure!(Instant::now() < deadline, "still not done: {value}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The product's own binary, which `make bench` builds beside this one.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("atoll");
    ensure!(
        program.exists(),
        "{} is missing: build it beside this program",
        program.display()
    );
    Ok(program)
}

fn wait_for_link(output: &std::path::Path) -> anyhow::Result<String> {
    let deadline = Instant::now() + STARTED_WITHIN;
    while Instant::now() < deadline {
        let told = fs::read_to_string(output)?;
        if told.contains("Atoll is running") {
            let link = told
                .split_once("token=")
                .context("it printed no set-up link")?
                .1;
            let end = link.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
            return Ok(link[..end.unwrap_or(link.len())].to_owned());
        }
        thread::sleep(Duration::from_millis(100));
    }
    bail!("it said nothing within {STARTED_WITHIN:?}")
}

fn send(request: RequestBuilder) -> anyhow::Result<Value> {
    Handle::current().block_on(async {
        let response = request.send().await?;
        let (status, url) = (response.status(), response.url().clone());
        let body = response.text().await?;
        ensure!(status.is_success(), "{url} answered {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    })
}

fn text(value: &Value, field: &str) -> anyhow::Result<String> {
    let text = value[field].as_str();
    Ok(text
        .with_context(|| format!("no `{field}` in {value}"))?
        .to_owned())
}

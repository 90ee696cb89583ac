//! `atoll up` as a person starts it: the whole product in one command, on a data folder of its own.

use std::{
    net::SocketAddr, os::unix::fs::PermissionsExt, path::Path, process::Stdio, time::Duration,
};

use reqwest::Client;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::harness::{Answer, guests, platform};

/// Starting includes `initdb`, on a machine that runs other scenarios at the same time.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_starts_everything_and_goes_on_with_its_data_however_it_was_ended() {
    let folder = data_folder();
    let data = folder.path().join("data");
    let [console, functions] = platform::free_addresses();

    let first = Up::start(&data, console, functions).await;
    let token = first
        .setup_token
        .clone()
        .expect("the first start prints a set-up link");
    let client = platform::client(&data.join("ca.pem"), functions);
    set_up_and_publish(&client, console, &token).await;
    assert_eq!(hello(&client, functions).await, "hello from v1\n");

    let [others_console, others_functions] = platform::free_addresses();
    let second = command(&data, others_console, others_functions)
        .output()
        .await
        .expect("it runs");
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success());
    assert!(told.contains("already runs on the data folder"), "{told}");
    assert_eq!(
        hello(&client, functions).await,
        "hello from v1\n",
        "the first is none the worse"
    );

    first.end("INT").await;

    let again = Up::start(&data, console, functions).await;
    assert_eq!(again.setup_token, None, "it is set up already");
    assert_eq!(hello(&client, functions).await, "hello from v1\n");

    // Killed at once: whatever it left behind must not stand in the way of the next start.
    again.kill().await;
    let recovered = Up::start(&data, console, functions).await;
    assert_eq!(hello(&client, functions).await, "hello from v1\n");
    recovered.end("TERM").await;
}

#[tokio::test]
async fn every_problem_of_the_settings_is_named_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_atoll-under-test"))
        .args([
            "up",
            "--console",
            "nonsense",
            "--functions",
            "also nonsense",
            "--apps-domain",
            "not a domain",
        ])
        .env("ATOLL_ADMIN_EMAIL", "not an address")
        .output()
        .await
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for named in [
        "--console",
        "--functions",
        "--apps-domain",
        "ATOLL_ADMIN_EMAIL",
    ] {
        assert!(told.contains(named), "{named} is not named in: {told}");
    }
}

#[tokio::test]
async fn a_cluster_of_another_postgres_is_refused() {
    let folder = data_folder();
    let data = folder.path().join("data");
    let postgres = data.join("postgres");
    std::fs::create_dir_all(&postgres).expect("the folder can be made");
    std::fs::write(postgres.join("PG_VERSION"), "9\n").expect("the file can be written");
    std::fs::write(data.join("atoll.lock"), "").expect("the file can be written");
    let [console, functions] = platform::free_addresses();
    let output = command(&data, console, functions)
        .output()
        .await
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("PostgreSQL 9"), "{told}");
}

struct Up {
    child: Child,
    setup_token: Option<String>,
}

impl Up {
    /// Starts it and waits until it says that it runs.
    async fn start(data: &Path, console: SocketAddr, functions: SocketAddr) -> Self {
        let mut child = command(data, console, functions)
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut setup_token = None;
        let reading = async {
            while let Some(line) = lines.next_line().await.expect("stdout is text") {
                if let Some((_, token)) = line.split_once("/setup?token=") {
                    setup_token = token.split_whitespace().next().map(str::to_owned);
                }
                if line.contains("Ctrl-C") {
                    return true;
                }
            }
            false
        };
        let up = timeout(PATIENCE, reading).await.expect("it is up in time");
        assert!(up, "it ended before it was up");
        Self { child, setup_token }
    }

    /// Asks it to end, and waits for the clean exit.
    async fn end(mut self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .await
            .expect("kill runs");
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends in time")
            .expect("it can be waited for");
        assert!(status.success(), "{status}");
    }

    async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}

fn command(data: &Path, console: SocketAddr, functions: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll-under-test"));
    command
        .arg("up")
        .arg("--data")
        .arg(data)
        .args([
            "--console",
            &console.to_string(),
            "--functions",
            &functions.to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// In a folder that the database's own user can reach, which `up` as root insists on.
fn data_folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711))
        .expect("it is ours");
    folder
}

async fn set_up_and_publish(client: &Client, console: SocketAddr, token: &str) {
    let api = format!("http://{console}/v1");
    let first = json!({
        "token": token, "email": "you@example.com", "name": "You", "password": platform::PASSWORD,
        "tenant_slug": "acme", "tenant_name": "Acme",
    });
    let session = read(client.post(format!("{api}/setup")).json(&first))
        .await
        .expect(201)
        .json();
    let token = session["access_token"]
        .as_str()
        .expect("a session has a token");
    let post = |path: &str| {
        client
            .post(format!("{api}/tenants/acme{path}"))
            .bearer_auth(token)
    };
    read(post("/functions").json(&json!({ "name": "hello" })))
        .await
        .expect(201);
    let wasm = post("/functions/hello/versions").header("content-type", "application/wasm");
    read(wasm.body(guests::prebuilt("hello-v1")))
        .await
        .expect(201);
    let deployment = json!({ "traffic": [{ "version": 1, "percent": 100 }] });
    let accepted = read(post("/functions/hello/deployments").json(&deployment))
        .await
        .expect(202);
    let operation = format!("http://{console}{}", accepted.header("location"));
    let finished = async {
        while read(client.get(&operation).bearer_auth(token))
            .await
            .expect(200)
            .json()["state"]
            != "succeeded"
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, finished)
        .await
        .expect("the deployment is live in time");
}

async fn hello(client: &Client, functions: SocketAddr) -> String {
    read(client.get(format!("https://acme.localhost:{}/hello", functions.port())))
        .await
        .expect(200)
        .text()
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("it answers"))
        .await
        .expect("the answer is whole")
}

//! The shape of production: an API server, two workers and an S3 server, each a process of its own.

use std::{net::SocketAddr, path::Path, process::Stdio};

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::{
    Answer, cluster, guests,
    platform::{self, JOIN_TOKEN, OPERATOR_EMAIL, PASSWORD, SECRET_KEY},
    s3::{self, S3},
    until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_switch_together_and_answer_without_the_object_store() {
    let fleet = Fleet::start().await;
    fleet.deploy("hello", 1, "hello-v1").await;
    let operation = fleet.deploy("hello", 2, "hello-v2").await;
    for step in &operation["steps"].as_array().unwrap()[1..] {
        assert_eq!(
            (&step["done"], &step["total"]),
            (&json!(2), &json!(2)),
            "{operation:#}"
        );
    }
    for worker in 0..2 {
        assert_eq!(
            fleet.call(worker, "/hello").await.to_string(),
            "200 hello from v2"
        );
    }

    let Fleet { s3, .. } = fleet;
    let (address, folder) = (s3.address, fleet.folder);
    drop(s3);
    let wasm = fleet
        .client
        .post(format!("{}/uploads", fleet.tenant))
        .bearer_auth(&fleet.token);
    let away = read(
        wasm.header("content-type", "application/wasm")
            .body(guests::prebuilt("kitchen")),
    )
    .await;
    assert_eq!(
        (away.status, away.code().as_str()),
        (503, "unavailable"),
        "{away}"
    );
    read(fleet.client.get(format!("http://{}/readyz", fleet.api)))
        .await
        .expect(503);
    let hello = fleet.clients[0].get(format!(
        "https://acme.localhost:{}/hello",
        fleet.functions[0].port()
    ));
    assert_eq!(read(hello).await.to_string(), "200 hello from v2");

    let _back = S3::start(&folder.path().join("s3"), address).await;
    until(async || {
        read(fleet.client.get(format!("http://{}/readyz", fleet.api)))
            .await
            .status
            == 200
    })
    .await;
    let wasm = fleet
        .client
        .post(format!("{}/uploads", fleet.tenant))
        .bearer_auth(&fleet.token);
    read(
        wasm.header("content-type", "application/wasm")
            .body(guests::prebuilt("kitchen")),
    )
    .await
    .expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_start_and_serve_while_everything_else_is_away() {
    let mut fleet = Fleet::start().await;
    fleet.deploy("hello", 1, "hello-v1").await;
    for worker in 0..2 {
        fleet.call(worker, "/hello").await.expect(200);
    }
    // Published a while after it changed, at most every ten seconds.
    let published = fleet.folder.path().join("s3/atoll/serving/snapshot-v1");
    until(async || {
        std::fs::read(&published)
            .is_ok_and(|object| String::from_utf8_lossy(&object).contains("\"percent\":100"))
    })
    .await;
    let api = format!("http://{}", fleet.api);
    let blobs = fleet.s3.url();

    // With it goes the database, of which workers know nothing anyway.
    end(&mut fleet.processes[0]).await;
    // One whose disk has lost the state, but not the keys, finds it in the object store.
    end(&mut fleet.processes[2]).await;
    let folder = fleet.folder.path();
    std::fs::remove_file(folder.join("cache-1/serving.redb")).expect("the worker kept its state");
    fleet.processes[2] = worker(folder, 1, fleet.functions[1], &api, &blobs);
    until(async || fleet.answers(1, "/hello").await).await;

    // And then for each its disk is enough.
    fleet.s3.stop();
    for index in 0..2 {
        end(&mut fleet.processes[1 + index]).await;
        let folder = fleet.folder.path();
        let again = worker(folder, index, fleet.functions[index], &api, &blobs);
        fleet.processes[1 + index] = again;
        until(async || fleet.answers(index, "/hello").await).await;
        assert_eq!(
            fleet.call(index, "/hello").await.to_string(),
            "200 hello from v1"
        );
    }
}

/// Killed, as machines end.
async fn end(process: &mut Child) {
    process.kill().await.expect("it runs");
}

struct Fleet {
    api: SocketAddr,
    functions: [SocketAddr; 2],
    /// Each finds the tenant's host on one worker.
    clients: [Client; 2],
    client: Client,
    token: String,
    /// URL of the tenant in the API.
    tenant: String,
    s3: S3,
    /// End with the scenario.
    processes: Vec<Child>,
    folder: TempDir,
}

impl Fleet {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let s3 = S3::start(
            &folder.path().join("s3"),
            "127.0.0.1:0".parse().expect("a literal address"),
        )
        .await;
        let database = cluster::database().await;
        let authority = folder.path().join("ca");
        worker::development_ca::ensure(&authority, "localhost").expect("the CA can be made");
        let [api, one, other] = platform::free_addresses();
        let functions = [one, other];
        let url = format!("http://{api}");

        let mut processes = vec![
            process("api", &s3.url())
                .args(["--listen", &api.to_string(), "--public-url", &url])
                .env("DATABASE_URL", database)
                .env("ATOLL_SECRET_KEY", SECRET_KEY)
                .env("ATOLL_ADMIN_EMAIL", OPERATOR_EMAIL)
                .env("ATOLL_ADMIN_PASSWORD", PASSWORD)
                .spawn()
                .expect("the API server starts"),
        ];
        for (index, functions) in functions.iter().enumerate() {
            processes.push(worker(folder.path(), index, *functions, &url, &s3.url()));
        }

        let client = Client::new();
        until(async || ready(&client, &url).await).await;
        let sign_in = json!({ "email": OPERATOR_EMAIL, "password": PASSWORD });
        let sign_in = async || read(client.post(format!("{url}/v1/session")).json(&sign_in)).await;
        // The operator is made a moment after the migrations.
        until(async || sign_in().await.status == 201).await;
        let session = sign_in().await.json();
        let token = session["access_token"]
            .as_str()
            .expect("a session has a token")
            .to_owned();
        let acme = json!({ "slug": "acme", "name": "Acme" });
        read(
            client
                .post(format!("{url}/v1/tenants"))
                .bearer_auth(&token)
                .json(&acme),
        )
        .await
        .expect(201);
        let clients =
            functions.map(|functions| platform::client(&authority.join("ca.pem"), functions));
        let tenant = format!("{url}/v1/tenants/acme");
        Self {
            api,
            functions,
            clients,
            client,
            token,
            tenant,
            s3,
            processes,
            folder,
        }
    }

    async fn deploy(&self, function: &str, number: u64, guest: &str) -> Value {
        let post = |path: &str| {
            self.client
                .post(format!("{}{path}", self.tenant))
                .bearer_auth(&self.token)
        };
        if number == 1 {
            read(post("/functions").json(&json!({ "name": function })))
                .await
                .expect(201);
        }
        let wasm = post(&format!("/functions/{function}/versions"))
            .header("content-type", "application/wasm");
        read(wasm.body(guests::prebuilt(guest))).await.expect(201);
        let traffic = json!({ "traffic": [{ "version": number, "percent": 100 }] });
        let accepted = read(post(&format!("/functions/{function}/deployments")).json(&traffic))
            .await
            .expect(202);
        let url = format!("http://{}{}", self.api, accepted.header("location"));
        let operation = async || {
            read(self.client.get(&url).bearer_auth(&self.token))
                .await
                .expect(200)
                .json()
        };
        until(async || operation().await["state"] == "succeeded").await;
        operation().await
    }

    /// Whether the function answers with 200; a worker that starts does not answer at all yet.
    async fn answers(&self, worker: usize, path: &str) -> bool {
        let port = self.functions[worker].port();
        let url = format!("https://acme.localhost:{port}{path}");
        let answer = self.clients[worker].get(url).send().await;
        answer.is_ok_and(|answer| answer.status() == 200)
    }

    async fn call(&self, worker: usize, path: &str) -> Answer {
        let url = format!(
            "https://acme.localhost:{}{path}",
            self.functions[worker].port()
        );
        read(self.clients[worker].get(url)).await
    }
}

fn worker(folder: &Path, index: usize, functions: SocketAddr, api: &str, blobs: &str) -> Child {
    let internal = platform::free_address().to_string();
    process("worker", blobs)
        .args([
            "--api-url",
            api,
            "--functions",
            &functions.to_string(),
            "--internal",
            &internal,
        ])
        .args(["--name", &format!("worker-{index}")])
        .arg("--cache")
        .arg(folder.join(format!("cache-{index}")))
        .arg("--development-ca")
        .arg(folder.join("ca"))
        .env("ATOLL_INTERNAL_URL", format!("http://{internal}"))
        .spawn()
        .expect("the worker starts")
}

fn process(command: &str, blobs: &str) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_atoll-under-test"));
    process
        .args([command, "--blobs", blobs, "--apps-domain", "localhost"])
        .env("ATOLL_JOIN_TOKEN", JOIN_TOKEN)
        .env("AWS_ACCESS_KEY_ID", s3::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", s3::SECRET_KEY)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    process
}

/// Ready, and heard of by both workers.
async fn ready(client: &Client, api: &str) -> bool {
    match client.get(format!("{api}/readyz")).send().await {
        Ok(answer) => answer.status() == 200,
        Err(_) => false,
    }
}

async fn read(request: reqwest::RequestBuilder) -> Answer {
    Answer::read(request.send().await.expect("it answers"))
        .await
        .expect("the answer is whole")
}

//! What stands around the handlers, over a real socket and with the database away: ids, headers,
//! hosts, limits, problems, draining.

use std::{net::SocketAddr, time::Duration};

use control::{Clock, Config, Keys, Platform};
use domain::RequestId;
use reqwest::{Client, Method, StatusCode, header};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use crate::{Server, TlsFiles};

struct Running {
    base: String,
    address: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
    _data: TempDir,
}

impl Running {
    async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::start_with(data, None, Client::builder()).await
    }

    async fn start_with(
        data: TempDir,
        tls: Option<TlsFiles>,
        client: reqwest::ClientBuilder,
    ) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let config = Config {
            database_url: "postgres://nobody@localhost/none?host=/nowhere".to_owned(),
            blobs_url: format!("file://{}", data.path().display()).parse().unwrap(),
            public_url: format!("{scheme}://console.example").parse().unwrap(),
            apps_domain: "localhost".to_owned(),
            functions_addr: "127.0.0.1:8443".parse().unwrap(),
            domains_target: None,
            dns_server: None,
            development_ca: None,
            keys: Keys::from_hex(&"07".repeat(32)).unwrap(),
            join_token: None,
            smtp: None,
            registration: control::registration::Mode::default(),
            upload_max_bytes: 1 << 20,
            compile_program: "/bin/false".into(),
            compile_limits: engine::jail::Limits::COMPILE,
            retention: control::telemetry::Retention::DEFAULT,
        };
        let platform = Platform::open(config, Clock::System).await.unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let server = Server::bind(platform, listen, tls).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self {
            base: format!("{scheme}://localhost:{}", address.port()),
            address,
            client: client
                .no_proxy()
                .resolve("localhost", address)
                .build()
                .unwrap(),
            stop: Some(stop),
            ended,
            _data: data,
        }
    }

    fn ask(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.ask(Method::GET, path)
    }
}

async fn problem(answer: reqwest::Response) -> (u16, String, Value) {
    assert_eq!(
        answer.headers()[header::CONTENT_TYPE],
        "application/problem+json"
    );
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let status = answer.status().as_u16();
    let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(body["request_id"], id);
    assert_eq!(body["status"], status);
    assert_eq!(
        body["type"],
        format!("/docs/errors/{}", body["code"].as_str().unwrap())
    );
    (status, body["code"].as_str().unwrap().to_owned(), body)
}

#[tokio::test]
async fn every_answer_has_an_id_of_ours_and_the_headers_of_the_api() {
    let server = Running::start().await;
    let request = server.get("/v1/healthz").header("x-request-id", "req_mine");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let headers = answer.headers();
    let id = headers["x-request-id"].to_str().unwrap();
    assert!(id.parse::<RequestId>().is_ok(), "{id}");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(headers.get("strict-transport-security").is_none());
    assert!(headers.get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    let server = Running::start().await;
    let answer = server.get("/v1/nothing").send().await.unwrap();
    let (status, code, _) = problem(answer).await;
    assert_eq!((status, code.as_str()), (404, "not_found"));

    let answer = server.ask(Method::PUT, "/v1/tenants").send().await.unwrap();
    let mut allowed: Vec<_> = answer.headers()[header::ALLOW]
        .to_str()
        .unwrap()
        .split(',')
        .map(str::to_owned)
        .collect();
    allowed.sort();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    let (status, code, _) = problem(answer).await;
    assert_eq!((status, code.as_str()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn nobody_gets_past_the_door_without_a_token() {
    let server = Running::start().await;
    for route in crate::routes::table() {
        if route.need == crate::routes::Need::Anybody {
            continue;
        }
        let path = route.path.replace(['{', '}'], "");
        let answer = server
            .ask(route.method.clone(), &path)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer");
        let (status, code, _) = problem(answer).await;
        assert_eq!(
            (status, code.as_str()),
            (401, "unauthenticated"),
            "{route:?}"
        );
    }
}

#[tokio::test]
async fn without_its_database_the_server_lives_and_says_what_is_away() {
    let server = Running::start().await;
    for probe in ["/healthz", "/v1/healthz"] {
        assert_eq!(server.get(probe).send().await.unwrap().status(), 200);
    }
    for probe in ["/readyz", "/v1/readyz"] {
        let answer = server.get(probe).send().await.unwrap();
        assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
        let (status, code, body) = problem(answer).await;
        assert_eq!((status, code.as_str()), (503, "unavailable"));
        assert!(body["detail"].as_str().unwrap().starts_with("the database"));
    }
    let me = server.get("/v1/me").bearer_auth("atoll_ses_x").send();
    let status = me.await.unwrap().status();
    // A token that cannot be one needs no database to be refused.
    assert!(matches!(status.as_u16(), 401 | 503), "{status}");
}

#[tokio::test]
async fn a_foreign_host_is_misdirected_and_probes_are_not() {
    let server = Running::start().await;
    let foreign = |path| server.get(path).header(header::HOST, "rebound.example");
    let (status, code, _) = problem(foreign("/v1/me").send().await.unwrap()).await;
    assert_eq!((status, code.as_str()), (421, "misdirected"));
    assert_eq!(foreign("/").send().await.unwrap().status(), 421);
    assert_eq!(foreign("/healthz").send().await.unwrap().status(), 200);

    let public = server
        .get("/v1/healthz")
        .header(header::HOST, "console.example");
    assert_eq!(public.send().await.unwrap().status(), 200);

    let browser = foreign("/").header(header::ACCEPT, "text/html");
    let answer = browser.send().await.unwrap();
    assert_eq!(answer.status(), 421);
    assert!(
        answer
            .headers()
            .get(header::CONTENT_SECURITY_POLICY)
            .is_some()
    );
}

#[tokio::test]
async fn bodies_are_refused_for_what_is_wrong_with_them() {
    let server = Running::start().await;
    let session = || server.ask(Method::POST, "/v1/session");
    let json = |body: &'static str| {
        session()
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
    };

    for (request, status, code) in [
        (session().body("{}"), 415, "unsupported_media_type"),
        (
            json("{").header(header::CONTENT_ENCODING, "gzip"),
            415,
            "unsupported_media_type",
        ),
        (json("{"), 400, "bad_request"),
        (json("{}"), 422, "invalid"),
        (json(r#" ["you@example.com", "x"]"#), 422, "invalid"),
        (
            json(r#"{"email": "nobody", "password": "x"}"#),
            422,
            "invalid",
        ),
    ] {
        let answer = problem(request.send().await.unwrap()).await;
        assert_eq!((answer.0, answer.1.as_str()), (status, code));
    }

    let large = json("").body("x".repeat(300 << 10)).send().await.unwrap();
    let (status, code, body) = problem(large).await;
    assert_eq!((status, code.as_str()), (413, "request_too_large"));
    assert_eq!(body["limit"], 256 << 10);
}

#[tokio::test]
async fn every_code_has_its_page_on_the_server() {
    let server = Running::start().await;
    let page = server.get("/docs/errors/invalid").send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("<h1><code>invalid</code>")
    );
    let missing = server.get("/docs/errors/nothing").send().await.unwrap();
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_the_server_ends() {
    let mut server = Running::start().await;
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /v1/session HTTP/1.1\r\nhost: localhost:{}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{",
        server.address.port()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;

    server.stop.take().unwrap().send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(TcpStream::connect(server.address).await.is_err());

    slow.write_all(b"}").await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
    server.ended.await.unwrap();
}

#[tokio::test]
async fn a_certificate_makes_it_https_with_http2() {
    let data = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles {
        certificate: data.path().join("console.pem"),
        key: data.path().join("console.key"),
    };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let trusted = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([trusted]);

    let server = Running::start_with(data, Some(files), client).await;
    let answer = server.get("/v1/healthz").send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert!(answer.headers().get("strict-transport-security").is_some());
}

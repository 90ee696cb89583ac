//! Stories of functions that send requests: to hosts they may reach, and to those they may not.

use std::{sync::Arc, time::Instant};

use domain::{
    FunctionId, TenantId,
    snapshot::{FunctionEntry, TenantEntry},
    telemetry::{Batch, LogStream},
};

use crate::stage::{Names, Stage, Upstream, acme, function};

pub(crate) fn courier(allowed: &[&str]) -> FunctionEntry {
    let mut courier = function("courier", "courier");
    courier.allowed_outbound_hosts = allowed.iter().map(|&host| host.to_owned()).collect();
    courier.limits.wall_ms = 4_000;
    courier
}

/// Another tenant, with a function of the same name.
pub(crate) fn globex(functions: Vec<FunctionEntry>) -> TenantEntry {
    TenantEntry {
        id: TenantId::generate(),
        slug: "globex".parse().unwrap(),
        ..acme(functions)
    }
}

/// A worker whose functions may reach this machine, under made-up names.
pub(crate) async fn stage(tenants: Vec<TenantEntry>) -> Stage {
    Stage::start_with(tenants, |config| {
        config.egress.allow = vec!["127.0.0.1/32".parse().unwrap()];
        config.egress.resolver = Arc::new(Names(vec![
            ("upstream.test", vec!["127.0.0.1"]),
            ("other.test", vec!["127.0.0.1"]),
            ("rebound.test", vec!["10.0.0.1", "169.254.169.254", "::1"]),
            ("mixed.test", vec!["10.0.0.1", "127.0.0.1"]),
            // What the system's resolver makes of such texts.
            ("localhost", vec!["127.0.0.2"]),
            ("2130706434", vec!["127.0.0.2"]),
            ("0x7f000002", vec!["127.0.0.2"]),
            ("0x7f.0.0.2", vec!["127.0.0.2"]),
            ("017700000002", vec!["127.0.0.2"]),
            ("0177.0.0.2", vec!["127.0.0.2"]),
            ("127.2", vec!["127.0.0.2"]),
            ("empty.test", vec![]),
        ]));
    })
    .await
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

pub(crate) async fn send(stage: &Stage, url: &str, more: &str) -> String {
    let path = format!("/courier/send?url={}{more}", encoded(url));
    stage.get(&path).await.body
}

fn lines(batches: &[Batch]) -> Vec<String> {
    let lines = batches.iter().flat_map(|batch| &batch.lines);
    lines
        .filter(|line| line.stream == LogStream::Platform)
        .map(|line| line.text.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_where_an_entry_allows_and_its_refusal_is_told_to_the_tenant() {
    let upstream = Upstream::plain().await;
    let allowed = format!("http://upstream.test:{}", upstream.port);
    let none = {
        let mut none = courier(&[]);
        none.name = "none".parse().unwrap();
        none.id = FunctionId::generate();
        none
    };
    let stage = stage(vec![acme(vec![courier(&[&allowed]), none])]).await;
    let sent = send(&stage, &upstream.url("http", "upstream.test", "/"), "").await;
    assert!(
        sent.starts_with("200\n") && sent.ends_with("connection 1 HTTP/1.1"),
        "{sent}"
    );

    let secret = upstream.url("http", "other.test", "/path?token=secret");
    assert_eq!(
        send(&stage, &secret, "").await,
        "error: HttpRequestDenied\n"
    );
    let by_https = upstream.url("https", "upstream.test", "/");
    assert_eq!(
        send(&stage, &by_https, "").await,
        "error: HttpRequestDenied\n"
    );
    let path = format!(
        "/none/send?url={}",
        encoded(&upstream.url("http", "upstream.test", "/"))
    );
    assert_eq!(stage.get(&path).await.body, "error: HttpRequestDenied\n");
    let with_credentials = send(&stage, "http://user:secret@upstream.test/", "").await;
    assert!(
        with_credentials.starts_with("error: "),
        "{with_credentials}"
    );

    let batches = stage
        .api
        .telemetry(|batches| lines(batches).len() >= 3)
        .await;
    let told = lines(&batches);
    let expected = format!(
        "the request to http://other.test:{} failed: no entry of the function's allowed_outbound_hosts allows it",
        upstream.port
    );
    assert!(told.contains(&expected), "{told:?}");
    assert!(!told.concat().contains("secret"), "{told:?}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_private_address_is_reached_however_it_is_written() {
    let upstream = Upstream::plain().await;
    let stage = stage(vec![acme(vec![courier(&["*://*:*"])])]).await;
    for host in [
        "127.0.0.2",
        "127.0.0.2.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "2130706434",
        "0x7f000002",
        "0x7f.0.0.2",
        "017700000002",
        "0177.0.0.2",
        "127.2",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.2]",
        "[::ffff:7f00:2]",
        "[::127.0.0.2]",
        "[64:ff9b::127.0.0.2]",
        "[64:ff9b:1::7f00:2]",
        "[2002:7f00:2::]",
        "[2001::1]",
        "[fd00::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "rebound.test",
    ] {
        let told = send(&stage, &upstream.url("http", host, "/"), "").await;
        assert_eq!(told, "error: DestinationIpProhibited\n", "{host}");
    }
    let empty = send(&stage, "http://empty.test/", "").await;
    assert_eq!(empty, "error: DestinationNotFound\n");
    let unknown = send(&stage, "http://unknown.test/", "").await;
    assert_eq!(unknown, "error: DnsError\n");
    // Of several addresses those that may be reached are.
    let mixed = send(&stage, &upstream.url("http", "mixed.test", "/"), "").await;
    assert!(mixed.starts_with("200\n"), "{mixed}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_own_listeners_are_closed_where_their_network_is_open() {
    let stage = stage(vec![acme(vec![courier(&["*://*:*"])])]).await;
    for own in [stage.worker.internal_addr(), stage.worker.functions_addr()] {
        let told = send(&stage, &format!("http://upstream.test:{}/", own.port()), "").await;
        assert_eq!(told, "error: DestinationIpProhibited\n");
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_bytes_and_times_are_bounded() {
    let upstream = Upstream::plain().await;
    let mut few = courier(&["http://*:*"]);
    few.limits.outbound_requests = 3;
    few.limits.outbound_bytes = 100_000;
    let stage = stage(vec![acme(vec![few])]).await;
    let many = format!(
        "/courier/many?count=5&url={}",
        encoded(&upstream.url("http", "upstream.test", "/count"))
    );
    let told = stage.get(&many).await.body;
    let answered = told.lines().filter(|line| *line == "200 0 bytes").count();
    let refused = told
        .lines()
        .filter(|line| *line == "error: ConnectionLimitReached");
    assert_eq!((answered, refused.count()), (3, 2), "{told}");

    let big = send(&stage, &upstream.url("http", "upstream.test", "/big"), "").await;
    assert!(
        big.contains("broken off: HTTP response body size exceeds limit: 100000"),
        "{}",
        &big[big.len() - 100..]
    );
    let count = upstream.url("http", "upstream.test", "/count");
    assert!(
        send(&stage, &count, "&body=90000")
            .await
            .ends_with("90000 bytes")
    );
    assert_eq!(
        send(&stage, &count, "&body=200000").await,
        "error: HttpRequestBodySize\n"
    );

    let slow = upstream.url("http", "upstream.test", "/slow-head");
    let began = Instant::now();
    let told = send(&stage, &slow, "&connect_ms=100&first_byte_ms=100").await;
    assert_eq!(told, "error: HttpResponseTimeout\n");
    let slow = upstream.url("http", "upstream.test", "/slow-body");
    let told = send(&stage, &slow, "&between_bytes_ms=100").await;
    assert!(
        told.contains("piece") && told.contains("broken off: connection read timeout"),
        "{told}"
    );
    assert!(began.elapsed().as_secs() < 10);
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let told = send(
        &stage,
        &format!("http://upstream.test:{}/", closed.port()),
        "",
    )
    .await;
    assert_eq!(told, "error: ConnectionRefused\n");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_frames_a_message_or_speaks_for_the_platform_is_not_the_guests_to_send() {
    let upstream = Upstream::plain().await;
    let stage = stage(vec![acme(vec![courier(&["http://*:*"])])]).await;
    let url = upstream.url("http", "upstream.test", "/headers");
    for forbidden in [
        "host:evil",
        "connection:close",
        "transfer-encoding:chunked",
        "upgrade:h2c",
    ] {
        let told = send(&stage, &url, &format!("&header={}", encoded(forbidden))).await;
        assert!(told.contains("is forbidden"), "{forbidden}: {told}");
    }
    for malformed in ["x-a:one\r\nx-b: two", "x a:b"] {
        let told = send(&stage, &url, &format!("&header={}", encoded(malformed))).await;
        assert!(told.contains("is malformed"), "{malformed}: {told}");
    }
    let told = send(
        &stage,
        &url,
        "&header=x-mine:1&header=x-atoll-function:forged&body=3&trailer=x-atoll-version:9",
    )
    .await;
    assert!(told.contains("saw x-mine: 1"), "{told}");
    assert!(
        told.contains(&format!("saw host: upstream.test:{}", upstream.port)),
        "{told}"
    );
    assert!(!told.contains("x-atoll"), "{told}");
    let connect = send(&stage, &url, "&method=CONNECT").await;
    assert_eq!(connect, "error: HttpRequestMethodInvalid\n");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked_by_name_and_http_2_is_spoken_where_it_is_offered() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let h2 = Upstream::tls("upstream.test", ca.clone(), &[b"h2", b"http/1.1"]).await;
    let stage = Stage::start_with(vec![acme(vec![courier(&["*://*:*"])])], |config| {
        config.egress.allow = vec!["127.0.0.0/8".parse().unwrap()];
        config.egress.ca = Some(ca);
        let names = ["upstream.test", "other.test"].map(|name| (name, vec!["127.0.0.1"]));
        config.egress.resolver = Arc::new(Names(names.to_vec()));
    })
    .await;
    for _ in 0..2 {
        let told = send(&stage, &h2.url("https", "upstream.test", "/"), "").await;
        assert!(told.ends_with("connection 1 HTTP/2.0"), "{told}");
    }
    let told = send(&stage, &h2.url("https", "upstream.test", "/headers"), "").await;
    assert!(
        told.contains(&format!("saw authority upstream.test:{}", h2.port)),
        "{told}"
    );
    let other = send(&stage, &h2.url("https", "other.test", "/"), "").await;
    assert_eq!(other, "error: TlsCertificateError\n");
    let stranger = Upstream::tls("upstream.test", folder.path().join("other.pem"), &[]).await;
    let told = send(&stage, &stranger.url("https", "upstream.test", "/"), "").await;
    assert_eq!(told, "error: TlsCertificateError\n");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_kept_for_its_tenant_and_its_list_of_hosts_alone() {
    let upstream = Upstream::plain().await;
    let mut other_list = courier(&["http://*:*", "https://*:*"]);
    other_list.name = "other".parse().unwrap();
    other_list.id = FunctionId::generate();
    let stage = stage(vec![
        acme(vec![courier(&["http://*:*"]), other_list]),
        globex(vec![courier(&["http://*:*"])]),
    ])
    .await;
    let path = format!(
        "send?url={}",
        encoded(&upstream.url("http", "upstream.test", "/"))
    );
    let on = async |tenant: &str, function: &str| {
        let url = stage.url(&format!("/{function}/{path}"));
        let answer = stage
            .send(stage.http.get(url.replace("acme", tenant)))
            .await;
        answer.body.lines().last().unwrap().to_owned()
    };
    assert_eq!(on("acme", "courier").await, "connection 1 HTTP/1.1");
    assert_eq!(on("acme", "courier").await, "connection 1 HTTP/1.1");
    assert_eq!(on("globex", "courier").await, "connection 2 HTTP/1.1");
    assert_eq!(on("acme", "other").await, "connection 3 HTTP/1.1");
    assert_eq!(on("acme", "courier").await, "connection 1 HTTP/1.1");
    stage.worker.shutdown().await;
}

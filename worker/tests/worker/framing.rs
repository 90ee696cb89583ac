//! Requests and answers whose framing lies. What is not clearly one message is refused or cut, and never passed on.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::stage::{Stage, acme, function};

async fn stage() -> Stage {
    Stage::start(vec![acme(vec![
        function("kitchen", "kitchen"),
        function("hostile", "hostile"),
    ])])
    .await
}

/// All that comes back for these bytes until the worker closes or falls silent.
async fn sent(stage: &Stage, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(stage.worker.plain_addr().unwrap())
        .await
        .unwrap();
    // A worker that has heard enough may close before it has read all.
    let _ = socket.write_all(bytes).await;
    let mut received = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(Ok(count @ 1..)) =
        tokio::time::timeout(Duration::from_millis(500), socket.read(&mut piece)).await
    {
        received.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&received).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    let lines = answers.lines().filter(|line| line.starts_with("HTTP/1."));
    lines
        .map(|line| line.split(' ').nth(1).unwrap_or("?"))
        .collect()
}

const COUNT: &str = "POST /kitchen/count HTTP/1.1\r\nHost: acme.localhost\r\n";
/// What a smuggler wants to be read as a request of its own.
const SMUGGLED: &str = "GET /kitchen/status?code=299 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_two_lengths_is_never_read_as_two() {
    let stage = stage().await;
    for (what, framing) in [
        (
            "length and chunks",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "chunks and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "Content-Length: 5\r\nContent-Length: 0\r\n\r\n",
        ),
        ("a list of lengths", "Content-Length: 0, 5\r\n\r\n"),
        ("a length with a sign", "Content-Length: +0\r\n\r\n"),
        ("a negative length", "Content-Length: -1\r\n\r\n"),
        ("a length in hexadecimal", "Content-Length: 0x0\r\n\r\n"),
        (
            "a length too large for any number",
            "Content-Length: 99999999999999999999999\r\n\r\n",
        ),
        (
            "chunks not last",
            "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
        (
            "an unknown encoding",
            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "an encoding in disguise",
            "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a folded encoding",
            "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "a size that is none",
            "Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n",
        ),
        (
            "a size too large for any number",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        ),
        ("a null in a value", "X-A: a\0b\r\n\r\n"),
        ("a space in a name", "X A: b\r\n\r\n"),
        ("a lone carriage return", "X-A: a\rX-B: b\r\n\r\n"),
    ] {
        let answers = sent(&stage, format!("{COUNT}{framing}{SMUGGLED}").as_bytes()).await;
        assert!(!statuses(&answers).contains(&"299"), "{what}: {answers}");
        let ours = statuses(&answers);
        assert!(
            ours.len() <= 1 && !ours.contains(&"500"),
            "{what}: {answers}"
        );
    }
    // Two honest requests on one connection are two.
    let honest = format!("{COUNT}Content-Length: 5\r\n\r\nhello{SMUGGLED}");
    assert_eq!(
        statuses(&sent(&stage, honest.as_bytes()).await),
        ["200", "299"]
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_may_not_lie_about_whom_it_is_for_or_go_on_for_ever() {
    let stage = stage().await;
    for (what, head) in [
        (
            "two hosts",
            "GET /kitchen/ HTTP/1.1\r\nHost: acme.localhost\r\nHost: globex.localhost\r\n\r\n",
        ),
        ("no host", "GET /kitchen/ HTTP/1.1\r\n\r\n"),
        (
            "a host with user information",
            "GET /kitchen/ HTTP/1.1\r\nHost: a@acme.localhost\r\n\r\n",
        ),
        (
            "a host with a path",
            "GET /kitchen/ HTTP/1.1\r\nHost: acme.localhost/x\r\n\r\n",
        ),
        (
            "a method of control characters",
            "G\x01T /kitchen/ HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
        ),
        (
            "no protocol",
            "GET /kitchen/\r\nHost: acme.localhost\r\n\r\n",
        ),
        ("the next protocol", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ] {
        let answers = sent(&stage, head.as_bytes()).await;
        let told = statuses(&answers);
        assert!(
            told.iter().all(|status| status.starts_with('4')),
            "{what}: {answers}"
        );
    }
    let wide = format!(
        "GET /kitchen/ HTTP/1.1\r\nHost: acme.localhost\r\nX-Wide: {}\r\n\r\n",
        "x".repeat(1 << 20)
    );
    let answers = sent(&stage, wide.as_bytes()).await;
    assert!(
        ["", "431"].contains(&statuses(&answers).first().copied().unwrap_or("")),
        "{answers}"
    );
    let many = format!(
        "GET /kitchen/ HTTP/1.1\r\nHost: acme.localhost\r\n{}\r\n",
        "A: b\r\n".repeat(5_000)
    );
    let answers = sent(&stage, many.as_bytes()).await;
    assert_eq!(statuses(&answers), ["431"], "{answers}");
    assert_eq!(stage.told("/kitchen/").await, "200 kitchen");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_write_a_head_of_its_own() {
    let stage = stage().await;
    let request = |path: &str| {
        format!("GET /hostile{path} HTTP/1.1\r\nHost: acme.localhost\r\nTE: trailers\r\n\r\n")
    };
    let split = sent(&stage, request("/split-value").as_bytes()).await;
    assert_eq!(statuses(&split), ["200"], "{split}");
    assert!(!split.to_ascii_lowercase().contains("x-split"), "{split}");
    let taken = stage.told("/hostile/split-value").await;
    assert_eq!(
        taken.trim(),
        "200",
        "a value or name that must be refused was taken"
    );

    let trailers = sent(&stage, request("/forbidden-trailers").as_bytes()).await;
    let (_, after_body) = trailers.rsplit_once("\r\n0\r\n").unwrap_or(("", ""));
    for forbidden in [
        "content-length",
        "transfer-encoding",
        "host",
        "connection",
        "te:",
        "set-cookie",
        "x-atoll-",
        "x-request-id",
        "content-encoding",
        "trailer",
    ] {
        assert!(
            !after_body.to_ascii_lowercase().contains(forbidden),
            "{forbidden}: {trailers}"
        );
    }
    assert_eq!(
        stage.told("/hostile/lying-length").await,
        "502 invalid_response"
    );
    for code in [0, 99, 100, 101, 103, 199, 999, 1000] {
        let told = stage.get(&format!("/kitchen/status?code={code}")).await;
        assert!(
            (200..1000).contains(&told.status),
            "{code}: {}",
            told.told()
        );
    }
    // More than callers take, whoever wrote it.
    let wide = stage.told("/kitchen/headers?count=5000").await;
    assert!(
        wide.starts_with("502 ") || wide.starts_with("200 "),
        "{wide}"
    );
    assert_eq!(stage.told("/hostile/hold-body").await, "200 held");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_no_path_reaches_no_function() {
    let stage = stage().await;
    for request in [
        "CONNECT acme.localhost:80 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
        "CONNECT /kitchen/status?code=200 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
        "GET kitchen HTTP/1.1\r\nHost: acme.localhost\r\n\r\n",
    ] {
        let answers = sent(&stage, request.as_bytes()).await;
        assert_eq!(statuses(&answers), ["400"], "{request}: {answers}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_broke_off_never_looks_whole_to_a_caller_of_http_1_0() {
    let stage = stage().await;
    let asked = async |path: &str| {
        let mut socket = TcpStream::connect(stage.worker.plain_addr().unwrap())
            .await
            .unwrap();
        let head = format!(
            "GET {path} HTTP/1.0\r\nHost: acme.localhost\r\nConnection: keep-alive\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut received = Vec::new();
        let ended = socket.read_to_end(&mut received).await;
        ended.map(|_| String::from_utf8_lossy(&received).into_owned())
    };
    let whole = asked("/kitchen/stream?chunks=3&ms=20").await.unwrap();
    assert!(whole.starts_with("HTTP/1.0 200"), "{whole}");
    assert!(whole.contains("connection: close"), "{whole}");
    let beyond_the_wall_limit = asked("/kitchen/stream?chunks=9&ms=500").await;
    let error = beyond_the_wall_limit.expect_err("it broke off");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    stage.worker.shutdown().await;
}

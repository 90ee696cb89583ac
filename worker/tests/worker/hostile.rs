//! Guests and callers that mean harm. After each storm the worker answers somebody else at once, and has nothing left in flight.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, future::join_all};
use reqwest::Body;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::stage::{Stage, acme, client, function};

/// With room for a busy machine: alone it takes a millisecond.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn stage(guests: &[&str]) -> Stage {
    let mut functions = vec![function("good", "hello-v1")];
    functions.extend(guests.iter().map(|guest| function(guest, guest)));
    Stage::start(vec![acme(functions)]).await
}

/// Somebody else's function answers while all of `storm` goes on, and after it nothing is in flight.
async fn survives(stage: &Stage, what: &str, storm: impl Future<Output = ()>) {
    let mut storm = std::pin::pin!(storm);
    loop {
        let good = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let began = Instant::now();
            let told = stage.told("/good").await;
            (told, began.elapsed())
        };
        tokio::select! {
            () = &mut storm => break,
            (told, took) = good => {
                assert_eq!(told, "200 hello from v1", "while {what}");
                assert!(took < AT_ONCE, "while {what} a good call took {took:?}");
            }
        }
    }
    assert_eq!(
        stage.told("/good").await,
        "200 hello from v1",
        "after {what}"
    );
    let beat = stage.api.heartbeat(|beat| beat.in_flight == 0).await;
    assert_eq!(beat.in_flight, 0, "after {what}");
}

/// Five callers of `path`, each of whom is told one of `expected`, or that its time was up: a machine
/// that is busy with others runs those that compute last.
async fn storm(stage: &Stage, path: &str, expected: &[&str]) {
    survives(stage, path, async {
        for told in join_all([path; 5].map(|path| stage.told(path))).await {
            let is_expected = expected.contains(&told.as_str()) || told == "504 wall_timeout";
            assert!(is_expected, "{path}: {told}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_are_ended_wherever_they_are() {
    let stage = stage(&[
        "loop-in-start",
        "loop-in-post-return",
        "kitchen",
        "hello-p3",
    ])
    .await;
    let ended = ["502 cpu_limit_exceeded"];
    storm(&stage, "/loop-in-start", &ended).await;
    storm(&stage, "/loop-in-post-return", &ended).await;
    storm(&stage, "/kitchen/spin", &ended).await;
    storm(&stage, "/hello-p3/spin", &ended).await;
    // The head is out: the answer breaks off, or the head is lost with the rest.
    survives(&stage, "a loop after the head", async {
        for _ in 0..3 {
            let answer = stage
                .http
                .get(stage.url("/kitchen/spin-after-head"))
                .send()
                .await;
            if let Ok(answer) = answer {
                assert!(answer.text().await.is_err());
            }
        }
    })
    .await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_refused_what_they_grow() {
    let stage = stage(&["table-bomb", "memory-bomb", "stack-bomb", "kitchen"]).await;
    storm(&stage, "/memory-bomb", &["502 memory_limit_exceeded"]).await;
    storm(&stage, "/table-bomb", &["502 memory_limit_exceeded"]).await;
    storm(&stage, "/stack-bomb", &["502 function_trapped"]).await;
    storm(&stage, "/kitchen/allocate", &["502 memory_limit_exceeded"]).await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_host_does_for_a_guest_has_an_end_too() {
    let stage = stage(&["hostile"]).await;
    let cpu = "502 cpu_limit_exceeded";
    let trapped = "502 function_trapped";
    let memory = "502 memory_limit_exceeded";
    storm(&stage, "/hostile/copy-storm", &[cpu]).await;
    storm(&stage, "/hostile/fill-storm", &[cpu]).await;
    storm(&stage, "/hostile/random-storm", &[cpu, trapped, memory]).await;
    storm(&stage, "/hostile/handle-storm", &[cpu, trapped, memory]).await;
    storm(&stage, "/hostile/pollable-storm", &[cpu, trapped, memory]).await;
    storm(&stage, "/hostile/header-storm", &[cpu, trapped, memory]).await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_log_lines_and_a_million_requests_cost_no_more_than_their_caller_has() {
    let stage = stage(&["kitchen", "hostile"]).await;
    let limits = [
        "502 cpu_limit_exceeded",
        "504 wall_timeout",
        "502 function_trapped",
    ];
    let lines = ["200 1000000 lines"]
        .into_iter()
        .chain(limits)
        .collect::<Vec<_>>();
    storm(&stage, "/kitchen/log-flood?lines=1000000", &lines).await;
    survives(&stage, "a million outbound requests", async {
        for told in join_all(["/hostile/outbound-storm"; 5].map(|path| stage.told(path))).await {
            let refused = told.starts_with("200 ") && told.ends_with("refused at once");
            assert!(refused || limits.contains(&told.as_str()), "{told}");
        }
    })
    .await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_who_go_away_leave_nothing_behind() {
    let stage = stage(&["kitchen", "hello-p3", "hostile"]).await;
    for path in [
        "/kitchen/sleep?ms=1000",
        "/kitchen/stream?chunks=50&ms=20",
        "/kitchen/trap-after-head",
        "/hello-p3/stream?chunks=50&ms=20",
        "/hostile/endless-body",
        "/kitchen/spin",
    ] {
        survives(&stage, &format!("callers of {path} go away"), async {
            for patience in [1, 5, 20, 60] {
                // Connections of their own: one that resets too much is closed, with all that is on it.
                let leaving = client(stage.folder.path(), stage.worker.functions_addr());
                let calls = (0..15).map(|_| {
                    let call = leaving.get(stage.url(path)).send();
                    tokio::time::timeout(Duration::from_millis(patience), call)
                });
                // Whatever came of them: those that got a head drop it unread.
                drop(join_all(calls).await);
            }
        })
        .await;
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_callers_keep_nobody_waiting_and_are_let_go() {
    let stage = stage(&["kitchen"]).await;
    let plain = stage.worker.plain_addr().unwrap();
    survives(&stage, "callers send slowly and read nothing", async {
        // A declared body that never comes, and an answer that nobody reads.
        let slow = (0..10).map(|number| async move {
            let mut socket = tokio::net::TcpStream::connect(plain).await.unwrap();
            let request: &[u8] = if number % 2 == 0 {
                b"POST /kitchen/count HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 1000\r\n\r\nx"
            } else {
                b"GET /kitchen/big?bytes=1000000 HTTP/1.1\r\nHost: acme.localhost\r\n\r\n"
            };
            socket.write_all(request).await.unwrap();
            tokio::time::sleep(Duration::from_secs(5)).await;
            let mut rest = Vec::new();
            let ended = socket.read_to_end(&mut rest);
            // Either the answer's end or a problem, and then the connection's.
            let _ = tokio::time::timeout(Duration::from_secs(5), ended).await;
        });
        join_all(slow).await;
    })
    .await;

    // An upload of a byte now and then ends with the wall limit at the latest.
    let drips = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x']));
    let drips = drips.then(|byte| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        byte
    });
    let request = stage
        .http
        .post(stage.url("/kitchen/count"))
        .body(Body::wrap_stream(drips));
    let began = Instant::now();
    if let Ok(answer) = request.send().await {
        assert_ne!(answer.status(), 200);
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    stage.api.heartbeat(|beat| beat.in_flight == 0).await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_large_guests_took_is_the_machines_again() {
    let stage = stage(&["kitchen"]).await;
    let before = resident_mebibytes();
    for _ in 0..60 {
        assert_eq!(stage.told("/kitchen/allocate?mb=24").await, "200 24 MiB");
    }
    let more = resident_mebibytes().saturating_sub(before);
    assert!(
        more < 300,
        "after 60 calls of 24 MiB each, {more} MiB more are taken"
    );
    stage.worker.shutdown().await;
}

fn resident_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kibibytes = line.split_whitespace().nth(1).unwrap();
    kibibytes.parse::<u64>().unwrap() / 1_024
}

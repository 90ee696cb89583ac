//! Stories of a whole worker: over TLS, through both engines, fed by an API server.

use std::time::{Duration, Instant};

use crate::stage::{Answer, Api, Stage, acme, function};
use domain::{
    function::Access,
    telemetry::{Batch, InvocationRecord},
    tenant::TenantState,
};
use reqwest::{Method, Version};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_function_answers_at_its_tenants_host_over_both_protocols() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    let answer = stage.get("/hello").await;
    assert_eq!(answer.told(), "200 hello from v1");
    assert!(answer.header("x-request-id").starts_with("req_"));
    assert_eq!(answer.header("x-atoll-version"), "1");

    let h1 = stage
        .http
        .get(stage.url("/hello"))
        .version(Version::HTTP_11);
    assert_eq!(stage.send(h1).await.told(), "200 hello from v1");
    let head = stage.http.head(stage.url("/hello")).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), head.version()),
        (200, Version::HTTP_2)
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_alike_and_what_may_not_be_called_is_told_why() {
    let mut private = function("private", "hello-v1");
    private.access = Access::Private;
    let mut disabled = function("disabled", "hello-v1");
    disabled.enabled = false;
    let mut undeployed = function("undeployed", "hello-v1");
    undeployed.traffic.clear();
    let mut ahead = function("ahead", "hello-v1");
    ahead.requires = vec!["telepathy".to_owned()];
    let mut suspended = acme(vec![function("hello", "hello-v1")]);
    suspended.slug = "globex".parse().unwrap();
    suspended.state = TenantState::Suspended;
    let functions = vec![private, disabled, undeployed, ahead];
    let stage = Stage::start(vec![acme(functions), suspended]).await;

    assert_eq!(stage.told("/disabled").await, "403 function_disabled");
    assert_eq!(stage.told("/ahead").await, "503 unsupported_feature");
    let of = |tenant: &str| stage.http.get(stage.url("/hello").replace("acme", tenant));
    assert_eq!(
        stage.send(of("globex")).await.told(),
        "402 tenant_suspended"
    );

    let without_id = |answer: Answer| {
        let mut problem = answer.json();
        problem.as_object_mut().unwrap().remove("request_id");
        (answer.status, problem)
    };
    let nobody = without_id(stage.send(of("nobody")).await);
    assert_eq!(nobody.0, 404);
    assert_eq!(nobody, without_id(stage.get("/undeployed").await));
    assert_eq!(nobody, without_id(stage.get("/private").await));
    assert_eq!(nobody, without_id(stage.get("/").await));

    let page = stage
        .http
        .get(stage.url("/nothing"))
        .header("accept", "text/html,*/*;q=0.8");
    let page = stage.send(page).await;
    assert!(
        page.header("content-type").starts_with("text/html") && page.body.contains("not_found")
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_carries_only_the_host_that_its_certificate_is_for() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    let http_1 = crate::stage::client_of_http_1(stage.folder.path(), stage.worker.functions_addr());
    let foreign = http_1.get(stage.url("/hello"));
    let foreign = stage.send(foreign.header("host", "globex.localhost")).await;
    assert_eq!(foreign.told(), "421 misdirected");

    // No certificate is made for a name that can be no tenant's.
    let port = stage.worker.functions_addr();
    let ca = stage.folder.path();
    let www = crate::stage::client(ca, port).get(format!("https://localhost:{}/", port.port()));
    assert!(www.send().await.is_err());
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_before_the_head_is_told_as_a_problem() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    for (path, told) in [
        ("/trap", "502 function_trapped"),
        ("/log-then-trap", "502 function_trapped"),
        ("/panic", "502 function_trapped"),
        ("/recurse", "502 function_trapped"),
        ("/answer-twice", "502 function_trapped"),
        ("/exit?code=3", "502 function_trapped"),
        ("/exit", "502 invalid_response"),
        ("/silent", "502 invalid_response"),
        ("/error", "502 invalid_response"),
        ("/wrong-length", "502 invalid_response"),
        ("/spin", "502 cpu_limit_exceeded"),
        ("/allocate", "502 memory_limit_exceeded"),
        ("/sleep?ms=60000", "504 wall_timeout"),
    ] {
        let answer = stage.get(&format!("/kitchen{path}")).await;
        assert_eq!(answer.told(), told, "{path}");
        assert_eq!(
            answer.json()["request_id"],
            answer.header("x-request-id"),
            "{path}"
        );
        assert_eq!(answer.header("x-atoll-version"), "1", "{path}");
    }
    assert_eq!(stage.get("/kitchen/spin").await.json()["limit"], 300);
    assert_eq!(
        stage.get("/kitchen/allocate").await.json()["limit"],
        32 << 20
    );

    // The function's own words are no failure of anybody.
    assert_eq!(
        stage.told("/kitchen/status?code=503").await,
        "503 status 503"
    );
    assert_eq!(stage.told("/kitchen/status?code=204").await, "204 ");
    assert_eq!(stage.told("/kitchen/allocate?mb=8").await, "200 8 MiB");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_head_does_not_look_like_an_end() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let http_1 = crate::stage::client_of_http_1(stage.folder.path(), stage.worker.functions_addr());
    for client in [&http_1, &stage.http] {
        for path in [
            "/spin-after-head",
            "/stream?chunks=100&ms=100",
            "/big?bytes=2000000",
        ] {
            // What is reset at once may take its head along, when it was not read yet.
            if let Ok(answer) = client
                .get(stage.url(&format!("/kitchen{path}")))
                .send()
                .await
            {
                assert_eq!(Answer::of(answer).await.told(), "200 BROKEN OFF", "{path}");
            }
        }
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_stream_in_both_directions() {
    let stage = Stage::start(vec![acme(vec![
        function("kitchen", "kitchen"),
        function("hello-p3", "hello-p3"),
    ])])
    .await;
    for name in ["kitchen", "hello-p3"] {
        let started = Instant::now();
        let url = stage.url(&format!("/{name}/stream?chunks=3&ms=200"));
        let mut response = stage.http.get(url).send().await.unwrap();
        let mut chunks = 0;
        while response.chunk().await.unwrap().is_some() {
            chunks += 1;
        }
        assert!(
            chunks >= 3,
            "{name}: not kept back until they are all there"
        );
        assert!(started.elapsed() >= Duration::from_millis(400), "{name}");

        let sent: Vec<u8> = (0..900_000_u32).map(|n| (n % 251) as u8).collect();
        let echo = stage
            .http
            .post(stage.url(&format!("/{name}/echo")))
            .body(sent.clone());
        let received = echo.send().await.unwrap().bytes().await.unwrap();
        assert!(received == sent, "{name}");
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_its_callers_affair() {
    let mut patient = function("patient", "kitchen");
    patient.limits.wall_ms = 10_000;
    let kitchen = function("kitchen", "kitchen");
    let stage = Stage::start(vec![acme(vec![patient, kitchen])]).await;
    let plain = stage.worker.plain_addr().unwrap();
    let begun = async |name: &str| {
        let mut socket = TcpStream::connect(plain).await.unwrap();
        let head = format!(
            "POST /{name}/count HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 1000\r\n\r\nx"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket
    };
    let answer = async |socket: TcpStream| {
        let mut lines = BufReader::new(socket).lines();
        lines.next_line().await.unwrap().unwrap()
    };

    let silent = begun("patient").await;
    assert_eq!(answer(silent).await, "HTTP/1.1 408 Request Timeout");

    let (reading, mut writing) = begun("kitchen").await.into_split();
    let dripping = tokio::spawn(async move {
        while writing.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut lines = BufReader::new(reading).lines();
    let status = lines.next_line().await.unwrap().unwrap();
    assert_eq!(status, "HTTP/1.1 408 Request Timeout");
    dripping.abort();

    let mut broken_off = begun("kitchen").await;
    broken_off.shutdown().await.unwrap();
    drop(broken_off);

    // The guest answers already, and falls over what its caller did.
    let mut echoed = TcpStream::connect(plain).await.unwrap();
    let head = "POST /kitchen/echo HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 9\r\n\r\n";
    echoed.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    echoed.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    echoed.shutdown().await.unwrap();
    let mut rest = Vec::new();
    echoed.read_to_end(&mut rest).await.unwrap();
    assert!(!rest.ends_with(b"0\r\n\r\n"));

    let batches = stage.api.telemetry(|batches| told(batches).len() >= 4);
    for record in told(&batches.await) {
        assert_eq!(record.party, "caller", "{record:?}");
    }
    stage.worker.shutdown().await;
}

fn told(batches: &[Batch]) -> Vec<InvocationRecord> {
    let records = batches.iter().flat_map(|batch| &batch.invocations);
    records.cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_says_of_its_failure_is_for_its_tenant() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let problem = stage.get("/kitchen/error").await;
    assert_eq!(problem.told(), "502 invalid_response");
    assert!(!problem.body.contains("closed"), "{}", problem.body);
    let batches = stage.api.telemetry(|batches| !told(batches).is_empty());
    let records = told(&batches.await);
    assert!(
        records[0].detail.contains("the kitchen is closed"),
        "{records:?}"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let url = stage.url("/kitchen/count");
    let declared = stage.http.post(&url).body(vec![0; 2 << 20]);
    let declared = stage.send(declared).await;
    assert_eq!(declared.told(), "413 request_too_large");
    assert_eq!(declared.json()["limit"], 1 << 20);

    let pieces = futures::stream::iter((0..32).map(|_| Ok::<_, std::io::Error>(vec![0; 64 << 10])));
    let streamed = stage
        .http
        .post(&url)
        .body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(stage.send(streamed).await.told(), "413 request_too_large");

    let long = stage.get(&format!("/kitchen/?{}", "x".repeat(9_000))).await;
    assert_eq!(long.told(), "414 uri_too_long");
    let wide = stage
        .http
        .get(stage.url("/kitchen/"))
        .header("x-wide", "x".repeat(40_000));
    assert_eq!(stage.send(wide).await.told(), "431 headers_too_large");
    assert_eq!(stage.told("/kitchen/").await, "200 kitchen");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guest_sees_its_request_and_nothing_of_the_machine() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let request = stage.http.get(stage.url("/kitchen/inspect?a=1"));
    let request = request
        .header("x-atoll-function", "forged")
        .header("spin-full-url", "forged");
    let seen = stage
        .send(
            request
                .header("x-request-id", "forged")
                .header("x-mine", "kept"),
        )
        .await
        .json();
    assert_eq!(seen["path_with_query"], "/inspect?a=1");
    assert!(!seen.to_string().contains("forged"), "{seen:#}");
    let header = |name: &str| {
        let found = seen["headers"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pair| pair[0] == name);
        found.map_or(String::new(), |pair| pair[1].as_str().unwrap().to_owned())
    };
    assert_eq!(header("x-mine"), "kept");
    assert_eq!(header("x-forwarded-prefix"), "/kitchen");
    assert_eq!(header("spin-path-info"), "/inspect");
    assert!(header("traceparent").starts_with("00-"));

    assert_eq!(
        stage
            .told("/kitchen/outbound?url=http://127.0.0.1:1/")
            .await,
        "200 error: HttpRequestDenied"
    );
    assert!(stage.told("/kitchen/files").await.starts_with("200 error"));
    assert!(stage.told("/kitchen/socket").await.starts_with("200 error"));
    assert_eq!(
        stage.get("/kitchen/environment").await.json(),
        serde_json::json!({ "variables": [], "arguments": [], "preopens": [] }),
    );
    for _ in 0..3 {
        assert_eq!(stage.told("/kitchen/counter").await, "200 1");
    }
    let cookies = stage.get("/kitchen/cookie").await;
    assert_eq!(cookies.headers.get_all("set-cookie").iter().count(), 1);
    assert_eq!(
        stage.told("/kitchen/log-flood?lines=1000").await,
        "200 1000 lines"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_of_wasi_0_3_and_commands_run_beside_the_others() {
    let stage = Stage::start(vec![acme(vec![
        function("p3", "hello-p3"),
        function("cgi", "cgi"),
        function("reactor", "core-reactor"),
    ])])
    .await;
    assert_eq!(stage.told("/p3/").await, "200 hello from p3");
    assert_eq!(stage.told("/p3/trap").await, "502 function_trapped");
    assert_eq!(stage.told("/p3/spin").await, "502 cpu_limit_exceeded");
    // It waits for nothing that could come, which the engine notices.
    assert_eq!(stage.told("/p3/never").await, "502 function_trapped");
    assert_eq!(stage.told("/p3/error").await, "502 invalid_response");
    let after_head = stage.told("/p3/trap-after-head").await;
    assert!(
        ["502 function_trapped", "200 BROKEN OFF"].contains(&after_head.as_str()),
        "{after_head}"
    );
    assert_eq!(stage.told("/p3/counter").await, "200 1");

    assert!(stage.told("/cgi/").await.starts_with("200 "));
    assert!(stage.told("/cgi/missing").await.starts_with("404 "));
    assert_eq!(stage.told("/cgi/fail").await, "502 function_trapped");
    assert!(stage.told("/reactor").await.starts_with("200 hello"));
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn api_servers_call_private_functions_with_a_token_for_them_alone() {
    let mut private = function("kitchen", "kitchen");
    private.access = Access::Private;
    let id = private.id;
    let tenant = acme(vec![private]);
    let path = format!("/internal/v1/invoke/{}/{id}", tenant.id);
    let stage = Stage::start(vec![tenant]).await;
    let internal = format!("http://{}", stage.worker.internal_addr());
    assert_eq!(
        stage
            .send(stage.http.get(format!("{internal}/readyz")))
            .await
            .told(),
        "200 ready"
    );

    let call = |token: String, path_and_query: &str| {
        stage
            .http
            .request(Method::POST, format!("{internal}{path}"))
            .bearer_auth(token)
            .header("x-atoll-invoke-method", "PUT")
            .header("x-atoll-invoke-path", path_and_query)
    };
    let seen = stage
        .send(call(Api::token("invoke", id), "/inspect?b=2"))
        .await;
    let seen = seen.json();
    assert_eq!(
        (&seen["method"], &seen["path_with_query"]),
        (&"PUT".into(), &"/inspect?b=2".into())
    );
    assert_eq!(seen["authority"], "acme.localhost");
    assert!(!seen.to_string().contains("authorization"), "{seen:#}");
    assert_eq!(
        stage
            .send(call(Api::token("invoke", id), "/trap"))
            .await
            .told(),
        "502 function_trapped"
    );

    for token in [
        Api::token("feed", id),
        Api::token("invoke", domain::FunctionId::generate()),
        "nonsense".to_owned(),
    ] {
        assert_eq!(
            stage.send(call(token, "/")).await.told(),
            "401 unauthenticated"
        );
    }
    let old = call(Api::token("invoke", id), "/").header("x-atoll-invoke-version", "7");
    assert_eq!(stage.send(old).await.told(), "410 version_gone");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_drains_ends_what_it_began() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let url = stage.url("/kitchen/stream?chunks=5&ms=200");
    let mut response = stage.http.get(url).send().await.unwrap();
    let drained = tokio::spawn(stage.worker.shutdown());
    let draining = stage.api.heartbeat(|heartbeat| heartbeat.draining).await;
    assert_eq!(draining.in_flight, 1);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(String::from_utf8(body).unwrap().lines().count(), 5);
    drained.await.unwrap();
}

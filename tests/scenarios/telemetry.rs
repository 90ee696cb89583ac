//! What workers tell of invocations, and what a tenant sees of it. The worker is made up, so that
//! every count is known.

use std::time::Duration;

use domain::telemetry::{
    Batch, InvocationRecord, LogLine, LogStream, MAX_BATCH_BYTES, MAX_COUNTERS,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::harness::{
    Answer, Browser, Person, TestPlatform, cluster,
    fake_worker::{self, FakeWorker},
    guests, platform, until,
};

/// A platform without a worker of its own, whose `acme` has a function `hello`.
async fn start() -> TestPlatform {
    let database = cluster::database()
        .await
        .parse()
        .expect("it is as the scenario made it");
    TestPlatform::start_api(&database).await
}

async fn worker<'a>(platform: &'a TestPlatform, owner: &Person<'_>) -> FakeWorker<'a> {
    let function = owner.create_function("hello").await;
    let tenant = owner.get(&owner.here("")).await.expect(200).json();
    FakeWorker::join(platform, &tenant, &function).await
}

async fn read(person: &Person<'_>, path: &str) -> Answer {
    let path = person.here(&format!("/functions/hello{path}"));
    person.get(&path).await
}

fn ids(page: &Value) -> Vec<&str> {
    let items = page["items"]
        .as_array()
        .expect("it is as the scenario made it");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("it is as the scenario made it"))
        .collect()
}

fn texts(page: &Value) -> Vec<&str> {
    let items = page["items"]
        .as_array()
        .expect("it is as the scenario made it");
    items
        .iter()
        .map(|item| {
            item["text"]
                .as_str()
                .expect("it is as the scenario made it")
        })
        .collect()
}

/// As a query spells it; `+` would be read as a space.
fn spelled(record: &InvocationRecord) -> String {
    let told = serde_json::to_value(record).expect("it is as the scenario made it");
    told["started_at"]
        .as_str()
        .expect("it is as the scenario made it")
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_invocation_is_counted_once_however_often_its_batch_comes() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let source = fake_worker::batch().source;
    let batch = |sequence| Batch {
        source,
        sequence,
        counters: vec![
            worker.counter("responded", 2, 90),
            worker.counter("responded", 5, 4),
            worker.counter("function_trapped", 5, 5),
            worker.counter("caller_gone", 0, 1),
        ],
        invocations: vec![worker.record(1)],
        ..fake_worker::batch()
    };
    for _ in 0..3 {
        worker.send(&batch(1)).await.expect(204);
    }
    // Of the same rows in another order, at the same time, twice.
    let others = (2..=8).chain(2..=8).map(|sequence| {
        let mut batch = batch(sequence);
        if sequence % 2 == 0 {
            batch.counters.reverse();
        }
        let worker = &worker;
        async move { worker.send(&batch).await.expect(204) }
    });
    futures::future::join_all(others).await;

    let metrics = read(&owner, "/metrics?step=day").await.expect(200).json();
    let total = &metrics["total"];
    assert_eq!(total["invocations"], 800, "{metrics:#}");
    assert_eq!(total["errors"], 8 * 9);
    let outcomes = json!({ "responded": 8 * 94, "function_trapped": 8 * 5, "caller_gone": 8 });
    assert_eq!(total["outcomes"], outcomes);
    let classes = json!({ "2xx": 8 * 90, "5xx": 8 * 9, "none": 8 });
    assert_eq!(total["status_classes"], classes);
    assert_eq!(
        (&total["cpu_us"], &total["wall_us"]),
        (&json!(800_000), &json!(2_400_000))
    );
    assert_eq!(total["p50_ms"], 3.5);
    assert_eq!(total["peak_memory_bytes"], 1 << 20);
    let points = metrics["points"].as_array().unwrap();
    let sum: u64 = points
        .iter()
        .map(|point| point["invocations"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 800);
    let invocations = read(&owner, "/invocations").await.expect(200).json();
    assert_eq!(ids(&invocations).len(), 8);

    let none = read(&owner, "/metrics?version=2").await.expect(200).json();
    assert_eq!(
        (&none["total"]["invocations"], &none["total"]["p99_ms"]),
        (&json!(0), &Value::Null)
    );
    let far = read(&owner, "/metrics?since=2020-01-01T00:00:00Z")
        .await
        .expect(422);
    assert!(
        far.to_string()
            .contains("since: ask for at most 1500 steps"),
        "{far}"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invocations_come_in_pages_and_by_what_is_asked_for() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let mut records: Vec<_> = (1..=9).map(|ago| worker.record(ago * 10)).collect();
    records[3] = worker.trapped(40);
    records[8].version = Some(2);
    // Two of the same moment are told apart by their ids.
    records[1].started_at = records[0].started_at;
    let batch = Batch {
        invocations: records.clone(),
        ..fake_worker::batch()
    };
    worker.send(&batch).await.expect(204);

    records.sort_by_key(|record| (record.started_at, record.id));
    let newest_first: Vec<_> = records.iter().rev().map(|it| it.id.to_string()).collect();
    let mut seen = Vec::new();
    let mut next = String::new();
    loop {
        let page = read(&owner, &format!("/invocations?limit=2{next}")).await;
        let page = page.expect(200).json();
        seen.extend(ids(&page).into_iter().map(str::to_owned));
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, newest_first);

    let only = async |query: &str| {
        let page = read(&owner, &format!("/invocations?{query}")).await;
        let page = page.expect(200).json();
        ids(&page).len()
    };
    assert_eq!(only("outcome=function_trapped").await, 1);
    assert_eq!(only("outcome=responded").await, 8);
    assert_eq!(only("outcome=wall_timeout").await, 0);
    for unknown in [
        "invocations?outcome=traped",
        "logs?level=loud",
        "metrics?version=-1",
    ] {
        let refused = read(&owner, &format!("/{unknown}")).await;
        assert_eq!(refused.code(), "invalid", "{unknown}");
    }
    assert_eq!(only("version=2").await, 1);
    let (oldest, third) = (spelled(&records[0]), spelled(&records[2]));
    assert_eq!(only(&format!("until={third}")).await, 2);
    assert_eq!(only(&format!("since={oldest}&until={third}")).await, 2);
    for (query, field) in [
        ("since=yesterday", "since: expected RFC 3339"),
        ("cursor=x", "cursor: pass the `next_cursor`"),
        (
            "cursor=-99999999999999999.00000000000000000000000000000001",
            "cursor: pass",
        ),
        ("outcom=x", "unknown field `outcom`"),
        (
            "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
            "until: it must lie after",
        ),
    ] {
        let refused = read(&owner, &format!("/invocations?{query}")).await;
        assert_eq!(refused.status, 422, "{query}: {refused}");
        assert!(refused.to_string().contains(field), "{query}: {refused}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_shows_what_it_wrote_and_logs_are_found_by_what_they_say() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let (trapped, other) = (worker.trapped(5), worker.record(9));
    let frames = LogLine {
        stream: LogStream::Platform,
        level: "critical".to_owned(),
        ..worker.line(&trapped, 2, "wasm trap: unreachable\0")
    };
    let batch = Batch {
        invocations: vec![trapped.clone(), other.clone()],
        lines: vec![
            frames,
            worker.line(&trapped, 1, "Decoding 100% of <b>it</b>"),
            worker.line(&other, 1, "another"),
        ],
        ..fake_worker::batch()
    };
    worker.send(&batch).await.expect(204);

    let one = read(&owner, &format!("/invocations/{}", trapped.id)).await;
    let one = one.expect(200).json();
    assert_eq!(one["outcome"], "function_trapped");
    assert_eq!(
        (&one["party"], &one["status"]),
        (&json!("guest"), &json!(502))
    );
    let lines: Vec<_> = one["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["text"])
        .collect();
    assert_eq!(
        lines,
        ["Decoding 100% of <b>it</b>", "wasm trap: unreachable?"]
    );

    let found = async |query: &str| {
        let page = read(&owner, &format!("/logs?{query}")).await;
        let page = page.expect(200).json();
        texts(&page)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("").await.len(), 3);
    assert_eq!(
        found("q=decoding%20100%25").await,
        ["Decoding 100% of <b>it</b>"]
    );
    assert!(found("q=%25%25").await.is_empty(), "a pattern is but text");
    assert_eq!(
        found(&format!("request_id={}", other.id)).await,
        ["another"]
    );
    assert_eq!(found("stream=platform").await, ["wasm trap: unreachable?"]);
    assert_eq!(found("level=critical&stream=stdout").await.len(), 0);
    let first = read(&owner, "/logs?limit=2").await.expect(200).json();
    let rest = format!("limit=2&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(found(&rest).await, ["another"]);
    let refused = read(&owner, "/logs?stream=stdin&request_id=fn_1")
        .await
        .expect(422);
    assert_eq!(
        refused.json()["problems"].as_array().unwrap().len(),
        2,
        "{refused}"
    );
    let wrong = read(&owner, "/invocations/req_00000000000000000000000000000001").await;
    assert_eq!((wrong.status, &*wrong.code()), (404, "not_found"));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_another_tenants_invocations() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let record = worker.record(1);
    let batch = Batch {
        counters: vec![worker.counter("responded", 2, 1)],
        lines: vec![worker.line(&record, 1, "secret")],
        invocations: vec![record.clone()],
        ..fake_worker::batch()
    };
    worker.send(&batch).await.expect(204);

    let mut outsider = platform.somebody("outsider@example.com", None).await;
    let globex = json!({ "slug": "globex", "name": "Globex" });
    let paths = [
        "/invocations".to_owned(),
        format!("/invocations/{}", record.id),
        "/logs".to_owned(),
        "/metrics".to_owned(),
    ];
    for path in &paths {
        read(&outsider, path).await.expect(404);
    }
    // In a tenant of his own, with a function of the same name.
    outsider.post("/tenants", globex).await.expect(201);
    outsider.tenant = "globex".to_owned();
    outsider.create_function("hello").await;
    assert!(ids(&read(&outsider, "/invocations").await.expect(200).json()).is_empty());
    read(&outsider, &paths[1]).await.expect(404);
    let by_id = format!("/logs?request_id={}", record.id);
    assert!(texts(&read(&outsider, &by_id).await.expect(200).json()).is_empty());
    let metrics = read(&outsider, "/metrics").await.expect(200).json();
    assert_eq!(metrics["total"]["invocations"], 0);

    // The second belt: neither the tables nor their days, for the day that a query forgets its tenant.
    let mut database = cluster::connect(&platform.database_url).await;
    database.execute("set role atoll_app").await.unwrap();
    for table in ["invocation", "log_line", "invocation_minute"] {
        let count = AssertSqlSafe(format!("select count(*) from {table}"));
        let seen: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(seen, 0, "{table}");
    }
    for day in days(&mut database, "invocation").await {
        let count = AssertSqlSafe(format!("select count(*) from {day}"));
        let refused = sqlx::query(count).fetch_one(&mut database).await;
        let refused = refused.expect_err("a day is reached through its table alone");
        assert!(
            refused.to_string().contains("permission denied"),
            "{refused}"
        );
    }
    let made = database
        .execute("select telemetry_add_day('2001-01-01')")
        .await;
    assert!(made.is_err(), "only the platform makes days");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wild_times_and_broken_rows_cost_no_other_row() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let good = worker.record(2);
    let mut ancient = worker.record(0);
    ancient.started_at = domain::Timestamp::UNIX_EPOCH;
    let mut ahead = worker.record(0);
    ahead.started_at += Duration::from_secs(86_400 * 365 * 100);
    ahead.path = "/ä".repeat(3_000);
    let mut old_counter = worker.counter("responded", 2, 7);
    old_counter.minute = ancient.started_at;
    let mut huge = worker.counter("responded", 2, 1);
    huge.wall_us = u64::MAX;
    let batch = Batch {
        counters: vec![old_counter, huge.clone(), huge],
        invocations: vec![ancient, good.clone(), ahead.clone(), good.clone()],
        ..fake_worker::batch()
    };
    let mut told = serde_json::to_value(&batch).unwrap();
    let unreadable = json!({ "tenant": "ten_nonsense" });
    told["invocations"].as_array_mut().unwrap().push(unreadable);
    worker.send_raw(&told).await.expect(204);
    // As often as it likes.
    worker.send_raw(&told).await.expect(204);

    let page = read(&owner, "/invocations").await.expect(200).json();
    assert_eq!(ids(&page), [ahead.id.to_string(), good.id.to_string()]);
    let path = page["items"][0]["path"].as_str().unwrap();
    assert!(
        path.len() <= 2_048 && path.ends_with(['/', 'ä']),
        "{}",
        path.len()
    );
    let metrics = read(&owner, "/metrics").await.expect(200).json();
    assert_eq!(metrics["total"]["invocations"], 2);
    let mut database = cluster::connect(&platform.database_url).await;
    let refused: i64 = sqlx::query_scalar("select rows_refused from telemetry_batch")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(refused, 3);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_too_large_is_refused_by_name_and_of_the_gone_is_taken() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let many = Batch {
        counters: vec![worker.counter("responded", 2, 1); MAX_COUNTERS + 1],
        ..fake_worker::batch()
    };
    let refused = worker.send(&many).await.expect(422);
    assert_eq!(
        refused.json()["problems"][0],
        json!({ "field": "counters", "detail": "send at most 20000, these are 20001" })
    );
    let record = worker.record(1);
    let refused = worker.announce(MAX_BATCH_BYTES + 1).await.expect(413);
    assert_eq!(
        (&*refused.code(), &refused.json()["limit"]),
        ("request_too_large", &json!(MAX_BATCH_BYTES))
    );
    let nonsense = worker.send_raw(&json!({ "source": 1 })).await.expect(422);
    assert!(nonsense.to_string().contains("source: "), "{nonsense}");

    let hello = owner.here("/functions/hello");
    let etag = owner
        .get(&hello)
        .await
        .expect(200)
        .header("etag")
        .to_owned();
    let delete = owner.request(reqwest::Method::DELETE, &hello).await;
    owner
        .send(delete.header("if-match", etag))
        .await
        .expect(204);
    let late = Batch {
        counters: vec![worker.counter("responded", 2, 1)],
        invocations: vec![record],
        ..fake_worker::batch()
    };
    worker.send(&late).await.expect(204);
    read(&owner, "/invocations").await.expect(404);
    owner.create_function("hello").await;
    assert!(ids(&read(&owner, "/invocations").await.expect(200).json()).is_empty());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_are_made_ahead_and_dropped_after_their_time() {
    let platform = start().await;
    let mut database = cluster::connect(&platform.database_url).await;
    // Once the first sweep is through, which made today and tomorrow.
    until(async || swept(&platform).await).await;
    for table in ["invocation", "log_line", "invocation_minute"] {
        assert_eq!(days(&mut database, table).await.len(), 2, "{table}");
    }
    let old = "select telemetry_add_day((now() at time zone 'UTC')::date - ago) from unnest(array[7, 8, 30, 90, 91]) as ago";
    database.execute(old).await.unwrap();
    database
        .execute("insert into telemetry_batch values (gen_random_uuid(), 1, gen_random_uuid(), 0, 0, 0, now() - interval '5 days')")
        .await
        .unwrap();
    database
        .execute("update job set run_at = now() where kind = 'sweep'")
        .await
        .unwrap();
    until(async || swept(&platform).await).await;
    // Today, tomorrow, and 7 days ago; of the counters 8, 30 and 90 days ago too.
    assert_eq!(days(&mut database, "invocation").await.len(), 3);
    assert_eq!(days(&mut database, "log_line").await.len(), 3);
    assert_eq!(days(&mut database, "invocation_minute").await.len(), 6);
    let batches: i64 = sqlx::query_scalar("select count(*) from telemetry_batch")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(batches, 0);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_list_is_read_by_an_index() {
    let platform = start().await;
    let owner = platform.operator().await;
    worker(&platform, &owner).await;
    let mut database = cluster::connect(&platform.database_url).await;
    for statement in [
        "select telemetry_add_day((now() at time zone 'UTC')::date - ago) from unnest(array[0, 1, 2]) as ago",
        "insert into invocation
         select tenant_id, function_id, gen_random_uuid(), 1, now() - n * interval '5 s',
                case n % 100 when 0 then 'function_trapped' else 'responded' end, '', '', 200, 'GET', '/',
                0, 1, 1, 1, 1, 1, 0, false
           from function, generate_series(0, 30000) as n",
        "insert into log_line
         select tenant_id, function_id, gen_random_uuid(), 1, 1, now() - n * interval '5 s', 'stdout', 'info', 'text'
           from function, generate_series(0, 30000) as n",
        "analyze invocation",
        "analyze log_line",
        "set plan_cache_mode = force_generic_plan",
    ] {
        database.execute(statement).await.expect(statement);
    }
    let (tenant, function): (String, String) =
        sqlx::query_as("select tenant_id::text, function_id::text from function")
            .fetch_one(&mut database)
            .await
            .unwrap();
    let yesterday = "select to_char((now() at time zone 'UTC')::date - 1, 'YYYYMMDD')";
    let yesterday: String = sqlx::query_scalar(yesterday)
        .fetch_one(&mut database)
        .await
        .unwrap();
    database.execute("set role atoll_app").await.unwrap();
    let set = format!("set atoll.tenant = '{tenant}'");
    database.execute(AssertSqlSafe(set)).await.unwrap();

    let at = format!("'{tenant}', '{function}'");
    let since = "now() - interval '2 days', now()";
    let nil = "'00000000-0000-0000-0000-000000000000'";
    for (from, says, arguments) in [
        (
            "invocation",
            "($6::text is null",
            format!("{at}, {since}, {nil}, null, null, 51"),
        ),
        (
            "invocation",
            "outcome <> 'responded'",
            format!("{at}, {since}, {nil}, 'function_trapped', null, 51"),
        ),
        ("invocation", "request_id = $3", format!("{at}, {nil}")),
        (
            "log_line",
            "limit $10",
            format!("{at}, {since}, {nil}, 0, null, null, null, 51"),
        ),
        (
            "log_line",
            "request_id = $10",
            format!("{at}, {since}, {nil}, 0, null, null, null, {nil}, 51"),
        ),
        ("log_line", "request_id = $3", format!("{at}, {nil}, 51")),
    ] {
        let query = committed_query(&format!("from {from}\n"), says);
        let prepare = AssertSqlSafe(format!("prepare page as {query}"));
        database.execute(prepare).await.unwrap();
        let explain = AssertSqlSafe(format!("explain execute page ({arguments})"));
        let plan = database.fetch_all(explain).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        // The day that is full; what is empty is read as it is.
        assert!(
            plan.contains(&format!("{from}_{yesterday}")),
            "{says}:\n{plan}"
        );
        let scan = format!("Seq Scan on {from}_{yesterday}");
        assert!(!plan.contains(&scan), "{says}:\n{plan}");
        let of_one = says.starts_with("request_id");
        assert!(of_one || !plan.contains("Sort"), "{says}:\n{plan}");
        database.execute("deallocate page").await.unwrap();
    }
    database.close().await.unwrap();
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_tells_what_happened_and_why() {
    let platform = start().await;
    let owner = platform.operator().await;
    let worker = worker(&platform, &owner).await;
    let mut browser = Browser::open(&platform, "/sign-in").await;
    let credentials = [
        ("email", platform::OPERATOR_EMAIL),
        ("password", platform::PASSWORD),
    ];
    browser.press("/sign-in", &credentials).await;
    let hello = "/tenants/acme/functions/hello";
    let says = async |browser: &mut Browser<'_>, path: &str, texts: &[&str]| {
        let page = browser.go(&format!("{hello}{path}")).await;
        assert_eq!(page.status, 200, "{path}: {page}");
        for text in texts {
            assert!(
                page.text().contains(text),
                "{path} does not say `{text}`: {page}"
            );
        }
    };
    says(&mut browser, "/invocations", &["No invocations yet"]).await;
    says(
        &mut browser,
        "/logs",
        &["Nothing was written yet", "7 days"],
    )
    .await;

    let trapped = worker.trapped(5);
    let batch = Batch {
        counters: vec![
            worker.counter("responded", 2, 1_200),
            worker.counter("function_trapped", 5, 1),
        ],
        lines: vec![worker.line(&trapped, 1, "about to <fail>")],
        invocations: vec![trapped.clone(), worker.record(9)],
        ..fake_worker::batch()
    };
    worker.send(&batch).await.expect(204);
    says(
        &mut browser,
        "/invocations",
        &["502 function trapped", "200 OK", "POST /items"],
    )
    .await;
    let one = format!("/invocations/{}", trapped.id);
    let told = [
        "The function trapped.",
        "/docs/errors/function_trapped",
        "of 1.0 s",
        "about to &#60;fail&#62;",
    ];
    says(&mut browser, &one, &told).await;
    says(
        &mut browser,
        "/logs?q=ABOUT&level=&stream=&request=",
        &["about to", &one],
    )
    .await;
    says(&mut browser, "/logs?q=nothing", &["No such line"]).await;
    says(
        &mut browser,
        "/invocations?outcome=wall_timeout&version=",
        &["None like that"],
    )
    .await;
    let wrong = browser.go(&format!("{hello}/invocations?version=x")).await;
    assert_eq!(wrong.status, 422, "{wrong}");
    assert!(
        wrong.text().contains("not the number of a version"),
        "{wrong}"
    );

    // The panel is on the page of a function that has a version.
    let number = owner
        .create_version("hello", guests::prebuilt("hello-v1"))
        .await;
    owner.compiled("hello", number).await;
    says(
        &mut browser,
        "",
        &[
            "Last hour",
            "1\u{202f}201",
            "3.5 ms",
            "502 function trapped",
        ],
    )
    .await;
    platform.stop().await;
}

/// The one query of `store` that says both.
fn committed_query(from: &str, says: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../.sqlx");
    let mut found = std::fs::read_dir(folder)
        .expect("it is as the scenario made it")
        .map(|entry| {
            std::fs::read(entry.expect("it is as the scenario made it").path())
                .expect("it is as the scenario made it")
        })
        .map(|file| serde_json::from_slice::<Value>(&file).expect("it is as the scenario made it"))
        .map(|file| {
            file["query"]
                .as_str()
                .expect("it is as the scenario made it")
                .to_owned()
        })
        .filter(|query| query.contains(from) && query.contains(says));
    let query = found
        .next()
        .unwrap_or_else(|| panic!("no query from {from} says {says}"));
    assert!(found.next().is_none(), "several queries say {says}");
    query
}

async fn days(database: &mut PgConnection, table: &str) -> Vec<String> {
    sqlx::query_scalar(
        "select inhrelid::regclass::text from pg_inherits where inhparent = $1::regclass and inhrelid in
                (select oid from pg_class where relkind = 'r') order by 1",
    )
    .bind(table)
    .fetch_all(database)
    .await
    .expect("it is as the scenario made it")
}

/// Whether no sweep is due or running.
async fn swept(platform: &TestPlatform) -> bool {
    let mut database = cluster::connect(&platform.database_url).await;
    let done = "select count(*) from job
                 where kind = 'sweep' and run_at > now() and lease_until is null and failures = 0";
    let done: i64 = sqlx::query_scalar(done)
        .fetch_one(&mut database)
        .await
        .expect("it is as the scenario made it");
    done == 1
}

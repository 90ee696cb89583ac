//! The `atoll` command: what a developer and a pipeline type, and what they are told.

use domain::Digest;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::harness::{
    TestPlatform,
    client::Client,
    guests,
    platform::{self, OPERATOR_EMAIL, PASSWORD},
    until,
};

const PROJECT: &str = r#"
tenant = "acme"

[function]
name = "hello"
module = "built.wasm"
build = "cp next.wasm built.wasm && echo built"
description = "says hello"
limits = { cpu_ms = 200 }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_command_leads_from_a_module_to_its_url_and_others_change_what_is_live() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    let who = client.run(&["whoami", "--json"]).await.expect(0).json();
    assert_eq!(who["user"]["email"], OPERATOR_EMAIL);
    assert_eq!(who["token"]["kind"], "personal");
    assert_eq!(who["tenants"][0]["slug"], "acme");

    client.write("hello.wasm", guests::prebuilt("hello-v1"));
    let first = client.run(&["deploy", "hello.wasm"]).await.expect(0);
    assert_eq!(first.said(), platform.function_url("acme", "/hello"));
    for step in [
        "Created the function `hello` in acme.",
        "Made v1.",
        "  live 1/1",
    ] {
        assert!(first.stderr.contains(step), "{step}: {}", first.stderr);
    }
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    let again = client
        .run(&["deploy", "hello.wasm", "--json"])
        .await
        .expect(0);
    assert_eq!(again.json()["changed"], false);
    assert!(
        again.stderr.contains("v1 is live already"),
        "{}",
        again.stderr
    );

    // A project says what it builds and how its function is to be; what it prints on the way is not the result.
    client.write("next.wasm", guests::prebuilt("hello-v2"));
    client.write("atoll.toml", PROJECT);
    let second = client
        .run(&["deploy", "-m", "the second", "--json"])
        .await
        .expect(0);
    let told = second.json();
    assert_eq!(told["changed"], true);
    assert_eq!(told["function"]["description"], "says hello");
    assert_eq!(told["function"]["limits"]["cpu_ms"], 200);
    assert_eq!(told["version"]["message"], "the second");
    assert_eq!(told["operation"]["state"], "succeeded");
    assert!(
        second
            .stderr
            .contains("Changed of `hello`: description, limits."),
        "{}",
        second.stderr
    );
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v2");

    let rolled_back = client.run(&["rollback"]).await.expect(0);
    assert_eq!(rolled_back.said(), "Live: v1");
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    let split = client
        .run(&["split", "hello", "v1=90", "v2=10"])
        .await
        .expect(0);
    assert_eq!(split.said(), "Live: v1=90 v2=10");
    let history = client
        .run(&["deployments", "list", "--json"])
        .await
        .expect(0)
        .json();
    let rollbacks: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["rollback"])
        .collect();
    assert_eq!(rollbacks, [false, true, false, false]);

    let versions = client.run(&["versions", "list"]).await.expect(0);
    let lines: Vec<_> = versions.stdout.lines().collect();
    assert!(
        lines[0].starts_with("VERSION  STATE") && lines[1].starts_with("v2       ready"),
        "{lines:?}"
    );
    client
        .run(&["versions", "download", "hello", "v2"])
        .await
        .expect(0);
    assert_eq!(
        Digest::of(&client.read("hello-v2.wasm")),
        Digest::of(&guests::prebuilt("hello-v2")),
    );
    client
        .run(&["versions", "download", "hello", "v2"])
        .await
        .expect(2);
    let shown = client
        .run(&["versions", "show", "hello", "2"])
        .await
        .expect(0);
    assert!(
        shown.stdout.contains("wasi:http/incoming-handler"),
        "{}",
        shown.stdout
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_and_what_it_wrote_are_seen_from_the_command_line() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;

    let invoked = client
        .run(&["invoke", "kitchen", "--path", "/log", "--logs"])
        .await
        .expect(0);
    assert!(
        invoked.stderr.contains("info first line on stdout"),
        "{}",
        invoked.stderr
    );
    let args = [
        "invoke",
        "kitchen",
        "-p",
        "/inspect?a=1",
        "-d",
        "{}",
        "-H",
        "x-mine: 7",
        "--json",
    ];
    let seen = client.run(&args).await.expect(0).json();
    let body: Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["method"], "POST");
    assert_eq!(body["path_with_query"], "/inspect?a=1");
    assert!(
        body["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["x-mine", "7"])),
        "{body:#}"
    );
    // A status of the function's own is an answer; a trap is none.
    let own = client
        .run(&["invoke", "kitchen", "-p", "/status?code=404", "-i"])
        .await
        .expect(0);
    assert!(
        own.stdout.starts_with("404 Not Found\n") && own.stdout.ends_with("\nstatus 404\n"),
        "{}",
        own.stdout
    );
    let trapped = client
        .run(&["invoke", "kitchen", "-p", "/trap"])
        .await
        .expect(1);
    assert!(
        trapped.stderr.contains("function_trapped"),
        "{}",
        trapped.stderr
    );
    let trapped = client
        .run(&["invoke", "kitchen", "-p", "/trap", "--json"])
        .await
        .expect(1);
    assert_eq!(trapped.json()["error"], "function_trapped");
    client
        .run(&["invoke", "kitchen", "-H", "cookie: a=b"])
        .await
        .expect(2);

    until(async || {
        let logs = client
            .run(&["logs", "kitchen", "--since", "1h"])
            .await
            .expect(0);
        logs.stdout.contains("second line on stdout")
    })
    .await;
    let errors = client
        .run(&["logs", "kitchen", "--level", "error", "--json"])
        .await
        .expect(0);
    let lines: Vec<Value> = errors
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines.iter().all(|line| line["level"] == "error"),
        "{lines:?}"
    );
    assert!(
        lines.iter().any(|line| line["text"] == "a line on stderr"),
        "{lines:?}"
    );

    // Lines are told in the order in which they were written, once, and on while it looks.
    let mut following = client.start(&["logs", "kitchen", "--follow", "-n", "1"]);
    let mut told = BufReader::new(following.stdout.take().unwrap()).lines();
    told.next_line()
        .await
        .unwrap()
        .expect("the last line is told at once");
    owner.call("/kitchen/log").await.expect(200);
    let mut heard = Vec::new();
    while heard
        .last()
        .is_none_or(|line: &String| !line.ends_with("second line on stdout"))
    {
        heard.push(told.next_line().await.unwrap().expect("it goes on"));
    }
    let mine = |text: &str| heard.iter().filter(|line| line.ends_with(text)).count();
    assert_eq!(
        (mine("first line on stdout"), mine("second line on stdout")),
        (1, 1),
        "{heard:#?}"
    );
    following.kill().await.unwrap();
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_failure_has_its_exit_code_and_its_words() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    let nobody = Client::new();
    let told = nobody.run(&["functions", "list"]).await.expect(3);
    assert_eq!(
        told.stderr,
        "atoll: not signed in; run `atoll login`, or set ATOLL_TOKEN\n"
    );
    let api = platform.api_url("");
    let wrong = [
        "login",
        "--api",
        &api,
        "--email",
        OPERATOR_EMAIL,
        "--password-stdin",
    ];
    let told = nobody.run_with(&wrong, "not the password").await.expect(3);
    assert!(
        told.stderr
            .contains("(401, wrong_credentials, request req_"),
        "{}",
        told.stderr
    );
    nobody.run(&["login", "--api", &api]).await.expect(2);

    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    let unknown = client
        .run(&["functions", "show", "nothing"])
        .await
        .expect(4);
    assert!(
        unknown
            .stderr
            .starts_with("atoll: function not found\n  (404, not_found"),
        "{}",
        unknown.stderr
    );
    let unknown = client
        .run(&["functions", "show", "nothing", "--json"])
        .await
        .expect(4);
    assert_eq!(unknown.json()["error"]["code"], "not_found");
    client
        .run(&["functions", "list", "--tenant", "globex"])
        .await
        .expect(4);
    for usage in [
        &["functions", "show", ".."][..],
        &["functions", "delete", "hello"],
        &["split", "hello", "v1=90"],
        &["split", "hello", "v1:90"],
        &["logs"],
        &["deploy", "nothing.wasm"],
        &["deploy"],
        &["functions", "list", "--api", "nonsense"],
    ] {
        let told = client.run(usage).await.expect(2);
        assert!(!told.stderr.is_empty(), "{usage:?}");
    }
    client.write("empty.wasm", "no module");
    let refused = client.run(&["deploy", "empty.wasm"]).await.expect(1);
    assert!(
        refused.stderr.contains("module_refused"),
        "{}",
        refused.stderr
    );
    client.write(
        "atoll.toml",
        "[function]\nname = \"hello\"\nmodule = \"empty.wasm\"\nmodul = \"x\"\n",
    );
    let told = client.run(&["deploy"]).await.expect(2);
    assert!(
        told.stderr.contains("line 4") && told.stderr.contains("`modul`"),
        "{}",
        told.stderr
    );
    client.write(
        "atoll.toml",
        "[function]\nname = \"hello\"\nmodule = \"empty.wasm\"\nlimits = { cpu_ms = 0 }\n",
    );
    let invalid = client.run(&["deploy"]).await.expect(1);
    assert!(
        invalid.stderr.contains("\n  limits.cpu_ms: use 1 to"),
        "{}",
        invalid.stderr
    );
    client.write(
        "atoll.toml",
        "[function]\nname = \"hello\"\nmodule = \"empty.wasm\"\nbuild = \"exit 7\"\n",
    );
    client.run(&["deploy"]).await.expect(1);

    // Who is in several tenants says which, and is told their names.
    owner
        .post("/tenants", json!({ "slug": "globex", "name": "Globex" }))
        .await
        .expect(201);
    let several = client.run(&["functions", "list"]).await.expect(2);
    assert!(
        several.stderr.contains("acme, globex"),
        "{}",
        several.stderr
    );
    let globex = client
        .run(&["functions", "list", "--tenant", "globex"])
        .await
        .expect(0);
    assert!(
        globex.stderr.contains("globex has no functions yet"),
        "{}",
        globex.stderr
    );

    let dead = format!("http://{}", platform::free_address());
    let away = Client::new()
        .with("ATOLL_API", &dead)
        .with("ATOLL_TOKEN", "x");
    let told = away.run(&["functions", "list", "--json"]).await.expect(5);
    assert_eq!(told.json()["error"]["code"], "unreachable");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_is_kept_to_its_owner_and_its_server_and_ends_on_both_sides() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    let (kept, mode) = client.credentials();
    assert_eq!(mode, 0o600);
    assert!(
        kept.contains("atoll_user_") && !kept.contains(PASSWORD),
        "{kept}"
    );
    // Of the session that made the token nothing is left: what lists is the owner's own.
    let sessions = owner.get("/sessions").await.expect(200).json();
    assert_eq!(
        sessions["items"].as_array().unwrap().len(),
        1,
        "{sessions:#}"
    );

    // Another server is given nothing.
    let stranger = platform::free_address();
    let other = client
        .run(&["whoami", "--api", &format!("http://{stranger}")])
        .await
        .expect(3);
    assert!(
        other
            .stderr
            .contains(&format!("not signed in to http://{stranger}")),
        "{}",
        other.stderr
    );

    // Signing in anew puts a token in the place of the one before.
    let login = [
        "login",
        "--email",
        OPERATOR_EMAIL,
        "--password-stdin",
        "--scope",
        "functions:read",
    ];
    client.run_with(&login, PASSWORD).await.expect(0);
    let tokens = owner.get("/tokens").await.expect(200).json();
    assert_eq!(tokens["items"].as_array().unwrap().len(), 1, "{tokens:#}");
    assert_eq!(tokens["items"][0]["scopes"], json!(["functions:read"]));
    let narrow = client
        .run(&["functions", "list", "--tenant", "acme"])
        .await
        .expect(0);
    assert!(narrow.stdout.is_empty());
    let narrow = client
        .run(&["members", "list", "--tenant", "acme"])
        .await
        .expect(3);
    assert!(
        narrow.stderr.contains("lacks the scope `tenant:read`"),
        "{}",
        narrow.stderr
    );
    let unnamed = client.run(&["functions", "list"]).await.expect(2);
    assert!(unnamed.stderr.contains("--tenant"), "{}", unnamed.stderr);

    client.run(&["logout"]).await.expect(0);
    let (kept, _) = client.credentials();
    assert!(!kept.contains("atoll_user_"), "{kept}");
    let tokens = owner.get("/tokens").await.expect(200).json();
    assert_eq!(tokens["items"], json!([]));
    client.run(&["whoami"]).await.expect(3);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_deploys_with_a_token_of_the_tenant() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    let create = [
        "tokens",
        "create",
        "CI",
        "--tenant",
        "acme",
        "--role",
        "developer",
        "--scope",
        "functions:deploy",
        "--function",
        "hello",
    ];
    let secret = client.run(&create).await.expect(0).said().to_owned();
    let listed = client
        .run(&["tokens", "list", "--tenant", "acme"])
        .await
        .expect(0);
    assert!(
        listed.stdout.contains("functions:deploy") && !listed.stdout.contains(&secret),
        "{}",
        listed.stdout
    );

    // Nothing is kept of it, and its tenant need not be named.
    let ci = Client::new()
        .with("ATOLL_API", platform.api_url(""))
        .with("ATOLL_TOKEN", secret);
    ci.write("hello.wasm", guests::prebuilt("hello-v1"));
    let deployed = ci.run(&["deploy", "hello.wasm"]).await.expect(0);
    assert_eq!(deployed.said(), platform.function_url("acme", "/hello"));
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    let who = ci.run(&["whoami", "--json"]).await.expect(0).json();
    assert_eq!(
        (&who["user"], &who["token"]["name"]),
        (&Value::Null, &json!("CI"))
    );
    ci.write("other.wasm", guests::prebuilt("hello-v1"));
    let other = ci.run(&["deploy", "other.wasm"]).await.expect(3);
    assert!(
        other.stderr.contains("limited to other functions"),
        "{}",
        other.stderr
    );
    let lacking = ci.run(&["logs", "hello"]).await.expect(3);
    assert!(
        lacking.stderr.contains("lacks the scope `logs:read`"),
        "{}",
        lacking.stderr
    );

    // One's own tokens take the password anew, and the session for it ends with the command.
    let create = [
        "tokens",
        "create",
        "mine",
        "--scope",
        "tenant:read",
        "--password-stdin",
        "--json",
    ];
    let mine = client.run_with(&create, PASSWORD).await.expect(0).json();
    let id = mine["id"].as_str().unwrap();
    let rotate = [
        "tokens",
        "rotate",
        id,
        "--overlap",
        "0s",
        "--password-stdin",
    ];
    let rotated = client.run_with(&rotate, PASSWORD).await.expect(0);
    let old = owner.presenting(&mine["secret"]);
    let new = owner.presenting(&json!(rotated.said()));
    assert_eq!(old.get("/tenants").await.status, 401);
    new.get("/tenants").await.expect(200);
    let revoke = ["tokens", "revoke", id, "--password-stdin"];
    client.run_with(&revoke, PASSWORD).await.expect(0);
    assert_eq!(new.get("/tenants").await.status, 401);
    client.run(&["tokens", "list"]).await.expect(2);
    let sessions = owner.get("/sessions").await.expect(200).json();
    assert_eq!(
        sessions["items"].as_array().unwrap().len(),
        1,
        "{sessions:#}"
    );

    let audit = client
        .run(&["audit", "--action", "token", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(audit[0]["action"], "token.created", "{audit:#}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_begins_with_init_and_names_its_versions() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    client
        .run(&["init", "--name", "hello", "--tenant", "acme"])
        .await
        .expect(0);
    client.run(&["init"]).await.expect(2);
    let text = String::from_utf8(client.read("atoll.toml")).unwrap();
    insta::assert_snapshot!(text);
    client.write("app.wasm", guests::prebuilt("hello-v1"));
    client.run(&["deploy"]).await.expect(0);
    client.write("app.wasm", guests::prebuilt("hello-v2"));
    client.run(&["deploy"]).await.expect(0);

    let set = client
        .run(&["aliases", "set", "hello", "next", "v1", "--open"])
        .await
        .expect(0);
    assert!(
        set.stdout
            .starts_with("next is v1: https://next--hello--acme."),
        "{}",
        set.stdout
    );
    let moved = client
        .run(&["aliases", "set", "hello", "next", "v2", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&moved["version"], &moved["open"]),
        (&json!(2), &json!(true))
    );
    platform.settle().await;
    let preview = platform.call("next--hello--acme", "/").await;
    assert_eq!(preview.to_string(), "200 hello from v2");
    let link = client
        .run(&["aliases", "link", "hello", "v1", "--expires-in", "1h"])
        .await
        .expect(0);
    assert!(
        link.stdout.starts_with("https://v1--hello--acme."),
        "{}",
        link.stdout
    );
    client
        .run(&["aliases", "delete", "hello", "next"])
        .await
        .expect(0);
    let none = client
        .run(&["aliases", "list", "--json"])
        .await
        .expect(0)
        .json();
    assert_eq!(none, json!([]));

    client
        .run(&["functions", "delete", "hello", "--yes"])
        .await
        .expect(0);
    owner.get(&owner.here("/functions/hello")).await.expect(404);
    let script = client.run(&["completions", "bash"]).await.expect(0);
    assert!(script.stdout.contains("_atoll()"), "it completes");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_and_secrets_reach_the_function_with_another_version() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("courier", guests::prebuilt("courier")).await;
    let client = Client::signed_in(&platform, OPERATOR_EMAIL).await;
    let reads = async |name: &str| {
        let answer = owner.call(&format!("/courier/variables?key={name}")).await;
        answer.text().lines().next().unwrap_or_default().to_owned()
    };

    let set = [
        "variables",
        "set",
        "greeting=a=b",
        "POOL=",
        "-f",
        "courier",
        "--deploy",
    ];
    client.run(&set).await.expect(0);
    assert_eq!(reads("greeting").await, "Ok(Some(\"a=b\"))");
    let listed = client
        .run(&["variables", "list", "-f", "courier"])
        .await
        .expect(0);
    assert_eq!(listed.stdout, "POOL=\ngreeting=a=b\n");
    let waiting = client
        .run(&["variables", "unset", "greeting", "-f", "courier"])
        .await
        .expect(0);
    assert!(
        waiting
            .stderr
            .contains("Made v3 of `courier` from v2. It is not deployed"),
        "{}",
        waiting.stderr
    );
    assert_eq!(reads("greeting").await, "Ok(Some(\"a=b\"))");
    client.run(&["split", "courier", "v3=100"]).await.expect(0);
    assert_eq!(reads("greeting").await, "Ok(None)");

    let set = ["secrets", "set", "greeting", "--everywhere", "--deploy"];
    client.run_with(&set, "psst\n").await.expect(0);
    assert_eq!(reads("greeting").await, "Ok(Some(\"psst\"))");
    client.run_with(&set, "hush").await.expect(0);
    assert_eq!(reads("greeting").await, "Ok(Some(\"hush\"))");
    let listed = client
        .run(&["secrets", "list", "--everywhere", "--json"])
        .await
        .expect(0);
    assert_eq!(listed.json()[0]["number"], 2);
    assert!(!listed.stdout.contains("hush"), "{}", listed.stdout);
    client
        .run(&["secrets", "delete", "greeting", "--everywhere", "--deploy"])
        .await
        .expect(0);
    assert_eq!(reads("greeting").await, "Ok(None)");
    platform.stop().await;
}

//! Host names of tenants' own: proven by a record, served by one tenant at most.

use std::time::Duration;

use hickory_proto::rr::RecordType;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::console::signed_in;
use crate::harness::{Person, TestPlatform, cluster, dns::Dns, guests, platform::OPERATOR_EMAIL};

const NAME: &str = "shop.example";
const CHALLENGE: &str = "_atoll-challenge.shop.example";

async fn start(dns: &Dns) -> TestPlatform {
    let server = dns.address;
    TestPlatform::start_with(|config| {
        config.dns_server = Some(server);
        config.domains_target = Some("edge.example".to_owned());
    })
    .await
}

/// Adds the name, and answers the value that is to prove it.
async fn add(by: &Person<'_>) -> String {
    let domains = by.here("/domains");
    let made = by.post(&domains, json!({ "name": "Shop.Example." })).await;
    let made = made.expect(201).json();
    assert_eq!(
        (&made["name"], &made["state"]),
        (&json!(NAME), &json!("pending"))
    );
    assert_eq!(made["records"][0]["name"], CHALLENGE);
    made["records"][0]["value"]
        .as_str()
        .expect("a record has a value")
        .to_owned()
}

async fn verify(by: &Person<'_>) -> Value {
    let path = by.here(&format!("/domains/{NAME}/verify"));
    by.post(&path, json!({})).await.expect(200).json()
}

/// Sends all of the name to a function, which has to be there.
async fn route_all(by: &Person<'_>) -> Value {
    let route = json!({ "host": NAME, "path": "/...", "function": "hello" });
    by.post(&by.here("/routes"), route).await.expect(201).json()
}

/// What a caller of the name meets, who takes any certificate: the development CA is excluded from all
/// names but those under the apps domain.
async fn met(platform: &TestPlatform) -> String {
    let client = Client::builder()
        .tls_danger_accept_invalid_certs(true)
        .no_proxy()
        .resolve(NAME, platform.functions)
        .build()
        .expect("the client's settings are valid");
    let url = format!("https://{NAME}:{}/any/path", platform.functions.port());
    match client.get(url).send().await {
        Ok(answer) => format!(
            "{} {}",
            answer.status().as_u16(),
            answer.text().await.unwrap_or_default().trim()
        ),
        Err(error) if error.is_connect() => "no certificate".to_owned(),
        Err(error) => panic!("{error}"),
    }
}

/// Waits until a caller of the name meets this.
async fn meets(platform: &TestPlatform, wanted: &str) {
    let mut last = String::new();
    for _ in 0..300 {
        last = met(platform).await;
        if last == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a caller still meets {last:?} and not {wanted:?}");
}

/// An owner of `globex`, whose `hello` is another version.
async fn globex(platform: &TestPlatform) -> Person<'_> {
    let mut person = platform.somebody("globex@example.com", None).await;
    let tenant = json!({ "slug": "globex", "name": "Globex" });
    person.post("/tenants", tenant).await.expect(201);
    person.tenant = "globex".to_owned();
    person.publish("hello", guests::prebuilt("hello-v2")).await;
    person
}

async fn sql(platform: &TestPlatform, statement: &str) {
    let mut database = cluster::connect(&platform.database_url).await;
    let done = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut database)
        .await;
    done.expect("the statement is valid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_is_served_once_its_record_is_there_and_until_it_is_deleted() {
    let dns = Dns::start().await;
    let platform = start(&dns).await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let proof = add(&owner).await;
    let again = owner
        .post(&owner.here("/domains"), json!({ "name": NAME }))
        .await;
    assert_eq!((again.status, again.code().as_str()), (409, "taken"));
    let route = route_all(&owner).await;

    let nothing = verify(&owner).await;
    assert_eq!(
        nothing["problem"],
        format!("there is no TXT record at {CHALLENGE}")
    );
    assert_eq!(nothing["records"][0]["found"], false);
    dns.text(CHALLENGE, &["v=spf1 -all"]);
    dns.alias(NAME, "elsewhere.internal");
    let wrong = verify(&owner).await;
    assert_eq!(wrong["state"], "pending");
    assert_eq!(wrong["records"][0]["seen"], json!(["v=spf1 -all"]));
    assert_eq!(
        (&wrong["records"][1]["value"], &wrong["records"][1]["found"]),
        (&json!("edge.example"), &json!(false))
    );
    assert!(
        !wrong.to_string().contains("elsewhere"),
        "what a name points to is not told"
    );
    // A value that another name has is no proof, and is not told either.
    dns.text(CHALLENGE, &[]);
    dns.alias(CHALLENGE, "private.example");
    dns.text("private.example", &[&proof, "a secret"]);
    let foreign = verify(&owner).await;
    assert_eq!(
        (&foreign["state"], &foreign["records"][0]["seen"]),
        (&json!("pending"), &json!([]))
    );
    platform.settle().await;
    assert_eq!(met(&platform).await, "no certificate");

    dns.text(CHALLENGE, &["v=spf1 -all", &proof]);
    dns.alias(NAME, "edge.example");
    let verified = verify(&owner).await;
    assert_eq!(
        (&verified["state"], &verified["problem"]),
        (&json!("verified"), &Value::Null)
    );
    assert_eq!(
        (
            &verified["records"][0]["found"],
            &verified["records"][1]["found"]
        ),
        (&json!(true), &json!(true))
    );
    meets(&platform, "200 hello from v1").await;
    assert_eq!(
        owner.call("/any/path").await.status,
        404,
        "the route is of the domain alone"
    );
    for (name, kind) in dns.asked() {
        let own = match kind {
            RecordType::TXT => name == CHALLENGE || name == "private.example",
            RecordType::CNAME => name == NAME,
            _ => false,
        };
        assert!(own, "{name} was asked for {kind}");
    }

    let path = owner.here(&format!("/domains/{NAME}"));
    let needed = owner.change(Method::DELETE, &path, Value::Null).await;
    assert_eq!(needed.status, 409);
    assert!(
        needed.text().contains(route["id"].as_str().unwrap()),
        "{needed}"
    );
    let route = owner.here(&format!("/routes/{}", route["id"].as_str().unwrap()));
    owner
        .change(Method::DELETE, &route, Value::Null)
        .await
        .expect(204);
    owner
        .change(Method::DELETE, &path, Value::Null)
        .await
        .expect(204);
    meets(&platform, "no certificate").await;
    assert_eq!(
        add(&owner).await,
        proof,
        "the same tenant proves the same name the same way"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_passes_to_another_tenant_only_once_the_first_ones_proof_is_gone() {
    let dns = Dns::start().await;
    let platform = start(&dns).await;
    let acme = platform.operator().await;
    acme.publish("hello", guests::prebuilt("hello-v1")).await;
    let globex = globex(&platform).await;
    let (of_acme, of_globex) = (add(&acme).await, add(&globex).await);
    assert_ne!(of_acme, of_globex);
    route_all(&acme).await;
    route_all(&globex).await;

    dns.text(CHALLENGE, &[&of_acme]);
    assert_eq!(verify(&globex).await["state"], "pending");
    assert_eq!(verify(&acme).await["state"], "verified");
    meets(&platform, "200 hello from v1").await;
    dns.text(CHALLENGE, &[&of_acme, &of_globex]);
    let waits = verify(&globex).await;
    assert_eq!(waits["state"], "pending");
    assert!(
        waits["problem"]
            .as_str()
            .unwrap()
            .contains("another tenant serves it")
    );
    assert_eq!(verify(&acme).await["state"], "verified");

    dns.text(CHALLENGE, &[&of_globex]);
    assert_eq!(verify(&globex).await["state"], "verified");
    meets(&platform, "200 hello from v2").await;
    let lost = acme
        .get(&acme.here(&format!("/domains/{NAME}")))
        .await
        .expect(200)
        .json();
    assert_eq!(lost["state"], "pending");
    let events = acme
        .get(&acme.here("/audit?action=domain"))
        .await
        .expect(200)
        .json();
    let actions: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        ["domain.lost", "domain.verified", "domain.created"]
    );

    // Whoever lost it gets it back the same way, and a tenant that ends lets go of it.
    dns.text(CHALLENGE, &[&of_acme, &of_globex]);
    assert_eq!(verify(&acme).await["state"], "pending");
    let tenant = globex.here("");
    globex
        .change(Method::DELETE, &tenant, Value::Null)
        .await
        .expect(204);
    assert_eq!(verify(&acme).await["state"], "verified");
    meets(&platform, "200 hello from v1").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_whose_proof_is_gone_is_served_for_some_days_more() {
    let dns = Dns::start().await;
    let platform = start(&dns).await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let proof = add(&owner).await;
    route_all(&owner).await;
    // Nobody asks for this look: it was due.
    dns.text(CHALLENGE, &[&proof]);
    sql(&platform, "update domain set next_check_at = now()").await;
    meets(&platform, "200 hello from v1").await;

    dns.break_down(true);
    let unanswered = verify(&owner).await;
    assert_eq!(unanswered["state"], "verified");
    assert!(
        unanswered["problem"]
            .as_str()
            .unwrap()
            .contains("name servers")
    );
    dns.break_down(false);
    dns.text(CHALLENGE, &[]);
    let failing = verify(&owner).await;
    assert_eq!(failing["state"], "failing");
    assert!(failing["served_until"].is_string(), "{failing}");
    platform.settle().await;
    assert_eq!(met(&platform).await, "200 hello from v1");
    dns.text(CHALLENGE, &[&proof]);
    assert_eq!(verify(&owner).await["state"], "verified");
    dns.text(CHALLENGE, &[]);
    assert_eq!(verify(&owner).await["state"], "failing");
    sql(
        &platform,
        "update domain set failing_since = now() - interval '4 days'",
    )
    .await;
    assert_eq!(verify(&owner).await["state"], "pending");
    meets(&platform, "no certificate").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_shows_what_is_missing_and_leads_a_domain_to_a_function() {
    let dns = Dns::start().await;
    let platform = start(&dns).await;
    let mut browser = signed_in(&platform).await;
    let owner = platform.sign_in(OPERATOR_EMAIL, "acme").await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let (routes, domains) = ("/tenants/acme/routes", "/tenants/acme/domains");
    browser.go(routes).await;
    let refused = browser.press(domains, &[("name", "*.shop.example")]).await;
    assert!(refused.status == 422 && refused.text().contains("wildcards are not taken"));
    browser.press(domains, &[("name", NAME)]).await;
    let verify = format!("{domains}/{NAME}/verify");
    browser.press(&verify, &[]).await;
    assert!(
        browser.page.text().contains("there is no TXT record"),
        "{}",
        browser.page
    );
    let shown = owner
        .get(&owner.here(&format!("/domains/{NAME}")))
        .await
        .json();
    let proof = shown["records"][0]["value"].as_str().unwrap();
    assert!(browser.page.text().contains(proof));

    dns.text(CHALLENGE, &[proof]);
    browser.press(&verify, &[]).await;
    assert!(
        browser.page.text().contains("is verified."),
        "{}",
        browser.page
    );
    let route = [
        ("host", NAME),
        ("path", "/..."),
        ("function", "hello"),
        ("alias", ""),
    ];
    browser.press(routes, &route).await;
    meets(&platform, "200 hello from v1").await;
    let twice = browser.press(routes, &route).await;
    assert!(twice.status == 409 && twice.text().contains("matches the same requests"));
    let delete = format!("{domains}/{NAME}/delete");
    let needed = browser.press(&delete, &[]).await;
    assert!(
        needed.status == 409 && needed.text().contains("rte_"),
        "{needed}"
    );
    let of_acme = owner.get(&owner.here("/routes")).await.json();
    let id = of_acme["items"][0]["id"].as_str().unwrap();
    browser.press(&format!("{routes}/{id}/delete"), &[]).await;
    browser.press(&delete, &[]).await;
    assert!(
        browser.page.text().contains("The domain is deleted."),
        "{}",
        browser.page
    );
    meets(&platform, "no certificate").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_domain_of_a_tenants_own_is_refused() {
    let dns = Dns::start().await;
    let platform = start(&dns).await;
    let owner = platform.operator().await;
    let domains = owner.here("/domains");
    for (name, told) in [
        ("example", "at least one dot"),
        ("*.shop.example", "wildcards"),
        ("https://shop.example/", "alone"),
        ("10.0.0.1", "not an address"),
        ("acme.localhost", "public DNS"),
        ("db.internal", "public DNS"),
        ("edge.example", "platform's own"),
        ("a.edge.example", "platform's own"),
        ("a\u{0}.example", "no host name"),
    ] {
        let refused = owner.post(&domains, json!({ "name": name })).await;
        assert!(
            refused.status == 422 && refused.text().contains(told),
            "{name}: {refused}"
        );
    }
    let books = owner
        .post(&domains, json!({ "name": "Bücher.example" }))
        .await;
    let books = books.expect(201);
    assert!(
        books
            .header("location")
            .ends_with("/domains/xn--bcher-kva.example")
    );
    assert_eq!(books.json()["unicode_name"], "bücher.example");
    let found = owner.get(&owner.here("/domains/b%C3%BCcher.example")).await;
    found.expect(200);
    let path = owner.here("/domains/xn--bcher-kva.example");
    let blind = owner.request(Method::DELETE, &path).await;
    assert_eq!(owner.send(blind).await.code(), "precondition_required");
    assert_eq!(owner.get(&owner.here("/domains/nothing")).await.status, 404);

    let globex = globex(&platform).await;
    assert_eq!(
        globex
            .get(&globex.here("/domains/xn--bcher-kva.example"))
            .await
            .status,
        404
    );
    let page = globex
        .get(&globex.here("/domains"))
        .await
        .expect(200)
        .json();
    assert_eq!(page["items"], json!([]));
    platform.stop().await;
}

//! Stories of where a request goes: routes, domains, previews, shares, and a proxy before us.

use domain::{
    FunctionId,
    deployment::Share,
    function::Access,
    snapshot::{ALIAS_ROUTES, AliasEntry, FunctionEntry, RouteEntry},
};

use crate::stage::{Api, Stage, acme, function, version};

fn route(host: Option<&str>, path: &str, function: &FunctionEntry) -> RouteEntry {
    RouteEntry {
        host: host.map(str::to_owned),
        path: path.to_owned(),
        function: function.id,
        alias: None,
        requires: Vec::new(),
    }
}

/// What a proxy on this machine would send on.
async fn proxied(stage: &Stage, host: &str, path: &str) -> crate::stage::Answer {
    let url = format!("http://{}{path}", stage.worker.plain_addr().unwrap());
    let request = stage
        .http
        .get(url)
        .header("host", host)
        .header("x-forwarded-for", "6.6.6.6, 203.0.113.7")
        .header("x-forwarded-proto", "https");
    stage.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_come_before_names_and_pass_the_path_whole() {
    let kitchen = function("kitchen", "kitchen");
    let hello = function("hello", "hello-v1");
    let routes = vec![
        route(None, "/inspect/...", &kitchen),
        route(None, "/kitchen/special", &hello),
    ];
    let mut tenant = acme(vec![kitchen, hello]);
    tenant.routes = routes;
    let stage = Stage::start(vec![tenant]).await;
    let inspected = stage.get("/inspect?a=1").await;
    assert!(
        inspected
            .body
            .contains(r#""path_with_query":"/inspect?a=1""#),
        "{}",
        inspected.body
    );
    assert_eq!(stage.told("/kitchen/special").await, "200 hello from v1");
    assert!(stage.told("/kitchen/").await.starts_with("200"));
    assert_eq!(stage.told("/nothing").await, "404 not_found");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_of_a_tenant_leads_to_its_routes_alone() {
    let hello = function("hello", "hello-v1");
    let routes = vec![route(Some("shop.example"), "/...", &hello)];
    let mut tenant = acme(vec![hello]);
    tenant.domains = vec!["shop.example".to_owned(), "other.example".to_owned()];
    tenant.routes = routes;
    let stage = Stage::start(vec![tenant]).await;
    assert_eq!(
        proxied(&stage, "shop.example", "/x").await.told(),
        "200 hello from v1"
    );
    assert_eq!(
        proxied(&stage, "other.example", "/hello").await.told(),
        "404 not_found"
    );
    assert_eq!(
        proxied(&stage, "nobody.example", "/hello").await.told(),
        "404 not_found"
    );
    assert_eq!(
        proxied(&stage, "acme.localhost", "/hello").await.told(),
        "200 hello from v1"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_of_ours_the_caller_is_whom_the_proxy_heard() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    let seen = proxied(&stage, "acme.localhost", "/kitchen/inspect")
        .await
        .body;
    for line in [
        r#"["x-forwarded-for","203.0.113.7"]"#,
        r#"["x-forwarded-proto","https"]"#,
        r#"["x-forwarded-host","acme.localhost"]"#,
        r#""scheme":"https""#,
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    assert!(!seen.contains("6.6.6.6"));
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_preview_opens_by_a_link_and_stays_open_in_that_browser() {
    let mut hello = function("hello", "hello-v1");
    hello.versions.push(version(2, "hello-v2"));
    hello.aliases = vec![
        AliasEntry {
            name: "open".parse().unwrap(),
            version: 2,
            open: true,
        },
        AliasEntry {
            name: "next".parse().unwrap(),
            version: 2,
            open: false,
        },
    ];
    let id = hello.id;
    let stage = Stage::start(vec![acme(vec![hello])]).await;
    let at = |label: &str| format!("{label}--hello--acme.localhost");
    assert_eq!(
        proxied(&stage, &at("open"), "/x").await.told(),
        "200 hello from v2"
    );
    // Closed ones are told like those that are not there, whatever link is tried.
    for closed_or_nothing in ["next", "v1", "v2", "v3", "nobody", "v01"] {
        for path in ["/", "/?atoll-preview=forged"] {
            assert_eq!(
                proxied(&stage, &at(closed_or_nothing), path).await.told(),
                "404 not_found"
            );
        }
    }
    let token = Api::token("preview", id);
    let link = format!("/a//b?x=1&atoll-preview={token}&y=2");
    let opened = proxied(&stage, &at("next"), &link).await;
    assert_eq!(opened.status, 303, "{}", opened.body);
    assert_eq!(opened.header("location"), "/a//b?x=1&y=2");
    let cookie = opened.header("set-cookie");
    assert!(cookie.starts_with("__Host-atoll-preview=") && cookie.contains("HttpOnly"));

    let url = format!("http://{}/", stage.worker.plain_addr().unwrap());
    let with = |name: &str, value: &str| {
        stage
            .http
            .get(&url)
            .header("host", at("next"))
            .header(name, value)
    };
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(
        stage.send(with("cookie", pair)).await.told(),
        "200 hello from v2"
    );
    assert_eq!(
        stage.send(with("x-atoll-preview", &token)).await.told(),
        "200 hello from v2"
    );
    let other = Api::token("invoke", id);
    assert_eq!(
        stage.send(with("x-atoll-preview", &other)).await.told(),
        "404 not_found"
    );
    let link = |token| format!("/?atoll-preview={token}");
    let expired = link(Api::token_of_yesterday("preview", id));
    assert_eq!(
        proxied(&stage, &at("next"), &expired).await.told(),
        "403 forbidden"
    );
    let of_another = link(Api::token_of_yesterday("preview", FunctionId::generate()));
    assert_eq!(
        proxied(&stage, &at("next"), &of_another).await.told(),
        "404 not_found"
    );

    // The same token chooses a version at the function's own URL; without it nobody does.
    let own = stage
        .http
        .get(stage.url("/hello"))
        .header("x-atoll-version", "2");
    let chosen = own.try_clone().unwrap().header("x-atoll-preview", &token);
    assert_eq!(stage.send(chosen).await.told(), "200 hello from v2");
    assert_eq!(stage.send(own).await.told(), "200 hello from v1");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_with_a_key_stays_with_the_newer_version_while_its_share_grows() {
    let mut hello = function("hello", "hello-v1");
    hello.versions.push(version(2, "hello-v2"));
    let share = |version, percent| Share { version, percent };
    hello.traffic = vec![share(1, 80), share(2, 20)];
    let mut tenant = acme(vec![hello]);
    let stage = Stage::start(vec![tenant.clone()]).await;
    let meets = async |key: u32| {
        let get = stage.http.get(stage.url("/hello"));
        let request = match key % 2 {
            0 => get.header("x-atoll-version-key", format!("user-{key}")),
            _ => get.header("cookie", format!("a=1; atoll-version-key=user-{key}")),
        };
        stage.send(request).await.body.contains("v2")
    };
    let mut before = Vec::new();
    for key in 0..100 {
        before.push(meets(key).await);
        assert_eq!(before[key as usize], meets(key).await, "the same each time");
    }
    let newer = before.iter().filter(|newer| **newer).count();
    assert!(
        (8..=34).contains(&newer),
        "{newer} of 100 met a share of 20"
    );

    tenant.functions[0].traffic = vec![share(1, 40), share(2, 60)];
    stage.api.set(vec![tenant]);
    stage.api.acknowledged().await;
    for key in 0..100 {
        assert!(
            meets(key).await || !before[key as usize],
            "nobody goes back"
        );
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_to_an_alias_leads_to_its_version_wherever_the_alias_goes() {
    let mut hello = function("hello", "hello-v1");
    hello.versions.push(version(2, "hello-v2"));
    let alias = |version| AliasEntry {
        name: "next".parse().unwrap(),
        version,
        // Of its preview's host alone: a route is there for everybody.
        open: false,
    };
    hello.aliases = vec![alias(2)];
    let to_alias = |path, name: &str, features: &[&str]| RouteEntry {
        alias: Some(name.parse().unwrap()),
        requires: features.iter().map(|&feature| feature.to_owned()).collect(),
        ..route(None, path, &hello)
    };
    let routes = vec![
        route(None, "/...", &hello),
        to_alias("/beta/...", "next", &[ALIAS_ROUTES]),
        to_alias("/gone", "away", &[ALIAS_ROUTES]),
        to_alias("/later", "next", &["what-a-later-release-can"]),
    ];
    let mut tenant = acme(vec![hello.clone()]);
    tenant.routes = routes;
    let stage = Stage::start(vec![tenant.clone()]).await;
    assert_eq!(stage.told("/").await, "200 hello from v1");
    assert_eq!(stage.told("/beta/x").await, "200 hello from v2");
    // Never another version in the place of the one that the route asks for.
    assert_eq!(stage.told("/gone").await, "410 version_gone");
    assert_eq!(stage.told("/later").await, "503 unsupported_feature");

    // Without a deployment nothing is live, and the alias is there.
    tenant.functions[0].traffic = Vec::new();
    tenant.functions[0].aliases = vec![alias(1)];
    stage.api.set(vec![tenant.clone()]);
    stage.api.acknowledged().await;
    assert_eq!(stage.told("/beta/x").await, "200 hello from v1");
    assert_eq!(stage.told("/").await, "404 not_found");

    tenant.functions[0].access = Access::Private;
    stage.api.set(vec![tenant]);
    stage.api.acknowledged().await;
    for path in ["/beta/x", "/gone", "/later"] {
        assert_eq!(stage.told(path).await, "404 not_found");
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_function_is_no_less_private_by_a_route() {
    let mut hello = function("hello", "hello-v1");
    hello.access = Access::Private;
    let routes = vec![route(None, "/...", &hello)];
    let mut tenant = acme(vec![hello]);
    tenant.routes = routes;
    let stage = Stage::start(vec![tenant]).await;
    assert_eq!(stage.told("/anything").await, "404 not_found");
    stage.worker.shutdown().await;
}

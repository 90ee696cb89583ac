//! The console, by a browser without scripts.

use std::time::Duration;

use reqwest::{Method, header};

use crate::harness::{Browser, TestPlatform, guests, platform};

/// A browser that is signed in as the operator, who owns `acme`.
pub(super) async fn signed_in(platform: &TestPlatform) -> Browser<'_> {
    platform.operator().await;
    sign_in(platform, platform::OPERATOR_EMAIL).await
}

async fn sign_in<'a>(platform: &'a TestPlatform, email: &str) -> Browser<'a> {
    let mut browser = Browser::open(platform, "/sign-in").await;
    let credentials = [("email", email), ("password", platform::PASSWORD)];
    assert_eq!(browser.press("/sign-in", &credentials).await.status, 200);
    browser
}

/// Reloads the page until it says `text`, as one with scripts off does by itself.
async fn wait_for(browser: &mut Browser<'_>, path: &str, text: &str) {
    for _ in 0..300 {
        if browser.go(path).await.text().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} never said `{text}`: {}", browser.page);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_without_scripts_goes_from_the_set_up_link_to_an_answer_and_back() {
    let platform = TestPlatform::start().await;
    let link = control::setup::link(&platform.platform).await.unwrap();
    let link = link.expect("nobody is set up yet");
    let (_, token) = link.split_once("token=").unwrap();

    let mut browser = Browser::open(&platform, "/").await;
    assert_eq!((&*browser.at, browser.page.status), ("/setup", 403));
    browser.go(&format!("/setup?token={token}")).await;
    let mut account = vec![
        ("name", "Ada"),
        ("email", platform::OPERATOR_EMAIL),
        ("password", platform::PASSWORD),
        ("tenant_name", "Acme"),
        ("slug", "www"),
    ];
    let refused = browser.press("/setup", &account).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("<code>www</code> is reserved"));
    assert!(refused.text().contains(platform::OPERATOR_EMAIL), "kept");
    account[4].1 = "acme";
    assert_eq!(browser.press("/setup", &account).await.status, 200);
    assert_eq!(browser.at, "/tenants/acme");

    browser.press("/tenants/acme/example", &[]).await;
    let function = "/tenants/acme/functions/hello";
    assert_eq!(browser.at, function);
    wait_for(&mut browser, function, "Live on 1 of 1 worker").await;
    platform.call("acme", "/hello").await.expect(200);

    browser.go(&format!("{function}/upload")).await;
    let uploads = format!("{function}/uploads");
    browser
        .upload(&uploads, &[], &guests::prebuilt("hello-v2"))
        .await;
    assert!(browser.page.text().contains("wasi:http/incoming-handler"));
    let fields = [("message", "second"), ("then", "deploy")];
    browser
        .press(&format!("{function}/versions"), &fields)
        .await;
    assert_eq!(browser.at, function);
    wait_for(&mut browser, function, "Roll back to v1").await;
    let second = platform.call("acme", "/hello").await.expect(200);
    assert_eq!(second.header("x-atoll-version"), "2");

    let fields = [("method", "GET"), ("path", "/")];
    browser.go(&format!("{function}/try")).await;
    let tried = browser.press(&format!("{function}/try"), &fields).await;
    assert!(tried.text().contains(second.text().trim_end()), "{tried}");

    browser.go(function).await;
    let why = [("message", "it says the wrong thing")];
    browser.press(&format!("{function}/rollback"), &why).await;
    wait_for(&mut browser, function, "Roll back to v2").await;
    let first = platform.call("acme", "/hello").await.expect(200);
    assert_eq!(first.header("x-atoll-version"), "1");

    browser.go(&format!("{function}/settings")).await;
    let delete = format!("{function}/delete");
    let refused = browser.press(&delete, &[("confirm", "hallo")]).await;
    assert_eq!(refused.status, 422);
    browser.press(&delete, &[("confirm", "hello")]).await;
    assert!(browser.page.text().contains("hello is deleted."));
    let reload = browser.go("/tenants/acme/functions").await;
    assert!(!reload.text().contains("hello is deleted."), "told once");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_not_ours_does_nothing() {
    let platform = TestPlatform::start().await;
    let mut browser = signed_in(&platform).await;
    browser.go("/tenants/new").await;
    let token = browser.hidden_fields("/tenants")[0].1.clone();
    let host = platform.api.to_string();
    let ours = format!("http://{host}");

    let post = |cookies: &Browser<'_>, token: &str, extra: &[(&str, &str)]| {
        let mut request = cookies
            .request(Method::POST, "/tenants")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("csrf={token}&tenant_name=Globex&slug=globex"));
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        platform.answer(request)
    };
    let other = sign_in(&platform, platform::OPERATOR_EMAIL).await;
    for refused in [
        post(&browser, "", &[]).await,
        post(&browser, "0000", &[]).await,
        // The token of another session of the same person.
        post(&other, &token, &[]).await,
        post(&browser, &token, &[("origin", "http://evil.example")]).await,
        post(&browser, &token, &[("origin", "null")]).await,
        post(&browser, &token, &[("sec-fetch-site", "cross-site")]).await,
        post(&browser, &token, &[("sec-fetch-site", "same-site")]).await,
    ] {
        assert_eq!(refused.status, 403, "{refused}");
        assert!(refused.text().contains("nothing was done"), "{refused}");
    }
    assert!(!browser.go("/tenants").await.text().contains("Globex"));

    let own = [("origin", &*ours), ("sec-fetch-site", "same-origin")];
    assert_eq!(post(&browser, &token, &own).await.status, 303);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_file_makes_no_function_and_what_was_typed_stays() {
    let platform = TestPlatform::start().await;
    let mut browser = signed_in(&platform).await;
    browser.go("/tenants/acme/new-function").await;
    let fields = [("name", "thing"), ("description", "what it does")];
    let action = "/tenants/acme/new-function";
    let refused = browser.upload(action, &fields, b"no module at all").await;
    assert_eq!(refused.status, 422, "{refused}");
    let html = refused.text();
    assert!(html.contains("The file is not a WebAssembly module"));
    assert!(html.contains(refused.header("x-request-id")));
    assert!(html.contains("what it does"), "{html}");
    assert_eq!(
        browser.go("/tenants/acme/functions/thing").await.status,
        404
    );

    // A token that is missing is noticed before the file is read.
    let body = "--b\r\ncontent-disposition: form-data; name=\"module\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n";
    let request = browser
        .request(Method::POST, action)
        .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(body);
    assert_eq!(platform.answer(request).await.status, 403);

    browser.go(action).await;
    let hello = guests::prebuilt("hello-v1");
    browser.upload(action, &fields, &hello).await;
    let report = "/tenants/acme/functions/thing/upload?upload=upl_";
    assert!(browser.at.starts_with(report), "{}", browser.at);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_leads_back_to_the_page_that_was_asked_for_and_never_elsewhere() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let mut browser = Browser::open(&platform, "/tenants/acme/functions?from=mail").await;
    assert!(browser.at.starts_with("/sign-in?next="), "{}", browser.at);
    let wrong = [("email", platform::OPERATOR_EMAIL), ("password", "wrong")];
    let refused = browser.press("/sign-in", &wrong).await;
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains(platform::OPERATOR_EMAIL), "kept");
    let right = [
        ("email", platform::OPERATOR_EMAIL),
        ("password", platform::PASSWORD),
    ];
    browser.press("/sign-in", &right).await;
    assert_eq!(browser.at, "/tenants/acme/functions?from=mail");

    browser.press("/sign-out", &[]).await;
    assert_eq!(browser.at, "/sign-in");
    assert!(browser.go("/tenants").await.text().contains("Sign in"));

    for elsewhere in ["//evil.example", "https://evil.example", "/%5Cevil.example"] {
        browser.go(&format!("/sign-in?next={elsewhere}")).await;
        browser.press("/sign-in", &right).await;
        assert_eq!(browser.at, "/tenants/acme");
        browser.press("/sign-out", &[]).await;
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_see_the_buttons_they_may_press_and_outsiders_see_nothing() {
    let platform = TestPlatform::start().await;
    let mut owner = signed_in(&platform).await;
    owner.go("/tenants/acme/new-function").await;
    let action = "/tenants/acme/new-function";
    let hello = guests::prebuilt("hello-v1");
    owner.upload(action, &[("name", "hello")], &hello).await;

    platform
        .somebody("viewer@example.com", Some("viewer"))
        .await;
    platform.somebody("outsider@example.com", None).await;
    let mut viewer = sign_in(&platform, "viewer@example.com").await;
    let page = viewer.go("/tenants/acme/functions/hello").await;
    assert_eq!(page.status, 200);
    for button in [
        "Upload a version",
        "Try it",
        "Roll back",
        "Settings</a>\n</nav>\n<",
    ] {
        assert!(!page.text().contains(button), "{button}");
    }
    for forbidden in ["/upload", "/try", "/settings"] {
        let path = format!("/tenants/acme/functions/hello{forbidden}");
        assert_eq!(viewer.go(&path).await.status, 403, "{path}");
    }
    let mut outsider = sign_in(&platform, "outsider@example.com").await;
    for path in ["/tenants/acme", "/tenants/acme/functions/hello"] {
        let (here, nowhere) = (path, path.replace("acme", "nobody"));
        assert_eq!(outsider.go(here).await.status, 404);
        let (here, here_id) = (outsider.page.text(), outsider.page.header("x-request-id"));
        let here = here.replace(here_id, "");
        outsider.go(&nowhere).await;
        let nowhere_id = outsider.page.header("x-request-id");
        assert_eq!(here, outsider.page.text().replace(nowhere_id, ""));
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_run_nothing_inline_and_are_not_kept_while_their_files_are_kept_for_ever() {
    let platform = TestPlatform::start().await;
    let mut browser = signed_in(&platform).await;
    browser.press("/tenants/acme/example", &[]).await;
    let function = "/tenants/acme/functions/hello";
    wait_for(&mut browser, function, "Live on 1 of 1 worker").await;
    let mut files = Vec::new();
    for path in [
        "/tenants",
        "/tenants/new",
        "/tenants/acme",
        "/tenants/acme/settings",
        "/tenants/acme/functions",
        "/tenants/acme/new-function",
        function,
        &format!("{function}/upload"),
        &format!("{function}/versions"),
        &format!("{function}/versions/1"),
        &format!("{function}/deployments"),
        &format!("{function}/try"),
        &format!("{function}/settings"),
        "/sign-in",
        "/forgot-password",
        "/nowhere",
    ] {
        let page = browser.go(path).await;
        assert_eq!(page.status, if path == "/nowhere" { 404 } else { 200 });
        assert_eq!(
            page.header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        assert_eq!(page.header("referrer-policy"), "same-origin");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        let html = page.text();
        for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
            assert!(!html.contains(inline), "{path} has {inline}");
        }
        let named = html.split('"').filter(|text| text.starts_with("/static/"));
        files.extend(named.map(str::to_owned));
    }
    files.sort();
    files.dedup();
    assert!(files.len() >= 5, "{files:?}");
    for path in files {
        let file = browser.go(&path).await;
        assert_eq!(file.status, 200, "{path}");
        let kept = "public, max-age=31536000, immutable";
        assert_eq!(file.header("cache-control"), kept);
        let etag = file.header("etag").to_owned();
        let again = browser.request(Method::GET, &path);
        let again = platform.answer(again.header("if-none-match", etag)).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_cannot_be_made_says_so_with_its_request_id_and_comes_back() {
    let (platform, line) = TestPlatform::start_on_a_line().await;
    let mut browser = signed_in(&platform).await;
    line.cut();
    let away = browser.go("/tenants/acme").await;
    assert_eq!(away.status, 503, "{away}");
    assert!(!away.header("retry-after").is_empty());
    assert!(away.text().contains("Not available"));
    assert!(away.text().contains(away.header("x-request-id")));
    line.mend();
    for _ in 0..100 {
        if browser.go("/tenants/acme").await.status == 200 {
            platform.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the page never came back: {}", browser.page);
}

//! Signing in, and what wrong passwords lead to.

use serde_json::json;

use crate::harness::{Person, TestPlatform, platform};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_link_works_once() {
    let platform = TestPlatform::start().await;
    let link = control::setup::link(&platform.platform)
        .await
        .unwrap()
        .expect("nobody is set up yet");
    let owner = platform.operator().await;
    assert_eq!(
        owner.get("/me").await.expect(200).json()["email"],
        platform::OPERATOR_EMAIL
    );

    assert!(
        control::setup::link(&platform.platform)
            .await
            .unwrap()
            .is_none()
    );
    let again = json!({
        "token": link.split_once("token=").unwrap().1, "email": "second@example.com", "name": "Second",
        "password": platform::PASSWORD, "tenant_slug": "second", "tenant_name": "Second",
    });
    let refused = platform.post("/v1/setup", again).await;
    assert!(matches!(refused.status, 404 | 409), "{refused}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_where_it_is_signed_out() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let second = platform.sign_in(platform::OPERATOR_EMAIL, "acme").await;
    second.get("/me").await.expect(200);
    second
        .send(second.request(reqwest::Method::DELETE, "/session").await)
        .await
        .expect(204);
    assert_eq!(
        second.get("/me").await.to_string(),
        "401 unauthenticated: sign in first"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signs_out_elsewhere_and_a_new_password_does_so_everywhere() {
    let platform = TestPlatform::start().await;
    let here = platform.operator().await;
    let there = platform.sign_in(platform::OPERATOR_EMAIL, "acme").await;
    let stranger = platform.somebody("stranger@example.com", None).await;
    let listed = there.get("/sessions").await.expect(200).json();
    let sessions = listed["items"].as_array().unwrap();
    assert_eq!(sessions[0]["current"], true, "the newest first: {listed}");
    let others = sessions.iter().filter(|one| one["current"] == false);
    let other = others
        .map(|one| one["id"].as_str().unwrap())
        .next()
        .unwrap();
    let end = async |by: &Person<'_>, id: &str| {
        let path = format!("/sessions/{id}");
        by.send(by.request(reqwest::Method::DELETE, &path).await)
            .await
            .status
    };
    assert_eq!(end(&stranger, other).await, 404);
    assert_eq!(end(&there, other).await, 204);
    assert_eq!(end(&there, other).await, 404);
    assert_eq!(here.get("/me").await.status, 401);

    let here = platform.sign_in(platform::OPERATOR_EMAIL, "acme").await;
    let change = async |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        here.post("/password", body).await.to_string()
    };
    let new = "a much longer password than before";
    assert!(
        change("wrong", new)
            .await
            .starts_with("401 wrong_credentials")
    );
    assert!(
        change(platform::PASSWORD, "short")
            .await
            .contains("\n  new_password: ")
    );
    assert_eq!(change(platform::PASSWORD, new).await, "204 ");
    here.get("/me").await.expect(200);
    assert_eq!(there.get("/me").await.status, 401);
    let old = json!({ "email": platform::OPERATOR_EMAIL, "password": platform::PASSWORD });
    assert_eq!(platform.post("/v1/session", old).await.status, 401);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_passwords_are_slowed_and_an_unknown_account_looks_the_same() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let attempt = async |email: &str, password: &str| {
        platform
            .post(
                "/v1/session",
                json!({ "email": email, "password": password }),
            )
            .await
    };
    let known = attempt(platform::OPERATOR_EMAIL, "wrong wrong wrong")
        .await
        .expect(401)
        .to_string();
    let unknown = attempt("nobody@example.com", "wrong wrong wrong")
        .await
        .expect(401)
        .to_string();
    assert_eq!(known, unknown);

    let mut slowed = None;
    for _ in 0..20 {
        let answer = attempt("nobody@example.com", "wrong wrong wrong").await;
        if answer.status == 429 {
            slowed = Some(answer);
            break;
        }
    }
    let slowed = slowed.expect("guessing is slowed within 20 attempts");
    assert!(
        slowed
            .header("retry-after")
            .parse::<u64>()
            .is_ok_and(|seconds| seconds > 0),
        "{slowed}"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_link_works_once_and_ends_every_session() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let email = domain::user::Email::parse(platform::OPERATOR_EMAIL).unwrap();
    let link = control::passwords::issue_reset(&platform.platform, &email)
        .await
        .unwrap();
    let token = link.split_once("token=").unwrap().1;

    let spend = json!({ "token": token, "password": "an entirely new one" });
    let session = platform
        .post("/v1/password-resets/spend", spend.clone())
        .await
        .expect(201)
        .json();
    assert!(session["access_token"].is_string(), "{session}");
    owner.get("/me").await.expect(401);
    let again = platform.post("/v1/password-resets/spend", spend).await;
    assert!(matches!(again.status, 404 | 410), "{again}");
    let old = json!({ "email": platform::OPERATOR_EMAIL, "password": platform::PASSWORD });
    platform.post("/v1/session", old).await.expect(401);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_changes_what_people_call_one() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let etag = owner.get("/me").await.header("etag").to_owned();
    let rename = async |etag: &str, name: &str| {
        let request = owner.request(reqwest::Method::PATCH, "/me").await;
        let request = request.header("if-match", etag);
        owner.send(request.json(&json!({ "name": name }))).await
    };
    assert!(
        rename(&etag, " ").await.to_string().contains("\n  name: "),
        "an empty name is refused"
    );
    let renamed = rename(&etag, "Ada").await.expect(200);
    assert_eq!(renamed.json()["name"], "Ada");
    assert_eq!(rename(&etag, "Eve").await.status, 412);
    let again = rename(renamed.header("etag"), "Ada L.").await;
    assert_eq!(again.expect(200).json()["name"], "Ada L.");
    platform.stop().await;
}

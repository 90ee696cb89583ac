//! Links into a tenant: whom they let in, as what, and how often.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::harness::{
    Answer, Mailbox, Person, TestPlatform, cluster, platform::PASSWORD, token_in,
};

async fn invite(by: &Person<'_>, body: Value) -> Value {
    let invited = by.post(&by.here("/invitations"), body).await.expect(201);
    assert!(invited.header("location").contains("/invitations/inv_"));
    invited.json()
}

async fn link(by: &Person<'_>, body: Value) -> String {
    token_in(invite(by, body).await["link"].as_str().expect("a link"))
}

async fn look(platform: &TestPlatform, token: &str) -> Answer {
    let request = platform.http.get(platform.api_url("/v1/invitations/self"));
    platform
        .answer(request.header("atoll-invitation", token))
        .await
}

async fn accept(by: &Person<'_>, token: &str) -> Answer {
    by.post("/invitations/accept", json!({ "token": token }))
        .await
}

async fn register(platform: &TestPlatform, token: &str, email: &str) -> Answer {
    let body = json!({ "token": token, "name": "New", "email": email, "password": PASSWORD });
    platform.post("/v1/invitations/register", body).await
}

/// In the order of their accounts.
async fn members(by: &Person<'_>) -> Vec<(String, String)> {
    let listed = by.get(&by.here("/members")).await.expect(200).json();
    let members = listed["items"].as_array().expect("items").iter();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    members
        .map(|one| (text(&one["email"]), text(&one["role"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_lets_one_person_in_as_what_it_says() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let known = platform.somebody("known@example.com", None).await;

    let path = admin.here("/invitations");
    let above = admin.post(&path, json!({ "role": "owner" })).await;
    assert_eq!(above.status, 403, "{above}");
    let asked = json!({ "role": "viewer", "email": "nobody", "expires_in_days": 7 });
    let wrong = admin.post(&admin.here("/invitations"), asked).await;
    assert!(wrong.expect(422).to_string().contains("\n  email: "));
    let asked = json!({ "role": "viewer", "expires_in_days": 31 });
    let wrong = admin.post(&admin.here("/invitations"), asked).await;
    assert!(wrong.expect(422).to_string().contains("1 to 30 days"));
    let seated = json!({ "role": "viewer", "email": "admin@example.com" });
    let seated = owner.post(&owner.here("/invitations"), seated).await;
    assert_eq!((seated.status, &*seated.code()), (409, "conflict"));

    // Registration is closed, and an invitation is good for an account all the same.
    let open = link(&admin, json!({ "role": "developer" })).await;
    let seen = look(&platform, &open).await.expect(200).json();
    assert_eq!(
        (&seen["slug"], &seen["role"]),
        (&json!("acme"), &json!("developer"))
    );
    assert_eq!(seen["invited_by"], "admin@example.com", "his name");
    let taken = register(&platform, &open, "known@example.com").await;
    assert_eq!(
        (taken.status, &*taken.code()),
        (409, "taken"),
        "and not used"
    );
    let joined = register(&platform, &open, "new@example.com")
        .await
        .expect(201)
        .json();
    assert_eq!(joined["invitation"]["slug"], "acme");
    let newcomer = owner.presenting(&joined["access_token"]);
    newcomer.create_function("mine").await;
    for again in [
        look(&platform, &open).await,
        register(&platform, &open, "other@example.com").await,
        accept(&known, &open).await,
    ] {
        assert_eq!(
            (again.status, &*again.code()),
            (404, "not_found"),
            "{again}"
        );
    }

    // One that names an address is good for nobody else.
    let named = invite(
        &owner,
        json!({ "role": "owner", "email": "Known@example.com" }),
    )
    .await;
    let token = token_in(named["link"].as_str().unwrap());
    assert_eq!(
        (&named["mailed"], &named["email"]),
        (&json!(false), &json!("known@example.com"))
    );
    let stranger = platform.somebody("stranger@example.com", None).await;
    let refused = accept(&stranger, &token).await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (409, "conflict"),
        "{refused}"
    );
    let refused = register(&platform, &token, "third@example.com").await;
    assert!(refused.expect(422).to_string().contains("\n  email: "));
    let listed = admin.get(&admin.here("/invitations")).await.expect(200);
    assert_eq!(listed.json()["items"][0]["id"], named["id"]);
    assert!(!listed.text().contains("link"), "{listed}");
    accept(&known, &token).await.expect(200);
    let again = link(&owner, json!({ "role": "viewer" })).await;
    let already = accept(&known, &again).await;
    assert_eq!(
        (already.status, &*already.code()),
        (409, "conflict"),
        "{already}"
    );
    look(&platform, &again).await.expect(200);

    let found = members(&owner).await;
    let roles: Vec<_> = found
        .iter()
        .map(|(email, role)| format!("{email} {role}"))
        .collect();
    assert_eq!(
        roles[1..],
        [
            "admin@example.com admin",
            "known@example.com owner",
            "new@example.com developer"
        ]
    );
    let audit = owner
        .get(&owner.here("/audit?action=member.joined"))
        .await
        .expect(200);
    assert_eq!(
        audit.json()["items"].as_array().unwrap().len(),
        2,
        "{audit}"
    );
    assert!(!audit.text().contains(&token), "no token in the audit");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_those_who_use_one_link_at_once_one_gets_in() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let one = platform.somebody("one@example.com", None).await;
    let other = platform.somebody("other@example.com", None).await;
    let token = link(&owner, json!({ "role": "viewer" })).await;
    let (first, second, third, fourth) = tokio::join!(
        accept(&one, &token),
        accept(&other, &token),
        accept(&one, &token),
        register(&platform, &token, "new@example.com"),
    );
    let answers = [first, second, third, fourth];
    let (let_in, refused): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| matches!(answer.status, 200 | 201));
    assert_eq!(let_in.len(), 1, "{answers:?}");
    assert!(
        refused.iter().all(|answer| answer.status == 404),
        "{answers:?}"
    );
    assert_eq!(members(&owner).await.len(), 2);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_ends_when_taken_back_too_old_or_its_maker_gone() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let program = owner
        .with_tenant_token(json!({ "name": "CI", "role": "admin", "scopes": ["members:admin"] }))
        .await;

    let made = invite(&owner, json!({ "role": "viewer" })).await;
    let token = token_in(made["link"].as_str().unwrap());
    let path = owner.here(&format!("/invitations/{}", made["id"].as_str().unwrap()));
    let take_back = || async { admin.send(admin.request(Method::DELETE, &path).await).await };
    take_back().await.expect(204);
    assert_eq!(look(&platform, &token).await.status, 404);
    assert_eq!(take_back().await.status, 404);

    let by_admin = link(&admin, json!({ "role": "admin" })).await;
    let by_program = link(&program, json!({ "role": "viewer" })).await;
    let old = link(&owner, json!({ "role": "viewer" })).await;
    for token in [&by_admin, &by_program, &old] {
        look(&platform, token).await.expect(200);
    }
    // Who is sent away has not left himself a way back in.
    platform.dismiss("admin@example.com").await;
    assert_eq!(accept(&admin, &by_admin).await.status, 404);
    let own = program.get("/tokens/self").await.expect(200).json();
    let own = owner.here(&format!("/tokens/{}", own["id"].as_str().unwrap()));
    owner
        .send(owner.request(Method::DELETE, &own).await)
        .await
        .expect(204);
    assert_eq!(look(&platform, &by_program).await.status, 404);
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute("update invitation set expires_at = now()")
        .await
        .unwrap();
    assert_eq!(accept(&admin, &old).await.status, 404);
    let listed = owner
        .get(&owner.here("/invitations"))
        .await
        .expect(200)
        .json();
    assert_eq!(listed["items"], json!([]));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_has_so_many_open_invitations_and_no_more() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let mut database = cluster::connect(&platform.database_url).await;
    sqlx::query(
        "insert into invitation (invitation_id, tenant_id, token_hash, role, created_at, expires_at)
         select gen_random_uuid(), tenant_id, sha256(n::text::bytea), 'viewer', now(), now() + interval '1 day'
           from tenant, generate_series(1, 49) n",
    )
    .execute(&mut database)
    .await
    .unwrap();
    let path = owner.here("/invitations");
    let (one, other) = tokio::join!(
        owner.post(&path, json!({ "role": "viewer" })),
        owner.post(&path, json!({ "role": "viewer" })),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_names_an_address_is_mailed_there() {
    let (mailbox, smtp) = Mailbox::open().await;
    let platform = TestPlatform::start_with(|config| config.smtp = Some(smtp)).await;
    let owner = platform.operator().await;
    let told = invite(&owner, json!({ "role": "viewer" })).await;
    assert_eq!(told["mailed"], false);
    let told = invite(
        &owner,
        json!({ "role": "viewer", "email": "new@example.com" }),
    )
    .await;
    assert_eq!(told["mailed"], true);
    let mail = mailbox.read("new@example.com").await;
    assert!(mail.contains("Operator invites you"), "{mail}");
    assert_eq!(token_in(&mail), token_in(told["link"].as_str().unwrap()));
    assert!(mailbox.is_empty());
    register(&platform, &token_in(&mail), "new@example.com")
        .await
        .expect(201);
    platform.stop().await;
}

//! Making an account by oneself, where the operator lets people.

use control::registration::Mode;
use serde_json::{Value, json};

use crate::harness::{
    Answer, Mailbox, TestPlatform, cluster,
    platform::{OPERATOR_EMAIL, PASSWORD},
    token_in,
};

fn account(email: &str) -> Value {
    json!({ "name": "New", "email": email, "password": PASSWORD })
}

async fn register(platform: &TestPlatform, email: &str) -> Answer {
    platform.post("/v1/registration", account(email)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_registers_where_it_takes_an_invitation() {
    let platform = TestPlatform::start().await;
    let told = platform.get("/v1/registration").await.expect(200).json();
    assert_eq!(told, json!({ "open": false, "confirmed_by_mail": false }));
    let refused = register(&platform, "new@example.com").await;
    assert_eq!(
        (refused.status, &*refused.code()),
        (409, "conflict"),
        "{refused}"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_mail_the_account_is_there_at_once_and_many_of_one_address_are_slowed() {
    let platform = TestPlatform::start_with(|config| config.registration = Mode::Open).await;
    let owner = platform.operator().await;
    let wrong = json!({ "name": " ", "email": "nobody", "password": "short" });
    let wrong = platform
        .post("/v1/registration", wrong)
        .await
        .expect(422)
        .json();
    assert_eq!(wrong["problems"].as_array().unwrap().len(), 3, "{wrong}");

    let session = register(&platform, "New@example.com")
        .await
        .expect(201)
        .json();
    assert_eq!(session["user"]["email"], "new@example.com");
    assert_eq!(session["user"]["operator"], false);
    let person = owner.presenting(&session["access_token"]);
    let tenant = json!({ "slug": "globex", "name": "Globex" });
    person.post("/tenants", tenant).await.expect(201);
    assert_eq!(person.get("/tenants/acme").await.status, 404);
    let taken = register(&platform, "new@example.com").await;
    assert_eq!((taken.status, &*taken.code()), (409, "taken"));

    let mut last = taken;
    for number in 0..20 {
        last = register(&platform, &format!("{number}@example.com")).await;
        if last.status == 429 {
            break;
        }
    }
    assert_eq!((last.status, &*last.code()), (429, "too_many_attempts"));
    assert!(last.header("retry-after").parse::<u64>().is_ok());
    // Those who have an account are not kept out by it.
    platform.sign_in(OPERATOR_EMAIL, "acme").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mail_the_address_is_confirmed_and_no_answer_tells_whether_it_is_known() {
    let (mailbox, smtp) = Mailbox::open().await;
    let platform = TestPlatform::start_with(|config| {
        config.registration = Mode::Open;
        config.smtp = Some(smtp);
    })
    .await;
    platform.operator().await;
    let known = register(&platform, OPERATOR_EMAIL).await.expect(202);
    let unknown = register(&platform, "new@example.com").await.expect(202);
    assert_eq!(known.to_string(), unknown.to_string());
    let mail = mailbox.read(OPERATOR_EMAIL).await;
    assert!(
        mail.contains("There is one") && !mail.contains("?token"),
        "{mail}"
    );
    let credentials = json!({ "email": "new@example.com", "password": PASSWORD });
    let token = token_in(&mailbox.read("new@example.com").await);
    let mut database = cluster::connect(&platform.database_url).await;
    let accounts: i64 = sqlx::query_scalar("select count(*) from user_account")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(accounts, 1, "there is none of the new address yet");
    let confirm = async |token: &str, password: &str| {
        let body = json!({ "token": token, "password": password });
        platform.post("/v1/registration/confirm", body).await
    };
    // Whoever reads the mail of an account that a stranger asked for does not make it with a click.
    let wrong = confirm(&token, "another password").await;
    assert_eq!((wrong.status, &*wrong.code()), (401, "wrong_credentials"));
    let (one, other) = tokio::join!(confirm(&token, PASSWORD), confirm(&token, PASSWORD));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 404], "{one} {other}");
    platform.post("/v1/session", credentials).await.expect(201);
    platform.stop().await;
}

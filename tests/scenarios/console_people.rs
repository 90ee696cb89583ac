//! People in the console, by a browser without scripts: inviting, joining, signing up, one's own account.

use control::registration::Mode;

use crate::harness::{Browser, Mailbox, TestPlatform, platform, token_in};

async fn sign_in<'a>(platform: &'a TestPlatform, email: &str) -> Browser<'a> {
    let mut browser = Browser::open(platform, "/sign-in").await;
    let credentials = [("email", email), ("password", platform::PASSWORD)];
    browser.press("/sign-in", &credentials).await;
    browser
}

const SETTINGS: &str = "/tenants/acme/settings";

/// Makes a link with the form of the settings page.
async fn invite(browser: &mut Browser<'_>, email: &str, role: &str) -> String {
    browser.go(SETTINGS).await;
    let fields = [("email", email), ("role", role), ("expires_in_days", "3")];
    let page = browser.press("/tenants/acme/invitations", &fields).await;
    assert_eq!(page.status, 200);
    format!("/invitations/accept?token={}", token_in(&page.text()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_join_by_a_link_with_an_account_and_without() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let mut owner = sign_in(&platform, platform::OPERATOR_EMAIL).await;
    owner.go(SETTINGS).await;
    let wrong = [
        ("email", "nobody"),
        ("role", "viewer"),
        ("expires_in_days", "x"),
    ];
    let refused = owner.press("/tenants/acme/invitations", &wrong).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("value=\"nobody\""), "kept");

    // A newcomer, whose address the link names.
    let link = invite(&mut owner, "new@example.com", "developer").await;
    let mut newcomer = Browser::open(&platform, &link).await;
    assert_eq!(
        newcomer.at, "/invitations/accept",
        "the token left the address"
    );
    assert!(newcomer.page.text().contains("as developer"));
    let mut account = vec![
        ("name", "Newcomer"),
        ("email", "other@example.com"),
        ("password", platform::PASSWORD),
    ];
    let refused = newcomer.press("/invitations/register", &account).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text().contains("for new@example.com alone"),
        "{refused}"
    );
    account[1].1 = "new@example.com";
    newcomer.press("/invitations/register", &account).await;
    assert_eq!(newcomer.at, "/tenants/acme");
    assert!(
        newcomer
            .page
            .text()
            .contains("You are a member of Acme now.")
    );
    assert!(
        !newcomer.go(SETTINGS).await.text().contains("/invitations"),
        "no admin"
    );

    // Somebody with an account, who is not signed in yet.
    platform.somebody("known@example.com", None).await;
    let link = invite(&mut owner, "", "viewer").await;
    let mut known = Browser::open(&platform, &link).await;
    known.go("/sign-in?next=/invitations/accept").await;
    let credentials = [
        ("email", "known@example.com"),
        ("password", platform::PASSWORD),
    ];
    known.press("/sign-in", &credentials).await;
    assert_eq!(known.at, "/invitations/accept");
    known.press("/invitations/accept", &[]).await;
    assert_eq!(known.at, "/tenants/acme");
    assert_eq!(known.go(&link).await.status, 410);

    // The owner sees them, makes one an admin, and sends the other away.
    let page = owner.go(SETTINGS).await.text();
    let form = |what: &str, email: &str| {
        let row = page.split("<tr>").find(|row| row.contains(email)).unwrap();
        let action = row
            .split("action=\"")
            .find(|part| part.split('"').next().unwrap().ends_with(what));
        action.unwrap().split('"').next().unwrap().to_owned()
    };
    let (promote, remove) = (
        form("/role", "new@example.com"),
        form("/remove", "known@example.com"),
    );
    let said = owner.press(&promote, &[("role", "admin")]).await.text();
    assert!(said.contains("new@example.com is Admin now."), "{said}");
    let said = owner.press(&remove, &[]).await.text();
    assert!(!said.contains("known@example.com"), "{said}");
    assert_eq!(known.go("/tenants/acme").await.status, 404);

    // The last owner stays one, and is told so.
    let own = page
        .split("<tr>")
        .find(|row| row.contains("(you)"))
        .unwrap();
    let own = own
        .split("action=\"")
        .nth(2)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let refused = owner.press(own, &[]).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text().contains("no other owner"));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_signs_up_where_registration_is_open() {
    let (mailbox, smtp) = Mailbox::open().await;
    let platform = TestPlatform::start_with(|config| {
        config.registration = Mode::Open;
        config.smtp = Some(smtp);
    })
    .await;
    platform.operator().await;
    let mut browser = Browser::open(&platform, "/sign-in").await;
    assert!(browser.page.text().contains("href=\"/sign-up\""));
    browser.go("/sign-up").await;
    let mut account = vec![
        ("name", "New"),
        ("email", "new@example.com"),
        ("password", "short"),
    ];
    assert_eq!(browser.press("/sign-up", &account).await.status, 422);
    account[2].1 = platform::PASSWORD;
    let sent = browser.press("/sign-up", &account).await;
    assert!(sent.text().contains("A mail is on its way"), "{sent}");
    let token = token_in(&mailbox.read("new@example.com").await);
    browser.go(&format!("/sign-up/confirm?token={token}")).await;
    let wrong = browser
        .press("/sign-up/confirm", &[("password", "a wrong one, surely")])
        .await;
    assert_eq!(wrong.status, 401);
    browser
        .press("/sign-up/confirm", &[("password", platform::PASSWORD)])
        .await;
    assert_eq!((&*browser.at, browser.page.status), ("/tenants", 200));
    let used = browser.go(&format!("/sign-up/confirm?token={token}")).await;
    assert_eq!(used.status, 410);
    platform.stop().await;

    let platform = TestPlatform::start().await;
    platform.operator().await;
    let mut browser = Browser::open(&platform, "/sign-in").await;
    assert!(!browser.page.text().contains("/sign-up"));
    assert!(
        browser
            .go("/sign-up")
            .await
            .text()
            .contains("by invitation")
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ones_account_has_a_name_a_password_and_sessions() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let mut elsewhere = sign_in(&platform, platform::OPERATOR_EMAIL).await;
    let mut browser = sign_in(&platform, platform::OPERATOR_EMAIL).await;
    browser.go("/account").await;
    browser.press("/account", &[("name", "Ada")]).await;
    assert!(browser.page.text().contains("value=\"Ada\""));

    let page = browser.page.text();
    let others: Vec<_> = page.split("action=\"/account/sessions/").skip(1).collect();
    assert_eq!(others.len(), 2, "the set-up's and the other browser's");
    let newest = others[0].split('"').next().unwrap();
    browser
        .press(&format!("/account/sessions/{newest}"), &[])
        .await;
    elsewhere.go("/account").await;
    assert!(elsewhere.at.starts_with("/sign-in"), "{}", elsewhere.at);

    let new = "an entirely new password";
    let fields = [("current_password", "not this one"), ("new_password", new)];
    let wrong = browser.press("/account/password", &fields).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("this is not your password"));
    let fields = [
        ("current_password", platform::PASSWORD),
        ("new_password", new),
    ];
    let done = browser.press("/account/password", &fields).await;
    assert!(done.text().contains("Your password is changed"), "{done}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_changes_the_slug_and_takes_a_deletion_back() {
    let platform = TestPlatform::start().await;
    platform.operator().await;
    let mut owner = sign_in(&platform, platform::OPERATOR_EMAIL).await;
    owner.go(SETTINGS).await;
    let refused = owner.press("/tenants/acme/slug", &[("slug", "www")]).await;
    assert_eq!(refused.status, 422);
    owner
        .press("/tenants/acme/slug", &[("slug", "initech")])
        .await;
    assert_eq!(owner.at, "/tenants/initech/settings");
    assert_eq!(owner.go(SETTINGS).await.status, 200, "an old bookmark");
    owner.go("/tenants/initech/settings").await;
    owner
        .press("/tenants/initech/delete", &[("confirm", "initech")])
        .await;
    assert_eq!(owner.at, "/tenants");
    assert!(owner.page.text().contains("it can be restored until"));
    owner.press("/tenants/initech/restore", &[]).await;
    assert_eq!((&*owner.at, owner.page.status), ("/tenants/initech", 200));
    platform.stop().await;
}

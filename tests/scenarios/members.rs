//! Members of a tenant: their roles, their going, and that an owner is always left.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestPlatform};

async fn user(person: &Person<'_>) -> String {
    let me = person.get("/me").await.expect(200).json();
    me["id"].as_str().expect("an account has one").to_owned()
}

/// With the revision that `by` reads.
async fn change(by: &Person<'_>, method: Method, user: &str, body: Value) -> Answer {
    let path = by.here(&format!("/members/{user}"));
    by.change(method, &path, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_given_by_those_who_may_and_members_leave() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let viewer = platform
        .somebody("viewer@example.com", Some("viewer"))
        .await;
    let (of_owner, of_admin, of_viewer) =
        (user(&owner).await, user(&admin).await, user(&viewer).await);

    let listed = viewer
        .get(&viewer.here("/members"))
        .await
        .expect(200)
        .json();
    let roles: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["role"])
        .collect();
    assert_eq!(roles, ["owner", "admin", "viewer"]);

    let promoted = change(
        &admin,
        Method::PATCH,
        &of_viewer,
        json!({ "role": "developer" }),
    )
    .await;
    assert_eq!(promoted.expect(200).json()["role"], "developer");
    viewer.create_function("mine").await;
    for (by, on, role) in [
        (&viewer, &of_viewer, "admin"),
        (&admin, &of_viewer, "owner"),
        (&admin, &of_owner, "viewer"),
    ] {
        let refused = change(by, Method::PATCH, on, json!({ "role": role })).await;
        assert_eq!(refused.status, 403, "{refused}");
    }
    let removed = change(&viewer, Method::DELETE, &of_admin, Value::Null).await;
    assert_eq!(removed.status, 403, "{removed}");

    change(&viewer, Method::DELETE, &of_viewer, Value::Null)
        .await
        .expect(204);
    assert_eq!(viewer.get(&viewer.here("")).await.status, 404);
    change(&owner, Method::DELETE, &of_admin, Value::Null)
        .await
        .expect(204);
    let last = change(&owner, Method::DELETE, &of_owner, Value::Null).await;
    assert_eq!((last.status, last.code().as_str()), (409, "conflict"));
    let demoted = change(&owner, Method::PATCH, &of_owner, json!({ "role": "admin" })).await;
    assert_eq!((demoted.status, demoted.code().as_str()), (409, "conflict"));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_who_leave_at_once_one_stays() {
    let platform = TestPlatform::start().await;
    let one = platform.operator().await;
    let other = platform.somebody("other@example.com", Some("owner")).await;
    let (of_one, of_other) = (user(&one).await, user(&other).await);
    let (first, second) = tokio::join!(
        change(&one, Method::DELETE, &of_one, Value::Null),
        change(&other, Method::DELETE, &of_other, Value::Null),
    );
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409]);
    platform.stop().await;
}

//! The second belt: row-level security, for the day that a query forgets its tenant.

use sqlx::{AssertSqlSafe, Executor};

use crate::harness::{TestPlatform, cluster, guests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_tenant_set_not_a_row_of_any_tenant_is_seen() {
    let platform = TestPlatform::start().await;
    platform
        .operator()
        .await
        .publish("hello", guests::prebuilt("hello-v1"))
        .await;

    let mut database = cluster::connect(&platform.database_url).await;
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "select c.relname::text, c.relrowsecurity and c.relforcerowsecurity
           from pg_class c
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
            and (c.relname = 'tenant' or exists (
                  select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped))
          order by 1",
    )
    .fetch_all(&mut database)
    .await
    .expect("the catalogue is readable");
    assert!(tables.len() >= 7, "{tables:?}");

    let mut filled = Vec::new();
    for (table, forced) in tables {
        assert!(forced, "{table} has no forced row-level security");
        let count = format!("select count(*) from {table}");
        let all: i64 = sqlx::query_scalar(AssertSqlSafe(count.clone()))
            .fetch_one(&mut database)
            .await
            .expect(&table);
        database
            .execute("set role atoll_app")
            .await
            .expect("the application's role exists");
        let may_read: bool = sqlx::query_scalar("select has_table_privilege($1, 'select')")
            .bind(&table)
            .fetch_one(&mut database)
            .await
            .expect(&table);
        if may_read {
            let seen: i64 = sqlx::query_scalar(AssertSqlSafe(count))
                .fetch_one(&mut database)
                .await
                .expect(&table);
            assert_eq!(seen, 0, "{table} shows rows where no tenant is set");
            filled.extend((all > 0).then_some(table));
        }
        database
            .execute("reset role")
            .await
            .expect("the role can be given back");
    }
    // A table without a row proves nothing.
    for table in [
        "audit_event",
        "deployment",
        "function",
        "member",
        "operation",
        "tenant",
        "version",
    ] {
        assert!(
            filled.iter().any(|name| name == table),
            "{table} was empty: {filled:?}"
        );
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_application_neither_owns_its_tables_nor_bypasses_their_policies() {
    let platform = TestPlatform::start().await;
    let mut database = cluster::connect(&platform.database_url).await;
    let powers: (bool, bool, i64) = sqlx::query_as(
        "select rolsuper, rolbypassrls, (select count(*) from pg_class where relowner = r.oid)
           from pg_roles r where rolname = 'atoll_app'",
    )
    .fetch_one(&mut database)
    .await
    .expect("the role exists");
    assert_eq!(powers, (false, false, 0));
    platform.stop().await;
}

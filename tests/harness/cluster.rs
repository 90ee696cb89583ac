//! One Postgres cluster for a run, a database of its own for each scenario.
//!
//! A fresh database is a clone of a template that was migrated once: milliseconds instead of the
//! migrations' second.

use sqlx::{Connection, Executor, PgConnection};
use url::Url;

/// Names the cluster: the URL of a superuser. `make test` starts one and sets it.
const VARIABLE: &str = "ATOLL_TEST_DATABASE_URL";

/// Makes an empty, migrated database and answers its URL.
pub(crate) async fn database() -> String {
    let cluster = cluster();
    let mut connection = connect(&cluster).await;
    // One scenario at a time makes the template or clones it: Postgres refuses to clone a
    // database that somebody is connected to.
    connection
        .execute("select pg_advisory_lock(7081915)")
        .await
        .expect("the lock is granted");
    let template = format!("atoll_template_{:08x}", migrations_hash());
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
            .bind(&template)
            .fetch_one(&mut connection)
            .await
            .expect("pg_database is readable");
    if !exists {
        let raw = format!("{template}_raw");
        run(&mut connection, format!("drop database if exists {raw}")).await;
        run(&mut connection, format!("create database {raw}")).await;
        let database =
            store::Db::open(with_database(&cluster, &raw).as_str(), 1).expect("the URL is valid");
        database.migrate().await.expect("the migrations apply");
        database.close().await;
        // Only a finished template gets the name that is looked for.
        run(
            &mut connection,
            format!("alter database {raw} rename to {template}"),
        )
        .await;
    }
    let name = format!(
        "atoll_test_{}",
        domain::RequestId::generate().uuid().simple()
    );
    run(
        &mut connection,
        format!("create database {name} template {template}"),
    )
    .await;
    connection.close().await.expect("the connection closes");
    with_database(&cluster, &name).into()
}

/// A superuser's connection to a scenario's database, for what a person cannot do by the API.
pub(crate) async fn connect(url: &Url) -> PgConnection {
    PgConnection::connect(url.as_str())
        .await
        .unwrap_or_else(|error| {
            panic!("{url} is not reachable ({error}): run `make test`, or set {VARIABLE}")
        })
}

async fn run(connection: &mut PgConnection, statement: String) {
    connection
        .execute(sqlx::AssertSqlSafe(statement.clone()))
        .await
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

fn cluster() -> Url {
    let url = std::env::var(VARIABLE).unwrap_or_else(|_| {
        panic!("set {VARIABLE} to a superuser's URL of a Postgres cluster, or run `make test`")
    });
    url.parse()
        .unwrap_or_else(|error| panic!("{VARIABLE}: {error}"))
}

fn with_database(cluster: &Url, name: &str) -> Url {
    let mut url = cluster.clone();
    url.set_path(name);
    url
}

/// Changed migrations make another template, whatever an earlier run left in the cluster.
fn migrations_hash() -> u32 {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("migrations/ exists")
        .map(|entry| entry.expect("it lists").path())
        .collect();
    files.sort();
    let all: Vec<u8> = files
        .iter()
        .flat_map(|file| std::fs::read(file).expect("a migration is readable"))
        .collect();
    let digest = domain::Digest::of(&all);
    u32::from_be_bytes(
        digest.as_bytes()[..4]
            .try_into()
            .expect("four bytes are four bytes"),
    )
}

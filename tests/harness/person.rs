//! Somebody at work in a tenant, by the REST API with an access token.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, TestPlatform};

/// Longer than any operation may take; a scenario that meets it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Person<'a> {
    pub(crate) platform: &'a TestPlatform,
    pub(crate) token: String,
    pub(crate) tenant: String,
}

impl Person<'_> {
    /// `path` is below `/v1`.
    pub(crate) async fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.platform
            .http
            .request(method, self.platform.api_url(&format!("/v1{path}")))
            .bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).await).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).await.json(&body))
            .await
    }

    /// With the `If-Match` of what is there.
    pub(crate) async fn change(&self, method: Method, path: &str, body: Value) -> Answer {
        let etag = self.get(path).await.header("etag").to_owned();
        let request = self.request(method, path).await.header("if-match", etag);
        self.send(request.json(&body)).await
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the API server answers");
        Answer::read(response)
            .await
            .expect("the API server's answer is whole")
    }

    /// A path below the person's tenant.
    pub(crate) fn here(&self, path: &str) -> String {
        format!("/tenants/{}{path}", self.tenant)
    }

    /// The same person, by a personal token with these scopes.
    pub(crate) async fn with_own_token(&self, scopes: &[&str]) -> Self {
        let asked = json!({ "name": "a token", "scopes": scopes });
        let told = self.post("/tokens", asked).await.expect(201).json();
        self.presenting(&told["secret"])
    }

    /// Whoever holds a new token of the tenant.
    pub(crate) async fn with_tenant_token(&self, asked: Value) -> Self {
        let told = self.post(&self.here("/tokens"), asked).await;
        self.presenting(&told.expect(201).json()["secret"])
    }

    pub(crate) fn presenting(&self, secret: &Value) -> Self {
        Self {
            platform: self.platform,
            token: secret.as_str().expect("a secret is told").to_owned(),
            tenant: self.tenant.clone(),
        }
    }

    pub(crate) async fn create_function(&self, name: &str) -> Value {
        self.post(&self.here("/functions"), json!({ "name": name }))
            .await
            .expect(201)
            .json()
    }

    pub(crate) async fn upload(&self, module: Vec<u8>) -> Answer {
        let request = self.request(Method::POST, &self.here("/uploads")).await;
        self.send(
            request
                .header("content-type", "application/wasm")
                .body(module),
        )
        .await
    }

    /// Makes a version of the module and answers its number, without waiting for its compilation.
    pub(crate) async fn create_version(&self, function: &str, module: Vec<u8>) -> u64 {
        let request = self
            .request(
                Method::POST,
                &self.here(&format!("/functions/{function}/versions")),
            )
            .await;
        let answer = self
            .send(
                request
                    .header("content-type", "application/wasm")
                    .body(module),
            )
            .await;
        assert!(matches!(answer.status, 200 | 201), "{answer}");
        answer.json()["number"]
            .as_u64()
            .expect("a version has a number")
    }

    /// Waits until the version is compiled or failed.
    pub(crate) async fn compiled(&self, function: &str, number: u64) -> Value {
        self.poll(
            &self.here(&format!("/functions/{function}/versions/{number}")),
            |version| version["state"] != "compiling",
        )
        .await
    }

    /// Deploys a version and waits for the operation's end.
    pub(crate) async fn deploy(&self, function: &str, number: u64) -> Value {
        let traffic = json!({ "traffic": [{ "version": number, "percent": 100 }] });
        let accepted = self
            .post(
                &self.here(&format!("/functions/{function}/deployments")),
                traffic,
            )
            .await;
        self.finished(accepted).await
    }

    pub(crate) async fn roll_back(&self, function: &str) -> Value {
        let accepted = self
            .post(
                &self.here(&format!("/functions/{function}/rollback")),
                json!({}),
            )
            .await;
        self.finished(accepted).await
    }

    /// Follows the `Location` of a 202 to the operation's end.
    pub(crate) async fn finished(&self, accepted: Answer) -> Value {
        let accepted = accepted.expect(202);
        let location = accepted.header("location");
        let path = location
            .split_once("/v1")
            .map_or(location, |(_, path)| path);
        self.done(path).await
    }

    /// An operation, once it has ended.
    pub(crate) async fn done(&self, path: &str) -> Value {
        self.poll(path, |operation| {
            matches!(operation["state"].as_str(), Some("succeeded" | "failed"))
        })
        .await
    }

    /// A new function `name` whose first version is live.
    pub(crate) async fn publish(&self, name: &str, module: Vec<u8>) {
        self.create_function(name).await;
        let number = self.create_version(name, module).await;
        let operation = self.deploy(name, number).await;
        assert_eq!(operation["state"], "succeeded", "{operation:#}");
    }

    pub(crate) async fn call(&self, path: &str) -> Answer {
        self.platform.call(&self.tenant, path).await
    }

    async fn poll(&self, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let value = self.get(path).await.expect(200).json();
            if done(&value) {
                return value;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "still not done after {PATIENCE:?}: {value:#}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

//! A worker that runs nothing: it joins as one does, and tells what a scenario makes up.

use domain::{
    FunctionId, NodeId, RequestId, TenantId, Timestamp,
    feed::{Demand, Heartbeat, Join, Joined},
    telemetry::{Batch, Counter, InvocationRecord, LogLine, LogStream},
};
use serde_json::Value;

use super::{Answer, TestPlatform, platform::JOIN_TOKEN};

pub(crate) struct FakeWorker<'a> {
    platform: &'a TestPlatform,
    token: String,
    tenant: TenantId,
    function: FunctionId,
    now: Timestamp,
}

impl<'a> FakeWorker<'a> {
    /// `function` is the API's view of what it says to have run.
    pub(crate) async fn join(
        platform: &'a TestPlatform,
        tenant: &Value,
        function: &Value,
    ) -> FakeWorker<'a> {
        let join = Join {
            // A node of the same name and URL would be the same one, started again.
            name: format!("made-up-{}", NodeId::generate()),
            engine_tag: engine::TAG.to_owned(),
            internal_url: "http://127.0.0.1:1".to_owned(),
            features: Vec::new(),
        };
        let request = platform.http.post(platform.api_url("/internal/v1/join"));
        let answer = platform.answer(request.bearer_auth(JOIN_TOKEN).json(&join));
        let joined: Joined =
            serde_json::from_value(answer.await.expect(201).json()).expect("it is a Joined");
        let id = |value: &Value| value["id"].as_str().expect("it has an id").to_owned();
        Self {
            platform,
            token: joined.token,
            tenant: id(tenant).parse().expect("it is of a tenant"),
            function: id(function).parse().expect("it is of a function"),
            now: platform.platform.clock.now(),
        }
    }

    pub(crate) async fn send(&self, batch: &Batch) -> Answer {
        self.send_raw(&serde_json::to_value(batch).expect("a batch is JSON"))
            .await
    }

    pub(crate) async fn send_raw(&self, batch: &Value) -> Answer {
        let url = self.platform.api_url("/internal/v1/telemetry");
        let request = self.platform.http.post(url).bearer_auth(&self.token);
        self.platform.answer(request.json(batch)).await
    }

    /// Says that it lives, and how many requests it had for its function and its tenant.
    pub(crate) async fn heartbeat(&self, requests: u64, draining: bool) -> Answer {
        let demand = Demand {
            functions: [(self.function, requests)].into(),
            tenants: [(self.tenant, 10 * requests)].into(),
        };
        self.say(&demand, draining).await
    }

    pub(crate) async fn say(&self, demand: &Demand, draining: bool) -> Answer {
        let beat = Heartbeat {
            applied: None,
            failed: Vec::new(),
            refused: None,
            draining,
            in_flight: 0,
            demand: demand.clone(),
        };
        let url = self.platform.api_url("/internal/v1/heartbeat");
        let request = self.platform.http.post(url).bearer_auth(&self.token);
        self.platform.answer(request.json(&beat)).await
    }

    /// Says how long a batch is, and sends nothing of it: what is too long is refused before it is read.
    pub(crate) async fn announce(&self, bytes: usize) -> Answer {
        let nothing = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        let url = self.platform.api_url("/internal/v1/telemetry");
        let request = self.platform.http.post(url).bearer_auth(&self.token);
        let request = request
            .header("content-type", "application/json")
            .header("content-length", bytes)
            .body(reqwest::Body::wrap_stream(nothing));
        self.platform.answer(request).await
    }

    pub(crate) fn counter(&self, outcome: &str, class: u8, invocations: u64) -> Counter {
        let mut wall_buckets = vec![0; Counter::BUCKETS];
        // All within 2 to 5 ms.
        wall_buckets[2] = invocations;
        Counter {
            tenant: self.tenant,
            function: self.function,
            version: Some(1),
            outcome: outcome.to_owned(),
            status_class: class,
            minute: self.now,
            invocations,
            cpu_us: 1_000 * invocations,
            wall_us: 3_000 * invocations,
            request_bytes: 10 * invocations,
            response_bytes: 20 * invocations,
            outbound_requests: 0,
            peak_memory_bytes: 1 << 20,
            wall_buckets,
        }
    }

    /// One that ended well, so many seconds ago.
    pub(crate) fn record(&self, seconds_ago: u64) -> InvocationRecord {
        InvocationRecord {
            id: RequestId::generate(),
            tenant: self.tenant,
            function: self.function,
            version: Some(1),
            started_at: self.ago(seconds_ago),
            outcome: "responded".to_owned(),
            party: String::new(),
            detail: String::new(),
            status: Some(200),
            method: "GET".to_owned(),
            path: "/items".to_owned(),
            queued_us: 0,
            wall_us: 3_000,
            cpu_us: 1_000,
            peak_memory_bytes: 1 << 20,
            request_bytes: 10,
            response_bytes: 20,
            outbound_requests: 0,
            cold: false,
        }
    }

    /// One that the guest's trap ended.
    pub(crate) fn trapped(&self, seconds_ago: u64) -> InvocationRecord {
        InvocationRecord {
            outcome: "function_trapped".to_owned(),
            party: "guest".to_owned(),
            detail: "wasm `unreachable` instruction executed".to_owned(),
            status: Some(502),
            method: "POST".to_owned(),
            ..self.record(seconds_ago)
        }
    }

    pub(crate) fn line(&self, of: &InvocationRecord, number: u32, text: &str) -> LogLine {
        LogLine {
            tenant: of.tenant,
            function: of.function,
            version: of.version.unwrap_or_default(),
            request: of.id,
            number,
            at: of.started_at,
            stream: LogStream::Stdout,
            level: "info".to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn ago(&self, seconds: u64) -> Timestamp {
        self.now - std::time::Duration::from_secs(seconds)
    }
}

/// The first of a new source.
pub(crate) fn batch() -> Batch {
    Batch {
        source: NodeId::generate().uuid(),
        sequence: 1,
        counters: Vec::new(),
        invocations: Vec::new(),
        lines: Vec::new(),
        invocations_dropped: 0,
        lines_dropped: 0,
    }
}

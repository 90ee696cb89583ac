//! Versions that the compiler gives up on: the tenant is told why, and nobody else notices.

use engine::jail::Limits;
use serde_json::Value;

use crate::harness::{TestPlatform, guests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compile_that_takes_too_much_fails_its_version_and_leaves_the_server_unmoved() {
    let limits = Limits {
        cpu_seconds: 1,
        ..Limits::COMPILE
    };
    let slow = told(limits, guests::slow_to_compile(2_000, 100)).await;
    assert!(slow.contains("CPU"), "{slow}");

    let limits = Limits {
        address_space_bytes: 384 << 20,
        ..Limits::COMPILE
    };
    let hungry = told(limits, guests::hungry_to_compile(5_000, 5_000)).await;
    assert!(hungry.contains("memory"), "{hungry}");

    let limits = Limits {
        wall_seconds: 1,
        ..Limits::COMPILE
    };
    let long = told(limits, guests::slow_to_compile(2_000, 100)).await;
    assert!(long.contains("1 s"), "{long}");
}

/// Why the version failed, on a platform where another goes live before and after it.
async fn told(limits: Limits, module: Vec<u8>) -> String {
    let platform = TestPlatform::start_with(|config| config.compile_limits = limits).await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;

    let number = owner.create_version("hello", module).await;
    let failed = owner.deploy("hello", number).await;
    assert_eq!(failed["state"], "failed", "{failed:#}");
    let version = owner.compiled("hello", number).await;
    assert_eq!(version["state"], Value::from("failed"), "{version:#}");
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");

    let next = owner
        .create_version("hello", guests::prebuilt("hello-v2"))
        .await;
    assert_eq!(owner.deploy("hello", next).await["state"], "succeeded");
    platform.stop().await;
    version["error"].as_str().unwrap_or_default().to_owned()
}

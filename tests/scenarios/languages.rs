//! Functions in languages whose engine comes along: large to upload and slow to compile, and otherwise like any other.

use std::{process::Command, time::Duration};

use serde_json::json;

use crate::harness::{Answer, Person, TestPlatform};

/// Alone on a core a compile takes 20 s.
const COMPILED_WITHIN: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_runs_unmodified() {
    answers_as_its_readme_says("javascript", "hello from JavaScript\n").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_runs_unmodified() {
    answers_as_its_readme_says("python", "hello from Python\n").await;
}

async fn answers_as_its_readme_says(language: &str, hello: &str) {
    let module = example(language);
    let platform = TestPlatform::start_with(|config| config.upload_max_bytes = 32 << 20).await;
    let owner = platform.operator().await;
    publish(&owner, language, module).await;

    let answer = owner.call(&format!("/{language}")).await.expect(200);
    assert_eq!(answer.text(), hello);
    let sum = async |body: &str| -> Answer {
        let url = platform.function_url("acme", &format!("/{language}/sum"));
        platform
            .answer(platform.http.post(url).body(body.to_owned()))
            .await
    };
    let answer = sum(r#"{"numbers": [1, 2, 3.5]}"#).await.expect(200);
    assert_eq!(answer.json(), json!({ "sum": 6.5 }));
    // Larger than what one read of a guest gets.
    let many = format!(r#"{{"numbers": [1{}]}}"#, ", 1".repeat(99_999));
    let answer = sum(&many).await.expect(200);
    assert_eq!(answer.json()["sum"].as_f64(), Some(100_000.0));
    let answer = sum("nothing of the kind").await.expect(400);
    assert_eq!(answer.header("x-atoll-error"), "", "it is its own answer");
    owner
        .call(&format!("/{language}/nowhere"))
        .await
        .expect(404);
    platform.stop().await;
}

async fn publish(owner: &Person<'_>, name: &str, module: Vec<u8>) {
    owner.create_function(name).await;
    let number = owner.create_version(name, module).await;
    let path = owner.here(&format!("/functions/{name}/versions/{number}"));
    let compiled = async {
        loop {
            let version = owner.get(&path).await.expect(200).json();
            if version["state"] != "compiling" {
                return version;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let version = tokio::time::timeout(COMPILED_WITHIN, compiled).await;
    let version = version.expect("it is compiled within minutes");
    assert_eq!(version["state"], "ready", "{version:#}");
    let operation = owner.deploy(name, number).await;
    assert_eq!(operation["state"], "succeeded", "{operation:#}");
}

/// `app.wasm` of an example, built by its own commands unless it was before.
fn example(language: &str) -> Vec<u8> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/setup-guests");
    let output = Command::new(script)
        .arg(language)
        .output()
        .unwrap_or_else(|error| panic!("{script}: {error}"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

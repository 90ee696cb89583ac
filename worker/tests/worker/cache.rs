//! What a worker keeps of versions, on disk and in memory, and what it does when that is damaged.

use std::{fs, path::PathBuf};

use crate::stage::{Stage, acme, function};

fn artifacts(folder: &tempfile::TempDir) -> Vec<PathBuf> {
    let engines = fs::read_dir(folder.path().join("cache/artifacts")).unwrap();
    let files = engines.flat_map(|engine| fs::read_dir(engine.unwrap().path()).unwrap());
    files.map(|file| file.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_unloaded_for_another_is_loaded_again() {
    let functions = vec![
        function("hello", "hello-v1"),
        function("second", "hello-v2"),
    ];
    let stage = Stage::start_with(vec![acme(functions)], |config| {
        config.cache_limits.loaded_functions = 1;
    })
    .await;
    for _ in 0..2 {
        assert_eq!(stage.told("/hello").await, "200 hello from v1");
        assert_eq!(stage.told("/second").await, "200 hello from v2");
    }
    // Only one of them is in memory, and that is the last.
    fs::remove_dir_all(stage.folder.path().join("blobs/artifacts")).unwrap();
    artifacts(&stage.folder)
        .iter()
        .for_each(|file| fs::remove_file(file).unwrap());
    assert_eq!(stage.told("/second").await, "200 hello from v2");
    assert_eq!(stage.told("/hello").await, "503 artifact_unavailable");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_the_cache_is_fetched_again_and_never_loaded() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    let file = artifacts(&stage.folder).remove(0);
    let whole = fs::read(&file).unwrap();
    let stage = stage
        .restart(|_| {
            let mut damaged = whole.clone();
            damaged[whole.len() / 2] ^= 1;
            fs::write(&file, damaged).unwrap();
        })
        .await;
    stage.worker.ready().await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    assert_eq!(fs::read(&file).unwrap(), whole);
    stage.worker.shutdown().await;
}

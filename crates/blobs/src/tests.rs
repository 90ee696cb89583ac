//! The scenarios of a store, on a folder. The same run on an S3 server in the scenario tests.

use std::io::Write as _;

use super::*;

fn folder() -> (tempfile::TempDir, Blobs) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = Url::from_directory_path(folder.path().join("made/on/open")).expect("a URL");
    let blobs = Blobs::open(&url).expect("a store");
    (folder, blobs)
}

fn artifact() -> BlobKey {
    BlobKey::Artifact {
        engine_tag: "tag".to_owned(),
        module: Digest::of(b"module"),
    }
}

#[tokio::test]
async fn what_was_put_is_read_back_and_listed_and_can_be_deleted() {
    let (_folder, blobs) = folder();
    let digest = Digest::of(b"bytes");
    let key = BlobKey::Module(digest);
    blobs.probe().await.expect("an empty store answers");
    assert!(!blobs.exists(&key).await.expect("look"));

    assert_eq!(
        blobs.put(&key, "bytes".into()).await.expect("put"),
        Put::Stored
    );
    blobs.put(&artifact(), "native".into()).await.expect("put");
    assert_eq!(blobs.get_bytes(&key, 5).await.expect("get"), "bytes");
    let modules: Vec<_> = blobs.modules().try_collect().await.expect("list");
    assert_eq!(modules.len(), 1, "an artifact is no module");
    assert_eq!((modules[0].digest, modules[0].bytes), (digest, 5));

    blobs.delete(&key).await.expect("delete");
    blobs.delete(&key).await.expect("delete again");
    let gone = blobs.get_bytes(&key, 5).await.expect_err("gone");
    assert!(gone.is_not_found(), "{gone}");
}

#[tokio::test]
async fn a_put_never_overwrites() {
    let (_folder, blobs) = folder();
    blobs.put(&artifact(), "first".into()).await.expect("put");
    let second = blobs.put(&artifact(), "second".into()).await.expect("put");
    assert_eq!(second, Put::AlreadyThere);
    assert_eq!(
        blobs.get_bytes(&artifact(), 100).await.expect("get"),
        "first"
    );
}

#[tokio::test]
async fn a_large_file_travels_in_parts() {
    let (_folder, blobs) = folder();
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    let bytes = vec![7; 2 * PART_BYTES + 1];
    file.write_all(&bytes).expect("write");
    let key = BlobKey::Module(Digest::of(&bytes));

    assert_eq!(
        blobs.put_file(&key, file.path()).await.expect("put"),
        Put::Stored
    );
    assert_eq!(
        blobs.put_file(&key, file.path()).await.expect("put"),
        Put::AlreadyThere
    );
    let back = blobs.get_bytes(&key, bytes.len() as u64).await;
    assert!(back.expect("get") == bytes, "the bytes came back changed");
    let refused = blobs.get_bytes(&key, 10).await.expect_err("too large");
    assert!(matches!(refused, Error::TooLarge { limit: 10, .. }));
}

#[tokio::test]
async fn a_folder_that_went_away_is_not_an_empty_store() {
    let (folder, blobs) = folder();
    blobs.put(&artifact(), "native".into()).await.expect("put");
    std::fs::rename(
        folder.path().join("made/on/open"),
        folder.path().join("away"),
    )
    .expect("rename");

    let errors = [
        blobs.probe().await.expect_err("probe"),
        blobs.get_bytes(&artifact(), 100).await.expect_err("get"),
        blobs
            .put(&artifact(), "native".into())
            .await
            .expect_err("put"),
    ];
    for error in errors {
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    }
    std::fs::rename(
        folder.path().join("away"),
        folder.path().join("made/on/open"),
    )
    .expect("rename");
    blobs.probe().await.expect("it is back, without a restart");
}

#[tokio::test]
async fn a_server_that_is_away_is_told_of_within_seconds() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A port that was free a moment ago: nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let url = format!("s3://bucket?endpoint=http://127.0.0.1:{port}&region=local");
    let (store, folder) = open::open(&url.parse().expect("a URL")).expect("a store");
    let blobs = Blobs {
        store,
        folder,
        no_conditional_put: Arc::default(),
    };
    let started = std::time::Instant::now();
    let error = blobs.probe().await.expect_err("nobody answers");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    let error = blobs.exists(&artifact()).await.expect_err("nobody answers");
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "took {:?}",
        started.elapsed()
    );
}

//! From a URL to a store: a folder of this machine, or a bucket of an S3 server.

use std::{path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    local::LocalFileSystem,
    prefix::PrefixStore,
};
use url::Url;

use crate::Error;

/// A store, and the folder it is where it is one.
pub(crate) type Opened = (Arc<dyn ObjectStore>, Option<PathBuf>);

pub(crate) fn open(url: &Url) -> Result<Opened, Error> {
    match url.scheme() {
        "file" => folder(url),
        "s3" => bucket(url),
        other => Err(Error::Url(format!(
            "its scheme is `{other}`; use file:///folder or s3://bucket?endpoint=…&region=…"
        ))),
    }
}

fn folder(url: &Url) -> Result<Opened, Error> {
    let folder = url.to_file_path().map_err(|()| {
        Error::Url("a folder is named by its whole path, as in file:///var/lib/atoll/blobs".into())
    })?;
    let unusable =
        |reason: String| Error::Url(format!("the folder {}: {reason}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(|error| unusable(error.to_string()))?;
    // The row that names a blob is durable once written, so the blob must be so before.
    let store = LocalFileSystem::new_with_prefix(&folder)
        .map_err(|error| unusable(error.to_string()))?
        .with_fsync(true);
    Ok((Arc::new(store), Some(folder)))
}

fn bucket(url: &Url) -> Result<Opened, Error> {
    let name = url
        .host_str()
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::Url("it names no bucket; use s3://bucket?endpoint=…".into()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::Url(
            "credentials do not belong in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                .into(),
        ));
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(name)
        .with_retry(retries())
        // Amazon wants the bucket in the host name, every other server takes it in the path.
        .with_virtual_hosted_style_request(true);
    let mut plain_http = false;
    for (key, value) in url.query_pairs() {
        builder = match key.as_ref() {
            "endpoint" => {
                plain_http = value.starts_with("http://");
                // The option that would win over any other, from wherever it comes.
                builder
                    .with_config(AmazonS3ConfigKey::S3Endpoint, value)
                    .with_virtual_hosted_style_request(false)
            }
            "region" => builder.with_region(value),
            other => {
                return Err(Error::Url(format!(
                    "it has the parameter `{other}`; `endpoint` and `region` are known"
                )));
            }
        };
    }
    let store = builder
        .with_client_options(client(plain_http))
        .build()
        .map_err(|error| Error::Url(error.to_string()))?;
    let prefix = url.path().trim_matches('/');
    if prefix.is_empty() {
        return Ok((Arc::new(store), None));
    }
    Ok((Arc::new(PrefixStore::new(store, prefix)), None))
}

/// A server that is away is told of within seconds: the request that needed it answers 503, and
/// whoever can wait asks again.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.,
        },
        max_retries: 2,
        retry_timeout: Duration::from_secs(3),
    }
}

fn client(plain_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(plain_http)
        .with_connect_timeout(Duration::from_secs(2))
        // Between two reads; the whole of a large object may take longer on a slow line.
        .with_read_timeout(Duration::from_secs(10))
        .with_timeout(Duration::from_secs(300))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_can_never_work_says_what_to_write_instead() {
        for (url, hint) in [
            ("ftp://store/x", "s3://bucket"),
            ("s3://?endpoint=http://127.0.0.1:1", "names no bucket"),
            ("s3://bucket?bucket=b", "`endpoint` and `region`"),
            ("s3://key:secret@bucket", "AWS_ACCESS_KEY_ID"),
            ("file:///proc/nowhere", "/proc/nowhere"),
        ] {
            let error = open(&url.parse().expect("a URL")).expect_err(url);
            let text = error.to_string();
            assert!(text.contains(hint), "{url}: {text}");
            assert!(!text.contains("secret@"), "{url}: {text}");
        }
    }
}

//! Cold starts: the first request to a function whose code is in the object store, on disk, in memory.

use std::{path::Path, time::Duration};

use blobs::{BlobKey, Blobs};
use domain::snapshot::TenantEntry;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{net::TcpListener, runtime::Handle};
use url::Url;

use crate::{
    bars::Bar,
    feed::Feed,
    guests::Compiled,
    report::Section,
    settings::Settings,
    table::{Spread, milliseconds},
    worker_node::{Node, function, tenant},
};

/// Each is one function, started once.
const STARTS: usize = 25;
const BUCKET: &str = "bench";
const TENANT: &str = "cold";

pub(crate) fn measure(settings: &Settings) -> anyhow::Result<Section> {
    let mut text = "| guest | artifact MB | from S3, ms | from disk, ms | in memory, ms |\n\
                    |---|--:|--:|--:|--:|\n"
        .to_owned();
    let mut bars = Vec::new();
    for guest in ["hello-v1", "hello-p3", "javascript"] {
        let compiled = Compiled::of(settings, guest)?;
        let megabytes = compiled.bytes.len() as f64 / 1e6;
        let [from_s3, from_disk, in_memory] = starts(&compiled)?;
        text += &format!(
            "| {guest} | {megabytes:.1} | {} | {} | {} |\n",
            from_s3.told(2),
            from_disk.told(2),
            in_memory.told(2)
        );
        if guest != "javascript" {
            bars.push(Bar::at_most(
                format!("{guest} from disk, ms"),
                from_disk.median,
                5.0,
            ));
            bars.push(Bar::at_most(
                format!("{guest} from S3, ms"),
                from_s3.median,
                20.0,
            ));
        }
    }
    text += &format!(
        "\nThe first request to each of {STARTS} functions with a module of their own, over a connection that is \
         open already. The S3 server is on the same machine and its files are in memory: what a network adds is not in it.\n"
    );
    Ok(Section {
        title: "Cold start".to_owned(),
        text,
        bars,
    })
}

fn starts(guest: &Compiled) -> anyhow::Result<[Spread; 3]> {
    let folder = tempfile::tempdir()?;
    let url = Handle::current().block_on(serve_s3(&folder.path().join("s3")))?;
    let tenant = tenant_of(guest)?;
    Handle::current().block_on(upload(&url, folder.path(), guest, &tenant))?;
    let feed = Feed::start(std::slice::from_ref(&tenant))?;

    let node = Node::start(folder.path(), &feed, &url)?;
    let from_s3 = first_requests(&node)?;
    let in_memory = first_requests(&node)?;
    // Another process, with the cache that the first one left.
    drop(node);
    let node = Node::start(folder.path(), &feed, &url)?;
    let from_disk = first_requests(&node)?;
    Ok([from_s3, from_disk, in_memory].map(|took| Spread::of(&took, |took| milliseconds(*took))))
}

fn tenant_of(guest: &Compiled) -> anyhow::Result<TenantEntry> {
    let functions = (0..=STARTS).map(|number| {
        let name = format!("f{number}").parse()?;
        Ok(function(name, guest, guest.artifact(number)))
    });
    tenant(TENANT, functions.collect::<anyhow::Result<_>>()?)
}

fn first_requests(node: &Node) -> anyhow::Result<Vec<Duration>> {
    let mut client = node.client(TENANT)?;
    // The last function's start opens the connections that are not part of the others'.
    client.get(&format!("/f{STARTS}"))?;
    (0..STARTS)
        .map(|number| client.get(&format!("/f{number}")))
        .collect()
}

/// Through a folder's URL: the S3 server serves what lies in its folder, whoever put it there.
async fn upload(
    url: &str,
    folder: &Path,
    guest: &Compiled,
    tenant: &TenantEntry,
) -> anyhow::Result<()> {
    debug_assert!(url.starts_with("s3://"));
    let bucket = Url::from_directory_path(folder.join("s3").join(BUCKET))
        .map_err(|()| anyhow::anyhow!("a temporary folder's path is absolute"))?;
    let blobs = Blobs::open(&bucket)?;
    let versions = tenant
        .functions
        .iter()
        .flat_map(|function| &function.versions);
    for artifact in versions.flat_map(|version| &version.artifacts) {
        let key = BlobKey::Artifact {
            engine_tag: artifact.engine_tag.clone(),
            module: artifact.module,
        };
        blobs.put(&key, guest.bytes.clone().into()).await?;
    }
    Ok(())
}

/// A real S3 server in this process, signatures included; its URL as a worker takes it.
async fn serve_s3(folder: &Path) -> anyhow::Result<String> {
    std::fs::create_dir_all(folder.join(BUCKET))?;
    let files = s3s_fs::FileSystem::new(folder)
        .map_err(|error| anyhow::anyhow!("the S3 server's folder: {error:?}"))?;
    let mut service = S3ServiceBuilder::new(files);
    service.set_auth(SimpleAuth::from_single("bench", "bench-secret"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Without it, each answer in two pieces waits 40 ms for an acknowledgement.
            let _ = socket.set_nodelay(true);
            let service = service.clone();
            tokio::spawn(async move {
                // A worker that ends closes its connections as it likes.
                let _ = Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), service)
                    .await;
            });
        }
    });
    Ok(format!(
        "s3://{BUCKET}?endpoint=http://{address}&region=us-east-1"
    ))
}

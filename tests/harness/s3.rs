//! A real S3 server, signatures included, over a folder of the scenario.

use std::{net::SocketAddr, path::Path};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

pub(crate) const ACCESS_KEY: &str = "scenario";
pub(crate) const SECRET_KEY: &str = "scenario-secret";
pub(crate) const BUCKET: &str = "atoll";

/// Stops when dropped; may be started again on the same address and folder.
pub(crate) struct S3 {
    pub(crate) address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl S3 {
    pub(crate) async fn start(folder: &Path, address: SocketAddr) -> Self {
        std::fs::create_dir_all(folder.join(BUCKET)).expect("the bucket's folder can be made");
        let files = s3s_fs::FileSystem::new(folder).expect("the folder exists");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = service.build();

        let listener = TcpListener::bind(address)
            .await
            .expect("the address is free");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let accepting = tokio::spawn(async move {
            // Held here, so that its connections end with the server.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                connections.spawn(async move {
                    // A client that goes away is its own affair.
                    let _ = Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Self { address, accepting }
    }

    pub(crate) fn stop(&self) {
        self.accepting.abort();
    }

    pub(crate) fn url(&self) -> String {
        format!(
            "s3://{BUCKET}?endpoint=http://{}&region=us-east-1",
            self.address
        )
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.stop();
    }
}

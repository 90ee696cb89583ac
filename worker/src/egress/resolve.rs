//! From a name to its addresses, once for each connection.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
};

pub type Resolved = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

pub trait Resolve: Send + Sync {
    fn resolve(&self, host: &str) -> Resolved;
}

/// As every program of the machine does it: its hosts file, its name servers.
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> Resolved {
        let host = host.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(addresses.map(|address: SocketAddr| address.ip()).collect())
        })
    }
}

//! The threads of the data plane. Each has a runtime of its own and its own listening sockets, among
//! which the kernel spreads the connections: a request never changes its core.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context as _;
use futures::FutureExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    admission::turns,
    connection::{self, Purpose},
    node::Node,
    sandbox::Sandbox,
};

const BACKLOG: u32 = 1_024;
/// Tasks that run before a thread looks which sockets are ready.
const EVENT_INTERVAL: u32 = 16;
/// Unacknowledged bytes for this long end a connection whose other side is gone or reads nothing.
const UNACKNOWLEDGED_MS: u32 = 60_000;

/// Sockets of one address, one for each thread.
pub(crate) struct Sockets {
    pub(crate) addr: SocketAddr,
    sockets: Vec<std::net::TcpListener>,
}

impl Sockets {
    /// `flag` is what the operator changes when the address cannot be had.
    pub(crate) fn bind(addr: SocketAddr, threads: usize, flag: &str) -> anyhow::Result<Self> {
        let bind = || -> std::io::Result<Self> {
            // Sharing a port is meant for our own threads: another worker that listens is an error.
            let alone = socket(addr, false)?;
            let addr = alone.local_addr()?;
            drop(alone);
            let sockets = (0..threads).map(|_| listen(addr));
            Ok(Self {
                addr,
                sockets: sockets.collect::<Result<_, _>>()?,
            })
        };
        bind()
            .with_context(|| format!("cannot listen on {addr}; choose another address with {flag}"))
    }
}

fn socket(addr: SocketAddr, shared: bool) -> std::io::Result<TcpSocket> {
    let socket = match addr {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn listen(addr: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    socket(addr, true)?.listen(BACKLOG)?.into_std()
}

/// Starts the threads. They end after `stop`, once their connections have.
pub(crate) fn start(
    node: &Arc<Node>,
    sockets: Vec<(Purpose, Sockets)>,
    stop: &CancellationToken,
    abandon: &CancellationToken,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let mut of_threads: Vec<Vec<(Purpose, std::net::TcpListener)>> = Vec::new();
    for (purpose, sockets) in sockets {
        for (index, socket) in sockets.sockets.into_iter().enumerate() {
            if index == of_threads.len() {
                of_threads.push(Vec::new());
            }
            of_threads[index].push((purpose, socket));
        }
    }
    of_threads
        .into_iter()
        .enumerate()
        .map(|(index, sockets)| {
            let (node, stop, abandon) = (Arc::clone(node), stop.clone(), abandon.clone());
            let run = move || {
                Sandbox::enter_thread();
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .event_interval(EVENT_INTERVAL)
                    .build();
                runtime
                    .expect("a runtime at start")
                    .block_on(serve(node, sockets, stop, abandon));
            };
            let name = format!("functions-{index}");
            thread::Builder::new()
                .name(name)
                .spawn(run)
                .context("starting a thread")
        })
        .collect()
}

async fn serve(
    node: Arc<Node>,
    sockets: Vec<(Purpose, std::net::TcpListener)>,
    stop: CancellationToken,
    abandon: CancellationToken,
) {
    let connections = TaskTracker::new();
    let accepting = sockets.into_iter().map(|(purpose, socket)| {
        let listener = TcpListener::from_std(socket).expect("a socket of this process");
        accept(purpose, listener, &node, &connections, &stop)
    });
    let pressure = Arc::clone(&node.admission.pressure);
    let watched = tokio::spawn(async move { pressure.watch_thread().await });
    let giving_turns = tokio::spawn(turns::give());
    futures::future::join_all(accepting).await;
    connections.close();
    tokio::select! {
        () = connections.wait() => {}
        () = abandon.cancelled() => {}
    }
    watched.abort();
    giving_turns.abort();
}

async fn accept(
    purpose: Purpose,
    listener: TcpListener,
    node: &Arc<Node>,
    connections: &TaskTracker,
    stop: &CancellationToken,
) {
    let take = |(stream, client): (TcpStream, SocketAddr)| {
        let Ok(permit) = Arc::clone(&node.connections).try_acquire_owned() else {
            return;
        };
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS);
        let serving = connection::serve(purpose, Arc::clone(node), stream, client, stop.clone());
        connections.spawn(async move {
            serving.await;
            drop(permit);
        });
    };
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok(accepted) => take(accepted),
            Err(error) => {
                // Out of descriptors, most likely: wait for some to come back.
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Those that were waiting when the end came would be reset with the socket.
    for _ in 0..BACKLOG {
        match listener.accept().now_or_never() {
            Some(Ok(accepted)) => take(accepted),
            _ => break,
        }
    }
}

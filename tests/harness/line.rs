//! A line to a server that a scenario can cut and mend: what a network does at its worst moment.

use std::{net::SocketAddr, path::PathBuf};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
};
use url::Url;

#[derive(Clone)]
enum End {
    Tcp(String),
    Unix(PathBuf),
}

pub(crate) struct Line {
    pub(crate) address: SocketAddr,
    whole: watch::Sender<bool>,
}

impl Line {
    /// To the Postgres that `url` names; [`Line::through`] gives the URL that takes the line.
    pub(crate) async fn to_postgres(url: &Url) -> Self {
        let socket = url
            .query_pairs()
            .find(|(key, _)| key == "host")
            .map(|(_, folder)| folder.into_owned());
        let end = match socket {
            Some(folder) => End::Unix(
                PathBuf::from(folder).join(format!(".s.PGSQL.{}", url.port().unwrap_or(5432))),
            ),
            None => End::Tcp(format!(
                "{}:{}",
                url.host_str().expect("a host"),
                url.port().unwrap_or(5432)
            )),
        };
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound listener has an address");
        let (whole, watched) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, end.clone(), watched.clone()));
            }
        });
        Self { address, whole }
    }

    pub(crate) fn through(&self, url: &Url) -> Url {
        let mut through = url.clone();
        through.set_query(None);
        through
            .set_host(Some("127.0.0.1"))
            .expect("a URL with a host");
        through
            .set_port(Some(self.address.port()))
            .expect("a URL with a port");
        through
    }

    /// Ends every connection, and each new one as soon as it is made.
    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn carry(near: TcpStream, end: End, mut whole: watch::Receiver<bool>) {
    if !*whole.borrow() {
        return;
    }
    let passing = async {
        match end {
            End::Tcp(address) => pass(near, TcpStream::connect(address).await?).await,
            End::Unix(path) => pass(near, UnixStream::connect(path).await?).await,
        }
    };
    tokio::select! {
        // However it ended, the two ends have noticed.
        _ = passing => {}
        _ = whole.wait_for(|whole| !whole) => {}
    }
}

async fn pass(
    mut near: TcpStream,
    mut far: impl AsyncRead + AsyncWrite + Unpin,
) -> std::io::Result<()> {
    copy_bidirectional(&mut near, &mut far).await.map(|_| ())
}

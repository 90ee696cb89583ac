//! A mail server that takes every mail and shows it to the scenario.

use std::sync::{Arc, Mutex};

use control::SmtpSettings;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use super::until;

#[derive(Clone, Default)]
pub(crate) struct Mailbox {
    /// To whom, and all of it.
    mails: Arc<Mutex<Vec<(String, String)>>>,
}

impl Mailbox {
    /// What an API server needs to send to it.
    pub(crate) async fn open() -> (Self, SmtpSettings) {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has one");
        let mailbox = Self::default();
        let taking = mailbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let taking = taking.clone();
                tokio::spawn(async move { taking.take(stream).await });
            }
        });
        let settings = SmtpSettings {
            url: format!("smtp://{address}"),
            from: "atoll@example.com".to_owned(),
        };
        (mailbox, settings)
    }

    /// Waits for the first mail to that address that was not read yet.
    pub(crate) async fn read(&self, to: &str) -> String {
        until(async || self.mails().iter().any(|(whom, _)| whom == to)).await;
        let mut mails = self.mails();
        let at = mails.iter().position(|(whom, _)| whom == to);
        mails.remove(at.expect("it was just there")).1
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.mails().is_empty()
    }

    fn mails(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.mails.lock().expect("no scenario panicked with it")
    }

    /// One connection (RFC 5321), as far as our own client goes.
    async fn take(&self, stream: TcpStream) -> Option<()> {
        let (reading, mut writing) = stream.into_split();
        let mut lines = BufReader::new(reading).lines();
        writing.write_all(b"220 mailbox\r\n").await.ok()?;
        let (mut to, mut text, mut in_text) = (String::new(), String::new(), false);
        while let Some(line) = lines.next_line().await.ok()? {
            if in_text && line != "." {
                text += &line;
                text.push('\n');
                continue;
            }
            let verb = line.split([' ', ':']).next().unwrap_or_default();
            let answer = match verb {
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            if in_text {
                self.mails().push((to.clone(), std::mem::take(&mut text)));
            } else if verb == "RCPT" {
                let address = line.split(['<', '>']).nth(1);
                to = address.unwrap_or_default().to_owned();
            }
            in_text = verb == "DATA";
            writing
                .write_all(format!("{answer}\r\n").as_bytes())
                .await
                .ok()?;
        }
        Some(())
    }
}

/// The token of the link in a mail or an answer.
#[track_caller]
pub(crate) fn token_in(text: &str) -> String {
    // Quoted-printable writes a long line in parts, and `=` in three letters.
    let text = text.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = text.split_once("?token=").expect("it has a link");
    let token = rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    token.into_iter().next().expect("a part").to_owned()
}

//! Mail to people, by SMTP where a server is configured.

use std::{fmt, time::Duration};

use domain::{Invalid, user::Email};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};

#[derive(Clone)]
pub struct SmtpSettings {
    /// `smtps://user:password@host:port`, or `smtp://…`, with `?tls=required` to insist on STARTTLS
    pub url: String,
    /// `Atoll <atoll@example.com>`
    pub from: String,
}

#[derive(Clone)]
pub enum Mail {
    Smtp {
        transport: Box<AsyncSmtpTransport<Tokio1Executor>>,
        from: Mailbox,
    },
    /// Nobody configured a server: whoever asks is told so.
    Unconfigured,
}

impl Mail {
    /// Connects to nothing; a server that is away fails the mail, not the start.
    pub fn open(settings: Option<&SmtpSettings>) -> Result<Self, Invalid> {
        let Some(settings) = settings else {
            return Ok(Self::Unconfigured);
        };
        let from = settings.from.parse().map_err(|_| {
            let detail = format!(
                "expected an address such as `Atoll <atoll@example.com>`, saw `{}`",
                settings.from
            );
            Invalid::new("ATOLL_MAIL_FROM", detail)
        })?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.url)
            .map_err(|error| {
                // The URL may hold a password and is not repeated.
                let detail = format!("expected `smtps://user:password@host:port`: {error}");
                Invalid::new("ATOLL_SMTP_URL", detail)
            })?
            .timeout(Some(Duration::from_secs(20)))
            .build();
        Ok(Self::Smtp {
            transport: Box::new(transport),
            from,
        })
    }

    pub fn is_configured(&self) -> bool {
        matches!(self, Self::Smtp { .. })
    }

    /// Done when the server took it.
    pub(crate) async fn send(&self, to: &Email, subject: &str, text: String) -> anyhow::Result<()> {
        let Self::Smtp { transport, from } = self else {
            anyhow::bail!("no mail server is configured");
        };
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.as_str().parse()?))
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        transport.send(message).await?;
        Ok(())
    }
}

impl fmt::Debug for SmtpSettings {
    /// Without the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_can_never_work_are_named_without_the_password() {
        let settings = |url: &str, from: &str| SmtpSettings {
            url: url.to_owned(),
            from: from.to_owned(),
        };
        let good = settings(
            "smtps://me:hush@mail.example.com",
            "Atoll <atoll@example.com>",
        );
        assert!(Mail::open(Some(&good)).unwrap().is_configured());
        assert!(!format!("{good:?}").contains("hush"));

        let problem = Mail::open(Some(&settings("gopher://me:hush@x", "a@example.com")))
            .err()
            .unwrap();
        assert_eq!(problem.field, "ATOLL_SMTP_URL");
        assert!(!problem.detail.contains("hush"));
        let problem = Mail::open(Some(&settings("smtp://localhost", "nobody")))
            .err()
            .unwrap();
        assert_eq!(problem.field, "ATOLL_MAIL_FROM");
    }
}

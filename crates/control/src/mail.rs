//! Mail to people: SMTP where it is configured, the log of what could not be sent where it is not.

#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// `smtps://user:password@host:port` or `smtp://…`
    pub url: String,
    pub from: String,
}

#[derive(Clone)]
pub enum Mail {
    Smtp,
    /// Nobody configured a server: whoever asks is told so.
    Unconfigured,
}

//! A session by password: what signing in begins with, and what one's own tokens take.

use domain::{
    rest::session::{SessionView, SignIn},
    token::TokenText,
    user::Password,
};

use super::{api::Api, context::Context, failure::Failure, terminal};

/// Asks for what was not given. `server` presents nothing yet.
pub(crate) async fn begin(
    server: &Api,
    email: String,
    password_stdin: bool,
) -> Result<SessionView, Failure> {
    let password = match password_stdin {
        true => terminal::first_line()?,
        false => terminal::ask_secret(
            &format!("Password of {email}: "),
            "pass the password with --password-stdin",
        )?,
    };
    let password = Password::new(password);
    server
        .post("/session", &SignIn { email, password })
        .await?
        .view()
}

/// A session to manage one's own tokens with. A token may not do that: one that leaked would outlive its end.
pub(crate) enum Borrowed {
    /// The one that is kept anyway.
    Kept(Api),
    /// Ends with the command.
    Own(Api),
}

impl Borrowed {
    pub(crate) async fn begin(context: &Context, password_stdin: bool) -> Result<Self, Failure> {
        let api = context.api()?;
        let is_token = api
            .secret()
            .is_some_and(|secret| secret.parse::<TokenText>().is_ok());
        if !is_token {
            return Ok(Self::Kept(api));
        }
        // Of whoever the token is, which may not be who signed in here.
        let email = super::login::me(&api).await?.email.to_string();
        if !password_stdin {
            context
                .out
                .note("Your own tokens take a sign-in by password.");
        }
        let session = begin(&api, email, password_stdin).await?;
        Ok(Self::Own(api.presenting(session.access_token)))
    }

    pub(crate) fn api(&self) -> &Api {
        match self {
            Self::Kept(api) | Self::Own(api) => api,
        }
    }

    pub(crate) async fn end(self) {
        if let Self::Own(api) = self {
            // It expires by itself where this fails.
            let _ = api.delete("/session").await;
        }
    }
}

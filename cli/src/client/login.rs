//! Signing in and out, and who one is.

use domain::{
    Scope,
    rest::{
        session::UserView,
        tenants::TenantView,
        tokens::{CreateToken, TokenView, ToldView},
    },
    token::{TokenKind, TokenText},
};
use serde_json::{Value, json};

use super::{
    api::{Api, read},
    args::Login,
    context::{Context, variable},
    credentials::{Credential, Credentials},
    failure::Failure,
    output::{fields, moment},
    session, terminal,
    text::rfc3339,
};

pub(crate) async fn login(context: &Context, args: Login) -> Result<(), Failure> {
    let mut kept = Credentials::load()?;
    let origin = context.origin_to_join(&kept)?;
    let key = origin.as_str().trim_end_matches('/').to_owned();
    // The credential may be used from any folder.
    let ca = context
        .given_ca()
        .map(|path| std::path::absolute(&path).unwrap_or(path));
    let before = kept.servers.get(&key).cloned();
    let ca = ca.or_else(|| before.as_ref().and_then(|credential| credential.ca.clone()));
    let is_local = origin
        .host_str()
        .is_some_and(|host| host == "localhost" || host == "[::1]" || host.starts_with("127."));
    if origin.scheme() == "http" && !is_local {
        context.out.note(format!(
            "note: {key} is not encrypted; anybody on the way can read what is sent"
        ));
    }
    let server = Api::new(origin, ca.as_deref())?;

    let mut credential = match args.token_stdin {
        true => given(&server).await?,
        false => by_password(context, &server, args).await?,
    };
    credential.ca = ca;
    let api = server.clone().presenting(&credential.secret);
    let told = json!({
        "api": key,
        "email": credential.email,
        "credential": if is_token(&credential.secret) { "token" } else { "session" },
        "expires_at": credential.expires_at,
    });
    let whom = credential
        .email
        .clone()
        .unwrap_or_else(|| "a tenant's token".to_owned());
    let is_other = before
        .as_ref()
        .is_some_and(|before| before.secret != credential.secret);
    kept.current = Some(key.clone());
    kept.servers.insert(key.clone(), credential);
    kept.save()?;
    if let Some(before) = before.filter(|_| is_other) {
        // Nobody would use it again. Where it has ended already, all the better.
        let _ = end(&server.presenting(&before.secret)).await;
    }
    if variable("ATOLL_TOKEN").is_some() {
        context
            .out
            .note("note: ATOLL_TOKEN is set, and goes before what was kept now");
    }
    if context.out.json {
        return context.out.json(&told);
    }
    context.out.line(format!("Signed in to {key} as {whom}."))?;
    tell_tenants(context, &api).await;
    Ok(())
}

/// A token that somebody made for this machine, or a session's.
async fn given(server: &Api) -> Result<Credential, Failure> {
    let secret = terminal::first_line()?;
    if secret.is_empty() {
        return Err(Failure::Usage("standard input holds no token".to_owned()));
    }
    let api = server.clone().presenting(&secret);
    let token = own_token(&api).await?;
    let email = match token.as_ref().map(|token| token.kind) {
        Some(TokenKind::Tenant) => None,
        _ => Some(me(&api).await?.email.to_string()),
    };
    Ok(Credential {
        email,
        secret,
        expires_at: token.map(|token| rfc3339(token.expires_at)),
        ca: None,
    })
}

async fn by_password(context: &Context, server: &Api, args: Login) -> Result<Credential, Failure> {
    let email = match args.email {
        Some(email) => email,
        None => terminal::ask(
            "E-mail address: ",
            "pass --email and --password-stdin, or --token-stdin",
        )?,
    };
    let session = session::begin(server, email, args.password_stdin).await?;
    let email = Some(session.user.email.to_string());
    let signed_in = server.clone().presenting(&session.access_token);
    match token_for_this_machine(&signed_in, args.scopes).await {
        Ok(told) => {
            // It has done its part; where it cannot be ended, it expires.
            let _ = signed_in.delete("/session").await;
            Ok(Credential {
                email,
                expires_at: Some(rfc3339(told.token.expires_at)),
                secret: told.secret,
                ca: None,
            })
        }
        // A mistaken scope is the person's to mend; a server that makes no tokens has sessions.
        Err(refusal)
            if refusal.is_status(403) || refusal.is_status(404) || refusal.is_status(409) =>
        {
            context.out.note(format!(
                "note: no access token for this machine, the session is kept instead: {refusal}"
            ));
            Ok(Credential {
                email,
                expires_at: Some(rfc3339(session.expires_at)),
                secret: session.access_token,
                ca: None,
            })
        }
        Err(failure) => {
            let _ = signed_in.delete("/session").await;
            Err(failure)
        }
    }
}

async fn token_for_this_machine(api: &Api, scopes: Vec<String>) -> Result<ToldView, Failure> {
    let every = || Scope::ALL.iter().map(ToString::to_string).collect();
    let uname = rustix::system::uname();
    let machine = uname.nodename().to_string_lossy();
    // A name has 100 characters at most.
    let name = format!("atoll on {machine}")
        .chars()
        .filter(|char| !char.is_control())
        .take(100)
        .collect();
    let body = CreateToken {
        name,
        scopes: if scopes.is_empty() { every() } else { scopes },
        functions: None,
        expires_in_days: None,
    };
    api.post("/tokens", &body).await?.view()
}

pub(crate) async fn logout(context: &Context, forget: bool) -> Result<(), Failure> {
    let mut kept = Credentials::load()?;
    let server = context.server(&kept)?;
    let key = server.origin().to_owned();
    let Some(credential) = kept.servers.get(&key) else {
        return Err(Failure::NotSignedIn(format!("not signed in to {key}")));
    };
    if !forget {
        let ended = end(&server.presenting(&credential.secret)).await;
        match ended {
            Ok(()) => {}
            // It has ended before.
            Err(refusal) if refusal.is_status(401) => {}
            Err(failure @ Failure::Unreachable(_)) => {
                return Err(Failure::Unreachable(format!(
                    "{failure}\n  You are still signed in; --forget removes the credential here alone."
                )));
            }
            Err(failure) => return Err(failure),
        }
    }
    kept.servers.remove(&key);
    if kept.current.as_deref() == Some(&key) {
        kept.current = None;
    }
    kept.save()?;
    if context.out.json {
        return context.out.json(&json!({ "api": key, "ended": !forget }));
    }
    context.out.line(format!("Signed out of {key}."))
}

async fn end(api: &Api) -> Result<(), Failure> {
    let by_token = api.secret().is_some_and(is_token);
    let path = if by_token { "/tokens/self" } else { "/session" };
    api.delete(path).await.map(|_| ())
}

pub(crate) async fn whoami(context: &Context) -> Result<(), Failure> {
    let api = context.api()?;
    let token = match api.secret().is_some_and(is_token) {
        true => Some(api.get("/tokens/self").await?),
        false => None,
    };
    let view = token
        .as_ref()
        .map(|token| token.view::<TokenView>())
        .transpose()?;
    let is_person = view
        .as_ref()
        .is_none_or(|token| token.kind == TokenKind::Personal);
    let user = match is_person {
        true => Some(api.get("/me").await?),
        false => None,
    };
    let tenants = tenants(&api).await;
    if context.out.json {
        return context.out.json(&json!({
            "api": api.origin(),
            "user": user.map(|told| told.raw),
            "token": token.map(|told| told.raw),
            "tenants": tenants,
        }));
    }
    let user = user.map(|told| told.view::<UserView>()).transpose()?;
    let person = user.map(|user| format!("{} <{}>", user.name, user.email));
    let by = match &view {
        None => "a session".to_owned(),
        Some(token) => {
            let kind = if is_person { "personal" } else { "tenant's" };
            format!(
                "the {kind} token `{}` (…{}), until {}",
                token.name,
                token.hint,
                moment(token.expires_at)
            )
        }
    };
    let scopes = view.map(|token| {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        scopes.join(" ")
    });
    context.out.line(
        fields([
            ("Server", api.origin().to_owned()),
            ("Person", person.unwrap_or_default()),
            ("By", by),
            ("Scopes", scopes.unwrap_or_default()),
            ("Tenants", named(&tenants.unwrap_or_default())?),
        ])
        .trim_end(),
    )
}

pub(crate) async fn me(api: &Api) -> Result<UserView, Failure> {
    api.get("/me").await?.view()
}

/// `None` for a session.
async fn own_token(api: &Api) -> Result<Option<TokenView>, Failure> {
    match api.get("/tokens/self").await {
        Ok(told) => told.view().map(Some),
        Err(refusal) if refusal.is_status(404) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A token may lack the scope that lists them.
async fn tenants(api: &Api) -> Option<Vec<Value>> {
    api.list("/tenants", &[], usize::MAX).await.ok()
}

async fn tell_tenants(context: &Context, api: &Api) {
    let Some(tenants) = tenants(api).await else {
        return;
    };
    if let Ok(named) = named(&tenants)
        && !named.is_empty()
    {
        context.out.note(format!("Tenants: {named}"));
    }
}

fn named(tenants: &[Value]) -> Result<String, Failure> {
    let mut names = Vec::new();
    for tenant in tenants {
        let tenant: TenantView = read(tenant)?;
        names.push(format!(
            "{} ({})",
            tenant.slug,
            super::output::word(&tenant.role)
        ));
    }
    Ok(names.join(", "))
}

fn is_token(secret: &str) -> bool {
    secret.parse::<TokenText>().is_ok()
}

//! Which server, as whom, in which tenant, for which function: what every command settles first, each from the command
//! line, its variable, and what is remembered.

use std::path::{Path, PathBuf};

use domain::{
    rest::{tenants::TenantView, tokens::TokenView},
    token::{TokenKind, TokenText},
};
use url::Url;

use super::{
    api::{Api, read},
    args::{OfFunction, Options},
    credentials::Credentials,
    failure::Failure,
    manifest::Manifest,
    output::Output,
    text::{FunctionRef, TenantRef},
};
use crate::origin::origin;

/// Where `atoll up` is, unless it was told otherwise.
const LOCAL: &str = "http://127.0.0.1:8080";

pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) out: Output,
}

/// A server that one may ask, and the tenant that is asked about.
pub(crate) struct Here {
    pub(crate) api: Api,
    pub(crate) tenant: TenantRef,
}

impl Here {
    /// Below the tenant.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/tenants/{}{below}", self.tenant)
    }

    /// Below a function.
    pub(crate) fn of(&self, function: &FunctionRef, below: &str) -> String {
        self.path(&format!("/functions/{function}{below}"))
    }
}

impl Context {
    pub(crate) fn new(options: Options) -> Self {
        let out = Output { json: options.json };
        Self { options, out }
    }

    /// The server's address as it was given; an empty variable counts as absent.
    fn given_origin(&self) -> Result<Option<Url>, Failure> {
        let given = self.options.api.clone().filter(|text| !text.is_empty());
        let Some(text) = given.or_else(|| variable("ATOLL_API")) else {
            return Ok(None);
        };
        let parsed = origin(text.trim_end_matches('/'));
        parsed
            .map(Some)
            .map_err(|detail| Failure::Usage(format!("--api (ATOLL_API): {detail}")))
    }

    /// Where to sign in.
    pub(crate) fn origin_to_join(&self, kept: &Credentials) -> Result<Url, Failure> {
        match (self.given_origin()?, &kept.current) {
            (Some(given), _) => Ok(given),
            (None, Some(current)) => remembered(current, kept),
            (None, None) => Ok(Url::parse(LOCAL).expect("it is a URL")),
        }
    }

    pub(crate) fn given_ca(&self) -> Option<PathBuf> {
        let given = self.options.ca.clone();
        given.or_else(|| variable("ATOLL_CA").map(PathBuf::from))
    }

    /// The server of this command, as nobody.
    pub(crate) fn server(&self, kept: &Credentials) -> Result<Api, Failure> {
        let origin = match (self.given_origin()?, &kept.current) {
            (Some(given), _) => given,
            (None, Some(current)) => remembered(current, kept)?,
            (None, None) if variable("ATOLL_TOKEN").is_some() => {
                return Err(Failure::Usage(
                    "--api (ATOLL_API): missing; say which server ATOLL_TOKEN is for".to_owned(),
                ));
            }
            (None, None) => return Err(not_signed_in("")),
        };
        let known = kept.servers.get(origin.as_str().trim_end_matches('/'));
        let ca = self.given_ca();
        let ca = ca.or_else(|| known.and_then(|credential| credential.ca.clone()));
        Api::new(origin, ca.as_deref())
    }

    /// The server of this command, as whoever is signed in.
    pub(crate) fn api(&self) -> Result<Api, Failure> {
        let kept = Credentials::load()?;
        let server = self.server(&kept)?;
        if let Some(secret) = variable("ATOLL_TOKEN") {
            return Ok(server.presenting(secret));
        }
        let Some(credential) = kept.servers.get(server.origin()) else {
            return Err(not_signed_in(&format!(" to {}", server.origin())));
        };
        if kept.is_exposed() {
            self.out.note(format!(
                "note: others on this machine can read {}; chmod 600 keeps them out",
                kept.path().display()
            ));
        }
        Ok(server.presenting(&credential.secret))
    }

    pub(crate) fn manifest(&self, named: Option<&Path>) -> Result<Option<Manifest>, Failure> {
        Manifest::find(named)
    }

    /// With the tenant that was named, or that of this folder's project, or the only one there is.
    pub(crate) async fn here(&self) -> Result<Here, Failure> {
        let manifest = match self.named_tenant()? {
            Some(_) => None,
            None => self.manifest(None)?,
        };
        self.here_with(manifest.as_ref()).await
    }

    pub(crate) async fn here_with(&self, manifest: Option<&Manifest>) -> Result<Here, Failure> {
        let api = self.api()?;
        let tenant = match self.named_tenant()? {
            Some(named) => named,
            None => match manifest.and_then(|manifest| manifest.tenant.clone()) {
                Some(tenant) => tenant.into(),
                None => only_tenant(&api).await?,
            },
        };
        Ok(Here { api, tenant })
    }

    fn named_tenant(&self) -> Result<Option<TenantRef>, Failure> {
        if let Some(named) = &self.options.tenant {
            return Ok(Some(named.clone()));
        }
        let Some(text) = variable("ATOLL_TENANT") else {
            return Ok(None);
        };
        let parsed = text.parse::<TenantRef>();
        parsed
            .map(Some)
            .map_err(|detail| Failure::Usage(format!("ATOLL_TENANT: {detail}")))
    }

    /// The function that was named, or that of this folder's project.
    pub(crate) fn function(&self, of: &OfFunction) -> Result<FunctionRef, Failure> {
        if let Some(named) = &of.function {
            return Ok(named.clone());
        }
        match self.manifest(None)? {
            Some(manifest) => Ok(manifest.function.name.into()),
            None => Err(Failure::Usage(
                "name a function; there is no atoll.toml here that would".to_owned(),
            )),
        }
    }
}

/// An empty one is an absent one.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn remembered(current: &str, kept: &Credentials) -> Result<Url, Failure> {
    origin(current)
        .map_err(|detail| Failure::Usage(format!("{}: current: {detail}", kept.path().display())))
}

fn not_signed_in(to: &str) -> Failure {
    Failure::NotSignedIn(format!(
        "not signed in{to}; run `atoll login`, or set ATOLL_TOKEN"
    ))
}

async fn only_tenant(api: &Api) -> Result<TenantRef, Failure> {
    if let Some(tenant) = tenant_of_token(api).await? {
        return Ok(tenant);
    }
    let found = api.list("/tenants", &[], usize::MAX).await;
    let found = found.map_err(|failure| match failure.is_status(403) {
        // Without the scope that lists them.
        true => Failure::Usage(
            "--tenant (ATOLL_TENANT): missing; the access token may not list yours".to_owned(),
        ),
        false => failure,
    })?;
    let mut slugs = Vec::new();
    for tenant in &found {
        slugs.push(read::<TenantView>(tenant)?.slug);
    }
    match slugs.as_slice() {
        [only] => Ok(only.clone().into()),
        [] => Err(Failure::Usage(
            "you are a member of no tenant; make one in the console, or have somebody invite you"
                .to_owned(),
        )),
        several => {
            let names: Vec<_> = several.iter().map(ToString::to_string).collect();
            Err(Failure::Usage(format!(
                "--tenant (ATOLL_TENANT): missing; you are a member of {}",
                names.join(", ")
            )))
        }
    }
}

/// A tenant's token is good for that one alone.
async fn tenant_of_token(api: &Api) -> Result<Option<TenantRef>, Failure> {
    let token = api
        .secret()
        .and_then(|secret| secret.parse::<TokenText>().ok());
    if token.is_none_or(|token| token.kind() != TokenKind::Tenant) {
        return Ok(None);
    }
    let token: TokenView = api.get("/tokens/self").await?.view()?;
    Ok(token.tenant.map(TenantRef::from))
}

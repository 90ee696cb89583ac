//! `atoll tokens`: one's own, or with `--tenant` the tenant's.

use domain::{
    Role, TokenId,
    rest::tokens::{CreateTenantToken, CreateToken, RotateToken, TokenView, ToldView},
};
use serde_json::json;

use super::{
    api::{Api, Told},
    args::{Tokens, TokensTask},
    context::Context,
    failure::Failure,
    output::{moment, word},
    session::Borrowed,
};

/// Not ATOLL_TENANT, nor the tenant of a project: whose token is made must be said each time.
pub(crate) async fn run(context: &Context, args: Tokens) -> Result<(), Failure> {
    if let Some(tenant) = &context.options.tenant {
        let place = Place {
            api: &context.api()?,
            path: format!("/tenants/{tenant}/tokens"),
            is_tenants: true,
        };
        return perform(context, &place, args.task).await;
    }
    // Said before a password is asked for.
    if let TokensTask::Create { role: Some(_), .. } = &args.task {
        return Err(Failure::Usage(
            "--role: your own token has your own role; name the --tenant to make one of its tokens"
                .to_owned(),
        ));
    }
    let session = Borrowed::begin(context, args.password_stdin).await?;
    let place = Place {
        api: session.api(),
        path: "/tokens".to_owned(),
        is_tenants: false,
    };
    let done = perform(context, &place, args.task).await;
    session.end().await;
    done
}

struct Place<'a> {
    api: &'a Api,
    path: String,
    is_tenants: bool,
}

async fn perform(context: &Context, place: &Place<'_>, task: TokensTask) -> Result<(), Failure> {
    match task {
        TokensTask::List => list(context, place).await,
        TokensTask::Create {
            name,
            scopes,
            role,
            functions,
            expires_in_days,
        } => {
            let functions: Vec<_> = functions.iter().map(ToString::to_string).collect();
            let asked = CreateToken {
                name,
                scopes,
                functions: Some(functions).filter(|functions| !functions.is_empty()),
                expires_in_days,
            };
            create(context, place, asked, role).await
        }
        TokensTask::Rotate { token, overlap } => {
            let seconds = overlap.map(|span| span.0.whole_seconds());
            let body = RotateToken {
                // What does not fit is refused by the server, which knows the range.
                overlap_seconds: seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX)),
            };
            let path = format!("{}/{token}/rotate", place.path);
            let told = place.api.post(&path, &body).await?;
            secret(context, &told)
        }
        TokensTask::Revoke { token } => revoke(context, place, token).await,
    }
}

async fn list(context: &Context, place: &Place<'_>) -> Result<(), Failure> {
    let found = place.api.list(&place.path, &[], usize::MAX).await?;
    let headings = ["ID", "NAME", "SECRET", "ROLE", "USED", "EXPIRES", "SCOPES"];
    context.out.list(
        found,
        headings,
        "There are no tokens.",
        |token: TokenView| {
            let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
            [
                token.id.to_string(),
                token.name,
                format!("…{}", token.hint),
                token
                    .role
                    .map_or_else(|| "yours".to_owned(), |role| word(&role)),
                token.used_at.map_or_else(|| "never".to_owned(), moment),
                moment(token.expires_at),
                scopes.join(" "),
            ]
        },
    )
}

async fn create(
    context: &Context,
    place: &Place<'_>,
    asked: CreateToken,
    role: Option<Role>,
) -> Result<(), Failure> {
    let told = match (place.is_tenants, role) {
        (false, _) => place.api.post(&place.path, &asked).await?,
        (true, None) => {
            return Err(Failure::Usage(
                "--role: missing; a tenant's token is a viewer, developer, admin or owner"
                    .to_owned(),
            ));
        }
        (true, Some(role)) => {
            let asked = CreateTenantToken {
                name: asked.name,
                role,
                scopes: asked.scopes,
                functions: asked.functions,
                expires_in_days: asked.expires_in_days,
            };
            place.api.post(&place.path, &asked).await?
        }
    };
    secret(context, &told)
}

/// The secret alone is the result, so that `$(…)` takes it.
fn secret(context: &Context, told: &Told) -> Result<(), Failure> {
    if !context.out.json {
        let ToldView { token, .. } = told.view()?;
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        context.out.note(format!(
            "{} `{}`, until {}: {}\nIts secret, which is told this once:",
            token.id,
            super::output::printable(&token.name),
            moment(token.expires_at),
            scopes.join(" ")
        ));
    }
    context.out.one(&told.raw, |told: ToldView| told.secret)
}

async fn revoke(context: &Context, place: &Place<'_>, token: TokenId) -> Result<(), Failure> {
    place.api.delete(&format!("{}/{token}", place.path)).await?;
    if context.out.json {
        return context.out.json(&json!({ "revoked": token }));
    }
    context.out.line(format!("{token} works no more."))
}

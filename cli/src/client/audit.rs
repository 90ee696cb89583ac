//! `atoll audit`

use domain::rest::audit::EventView;

use super::{args::Audit, context::Context, failure::Failure, output::moment};

pub(crate) async fn list(context: &Context, args: Audit) -> Result<(), Failure> {
    let here = context.here().await?;
    let mut query = Vec::new();
    let mut given = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    given("action", args.action);
    given("actor", args.actor);
    given("subject", args.subject);
    given("since", args.since.map(|since| since.moment()));
    let found = here
        .api
        .list(&here.path("/audit"), &query, args.limit.limit)
        .await?;
    let headings = ["WHEN", "ACTION", "WHO", "FROM", "WHAT"];
    context.out.list(
        found,
        headings,
        "There are no such changes.",
        |event: EventView| {
            let who = match (event.user_name, event.token_name) {
                (Some(user), Some(token)) => format!("{user} by `{token}`"),
                (Some(user), None) => user,
                (None, Some(token)) => format!("token `{token}`"),
                (None, None) => "the platform".to_owned(),
            };
            [
                moment(event.created_at),
                event.action,
                who,
                event.address.unwrap_or_default(),
                event.subject,
            ]
        },
    )
}

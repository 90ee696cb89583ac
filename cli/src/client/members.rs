//! `atoll members`

use domain::rest::members::MemberView;

use super::{
    args::MembersTask,
    context::Context,
    failure::Failure,
    output::{moment, word},
};

pub(crate) async fn run(context: &Context, task: MembersTask) -> Result<(), Failure> {
    let MembersTask::List = task;
    let here = context.here().await?;
    let found = here
        .api
        .list(&here.path("/members"), &[], usize::MAX)
        .await?;
    let headings = ["EMAIL", "NAME", "ROLE", "SINCE", "ID"];
    context.out.list(
        found,
        headings,
        "There are no members.",
        |member: MemberView| {
            [
                member.email.to_string(),
                member.name,
                word(&member.role),
                moment(member.created_at),
                member.user.to_string(),
            ]
        },
    )
}

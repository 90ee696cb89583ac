//! `atoll admin nodes`, `jobs` and `join-token`

use anyhow::Context;
use api::admin::{
    jobs::JobView,
    join_tokens::{JoinTokenView, ToldView},
    nodes::NodeView,
};
use control::{
    Operator, Platform,
    admin::{jobs, join_tokens, nodes},
};
use domain::{JobId, JoinTokenId, NodeId};

use super::{
    args::{JobsTask, JoinTokenTask, NodesTask},
    print::{Columns, Printer},
    whole,
};

const NODES: Columns = &[
    ("NAME", "/name"),
    ("LIVE", "/live"),
    ("DRAINING", "/draining"),
    ("LAG", "/lag_epochs"),
    ("IN FLIGHT", "/in_flight"),
    ("SEEN", "/seen_at"),
    ("ID", "/id"),
];
const JOBS: Columns = &[
    ("ID", "/id"),
    ("KIND", "/kind"),
    ("STATE", "/state"),
    ("SUBJECT", "/subject"),
    ("FAILURES", "/failures"),
    ("RUN AT", "/run_at"),
    ("LAST ERROR", "/last_error"),
];
const JOIN_TOKENS: Columns = &[
    ("ID", "/id"),
    ("NAME", "/name"),
    ("CREATED", "/created_at"),
    ("REVOKED", "/revoked_at"),
];

pub(super) async fn nodes(
    p: &Platform,
    by: &Operator,
    task: NodesTask,
    printer: &Printer,
) -> anyhow::Result<()> {
    match task {
        NodesTask::List => {
            let found = whole(async |page| nodes::list(p, by, &page).await).await?;
            let views: Vec<_> = found.into_iter().map(NodeView::from).collect();
            printer.list(&views, NODES)
        }
        NodesTask::Forget { node } => {
            let node: NodeId = node.parse().context("NODE")?;
            Ok(nodes::forget(p, by, node).await?)
        }
    }
}

pub(super) async fn jobs(
    p: &Platform,
    by: &Operator,
    task: JobsTask,
    printer: &Printer,
) -> anyhow::Result<()> {
    match task {
        JobsTask::List => {
            let found = whole(async |page| jobs::list(p, by, None, &page).await).await?;
            let views: Vec<_> = found.into_iter().map(JobView::from).collect();
            printer.list(&views, JOBS)
        }
        JobsTask::Retry { job } => {
            let job: JobId = job.parse().context("JOB")?;
            let job = jobs::retry(p, by, job).await?;
            printer.one(&JobView::from(job))
        }
    }
}

pub(super) async fn join_tokens(
    p: &Platform,
    by: &Operator,
    task: JoinTokenTask,
    printer: &Printer,
) -> anyhow::Result<()> {
    match task {
        JoinTokenTask::Create { name } => {
            let told = join_tokens::create(p, by, &name).await?;
            printer.one(&ToldView::from(told))
        }
        JoinTokenTask::List => {
            let found = whole(async |page| join_tokens::list(p, by, &page).await).await?;
            let views: Vec<_> = found.into_iter().map(JoinTokenView::from).collect();
            printer.list(&views, JOIN_TOKENS)
        }
        JoinTokenTask::Revoke { token } => {
            let token: JoinTokenId = token.parse().context("TOKEN")?;
            Ok(join_tokens::revoke(p, by, token).await?)
        }
    }
}

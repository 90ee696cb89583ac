//! The command line of `atoll admin`.

use clap::{Subcommand, ValueEnum};

#[derive(Subcommand)]
pub(crate) enum AdminTask {
    /// Print a link that sets a new password, valid once and for an hour.
    ResetPassword { email: String },
    /// Print a link that creates the operator's account, where there is none yet.
    SetupLink,
    /// Tenants with their plan and use; suspend one, give one another plan
    #[command(subcommand)]
    Tenants(TenantsTask),
    /// Plans: what tenants may use
    #[command(subcommand)]
    Plans(PlansTask),
    /// Workers that joined
    #[command(subcommand)]
    Nodes(NodesTask),
    /// Background work that is not done
    #[command(subcommand)]
    Jobs(JobsTask),
    /// Make new keys of everything that is sealed; functions go on
    RotateKeys,
    /// Tokens by which workers join
    #[command(subcommand)]
    JoinToken(JoinTokenTask),
}

#[derive(Subcommand)]
pub(crate) enum TenantsTask {
    /// All tenants, by slug
    List {
        /// Part of the slug or the name
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// All but the deleted ones unless told
        #[arg(long)]
        state: Option<State>,
        /// Those of this plan
        #[arg(long, value_name = "NAME")]
        plan: Option<String>,
    },
    /// One tenant with its owners, by slug or id
    Show { tenant: String },
    /// Its functions answer 402 until it is activated
    Suspend {
        tenant: String,
        /// Why; its admins see it in their audit
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Ends a suspension
    Activate { tenant: String },
    /// Gives it another plan
    SetPlan { tenant: String, plan: String },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum State {
    Active,
    Suspended,
    Deleted,
}

#[derive(Subcommand)]
pub(crate) enum PlansTask {
    /// All plans, by name
    List,
    /// One plan with all of its figures
    Show { plan: String },
    /// Make a plan; a figure that is not named is the platform's own
    Create {
        name: String,
        /// quotas.functions=50, tenant_limits.concurrency=10, function_limits.cpu_ms=200 …
        #[arg(value_name = "FIGURE=NUMBER")]
        figures: Vec<String>,
    },
    /// Change figures of a plan, for every tenant that has it
    Set {
        plan: String,
        /// quotas.functions=50, tenant_limits.concurrency=10, function_limits.cpu_ms=200 …
        #[arg(value_name = "FIGURE=NUMBER", required = true)]
        figures: Vec<String>,
    },
    /// Delete a plan that no tenant has
    Delete { plan: String },
}

#[derive(Subcommand)]
pub(crate) enum NodesTask {
    /// Those that were heard of within a day, by name
    List,
    /// Forget one that is gone; one that lives joins again
    Forget { node: String },
}

#[derive(Subcommand)]
pub(crate) enum JobsTask {
    /// What waits, runs, fails or was refused
    List,
    /// Run one at once, as if it had never failed
    Retry { job: String },
}

#[derive(Subcommand)]
pub(crate) enum JoinTokenTask {
    /// Make one and print it, this once; NAME says what it is for
    Create { name: String },
    /// Newest first, the revoked ones too
    List,
    /// No worker joins by it any more; those that did stay
    Revoke { token: String },
}

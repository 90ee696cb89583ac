//! `atoll admin tenants`

use api::admin::tenants::{TenantView, TenantWithOwners};
use control::{
    Error, Operator, Platform,
    admin::tenants::{self, Patch, Wanted},
};
use domain::tenant::TenantState;

use super::{
    args::{State, TenantsTask},
    print::{Columns, Printer},
    whole,
};

const COLUMNS: Columns = &[
    ("SLUG", "/slug"),
    ("STATE", "/state"),
    ("PLAN", "/plan"),
    ("FUNCTIONS", "/use/functions"),
    ("STORED BYTES", "/use/stored_bytes"),
    ("MEMBERS", "/use/members"),
    ("NAME", "/name"),
];

pub(super) async fn run(
    p: &Platform,
    by: &Operator,
    task: TenantsTask,
    printer: &Printer,
) -> anyhow::Result<()> {
    let (tenant, patch) = match task {
        TenantsTask::List {
            search,
            state,
            plan,
        } => {
            let wanted = Wanted {
                search,
                state: state.map(TenantState::from),
                plan,
            };
            let found = whole(async |page| tenants::list(p, by, wanted.clone(), &page).await);
            let views: Vec<_> = found.await?.into_iter().map(TenantView::from).collect();
            return printer.list(&views, COLUMNS);
        }
        TenantsTask::Show { tenant } => {
            let found = tenants::get(p, by, &tenant).await?;
            return printer.one(&TenantWithOwners::from(found));
        }
        TenantsTask::Suspend { tenant, reason } => {
            let state = Some(TenantState::Suspended);
            let patch = Patch {
                state,
                reason,
                ..Patch::default()
            };
            (tenant, patch)
        }
        TenantsTask::Activate { tenant } => {
            let state = Some(TenantState::Active);
            let patch = Patch {
                state,
                ..Patch::default()
            };
            (tenant, patch)
        }
        TenantsTask::SetPlan { tenant, plan } => {
            let patch = Patch {
                plan: Some(plan),
                ..Patch::default()
            };
            (tenant, patch)
        }
    };
    let after = change(p, by, &tenant, patch).await?;
    printer.one(&TenantWithOwners::from(after))
}

/// Whoever types a command means the tenant as it is at that moment.
async fn change(
    p: &Platform,
    by: &Operator,
    tenant: &str,
    patch: Patch,
) -> Result<tenants::Shown, Error> {
    let revision = tenants::get(p, by, tenant).await?.standing.revision;
    tenants::update(p, by, tenant, patch, revision).await
}

impl From<State> for TenantState {
    fn from(state: State) -> Self {
        match state {
            State::Active => Self::Active,
            State::Suspended => Self::Suspended,
            State::Deleted => Self::Deleted,
        }
    }
}

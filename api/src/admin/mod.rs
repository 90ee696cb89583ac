//! `/v1/admin`: what concerns all tenants, for operators. To everybody else there is nothing here.
//!
//! The views are public: `atoll admin` prints the same ones.

pub mod audit;
pub mod jobs;
pub mod join_tokens;
pub mod keys;
pub mod nodes;
pub mod plans;
pub mod tenants;
pub mod users;

use crate::routes::Routes;

pub(crate) fn routes() -> Routes {
    Routes::default()
        .merge(tenants::routes())
        .merge(plans::routes())
        .merge(nodes::routes())
        .merge(jobs::routes())
        .merge(users::routes())
        .merge(join_tokens::routes())
        .merge(keys::routes())
        .merge(audit::routes())
}

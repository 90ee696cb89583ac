//! Deployments: what answers, since when, and by whom. Activation runs in two phases as a job:
//! every live worker loads the version, then all of them switch.

use domain::{
    deployment::Share,
    page::{Page, PageRequest},
};
use store::{deployments::Deployment, operations::Operation};

use crate::{Developer, Error, Member, Platform, Viewer};

/// A version that still compiles is waited for by the operation; one that failed is a `Conflict`.
pub async fn create(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _traffic: Vec<Share>,
    _message: String,
) -> Result<(Deployment, Operation), Error> {
    todo!()
}

/// Deploys again what was live before the current deployment. `Conflict` where nothing was.
pub async fn roll_back(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _message: String,
) -> Result<(Deployment, Operation), Error> {
    todo!()
}

/// Newest first.
pub async fn list(
    _p: &Platform,
    _by: &Member<Viewer>,
    _function: &str,
    _page: &PageRequest,
) -> Result<Page<Deployment>, Error> {
    todo!()
}

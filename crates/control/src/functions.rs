//! Functions of a tenant.

use domain::{
    FunctionName,
    deployment::Share,
    function::Access,
    page::{Page, PageRequest},
};
use store::functions::Function;

use crate::{Developer, Error, Member, Platform, Viewer};

pub use domain::limits::LimitsPatch;

#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub description: Option<String>,
    pub access: Option<Access>,
    pub enabled: Option<bool>,
    pub limits: LimitsPatch,
}

/// A function and what answers at its URL now.
#[derive(Clone, Debug)]
pub struct FunctionOverview {
    pub function: Function,
    pub url: String,
    /// Empty before the first deployment is live.
    pub traffic: Vec<Share>,
    /// The highest version number made so far.
    pub latest_version: Option<i32>,
}

pub async fn create(
    _p: &Platform,
    _by: &Member<Developer>,
    _name: FunctionName,
    _patch: Patch,
) -> Result<FunctionOverview, Error> {
    todo!()
}

/// By name.
pub async fn list(
    _p: &Platform,
    _by: &Member<Viewer>,
    _page: &PageRequest,
) -> Result<Page<FunctionOverview>, Error> {
    todo!()
}

/// `function` is a name or a `fn_…` id.
pub async fn get(
    _p: &Platform,
    _by: &Member<Viewer>,
    _function: &str,
) -> Result<FunctionOverview, Error> {
    todo!()
}

pub async fn update(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _patch: Patch,
    _revision: i64,
) -> Result<FunctionOverview, Error> {
    todo!()
}

/// Its URL answers 404 as soon as the workers have heard of it; versions and deployments go with it.
pub async fn delete(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _revision: i64,
) -> Result<(), Error> {
    todo!()
}

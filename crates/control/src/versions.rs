//! Versions: an upload made part of a function. Compiled by a job of the same transaction.

use bytes::Bytes;
use domain::{
    UploadId,
    page::{Page, PageRequest},
};
use futures::stream::BoxStream;
use store::versions::Version;

use crate::{Developer, Error, Member, Platform, Viewer};

pub enum Created {
    New(Version),
    /// The function's newest version of the same digest and configuration.
    Same(Version),
}

pub async fn create(
    _p: &Platform,
    _by: &Member<Developer>,
    _function: &str,
    _upload: UploadId,
    _message: String,
) -> Result<Created, Error> {
    todo!()
}

/// Newest first.
pub async fn list(
    _p: &Platform,
    _by: &Member<Viewer>,
    _function: &str,
    _page: &PageRequest,
) -> Result<Page<Version>, Error> {
    todo!()
}

pub async fn get(
    _p: &Platform,
    _by: &Member<Viewer>,
    _function: &str,
    _number: i32,
) -> Result<Version, Error> {
    todo!()
}

/// The module as uploaded.
pub async fn module(
    _p: &Platform,
    _by: &Member<Viewer>,
    _function: &str,
    _number: i32,
) -> Result<(Version, BoxStream<'static, Result<Bytes, Error>>), Error> {
    todo!()
}

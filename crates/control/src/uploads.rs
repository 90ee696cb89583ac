//! Taking bytes in: spooled while hashed, inspected in the jail, put in the object store, and only
//! then given a row. Nothing is kept of an upload that was refused or cut off.

use bytes::Bytes;
use domain::UploadId;
use futures::Stream;
use store::uploads::Upload;

use crate::{Developer, Error, Member, Platform, Viewer};

/// Reads `body` to its end. `declared` is the Content-Length, refused early when above the cap.
pub async fn receive<E>(
    _p: &Platform,
    _by: &Member<Developer>,
    _declared: Option<u64>,
    _body: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<Upload, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    todo!()
}

pub async fn get(_p: &Platform, _by: &Member<Viewer>, _upload: UploadId) -> Result<Upload, Error> {
    todo!()
}

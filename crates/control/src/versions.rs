//! Versions: an upload made part of a function. Compiled by a job of the same transaction.

use blobs::BlobKey;
use bytes::Bytes;
use domain::{
    FunctionId, Invalid, Problems, UploadId, VersionId,
    page::{Page, PageRequest},
    version::VersionState,
};
use futures::{TryStreamExt as _, stream::BoxStream};
use serde_json::{Value, json};
use store::{
    Connection, artifacts, functions,
    jobs::{self, Kind},
    uploads,
    versions::{self, NewVersion, Version},
};

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    functions::{check_text, find, key, lock},
};

pub(crate) const MAX_MESSAGE: usize = 500;

pub enum Created {
    New(Version),
    /// The function's newest version of the same digest and configuration.
    Same(Version),
}

pub async fn create(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    upload: UploadId,
    message: String,
) -> Result<Created, Error> {
    let mut problems = Problems::default();
    check_text(&mut problems, "message", &message, MAX_MESSAGE);
    problems.into_result()?;
    let now = p.clock.now();

    let mut tx = by.begin(p).await?;
    let function = lock(&mut tx, by, function).await?;
    let upload = uploads::find(&mut tx, by.tenant, upload, now).await?;
    let digest = upload.ok_or(Error::NotFound("upload"))?.digest;
    let newest = versions::newest_if_same(&mut tx, by.tenant, function, &digest).await?;
    if let Some(number) = newest {
        return Ok(Created::Same(one(&mut tx, by, function, number).await?));
    }

    let compiled = artifacts::exists(&mut tx, &digest, engine::TAG).await?;
    let id = VersionId::generate();
    let number = functions::next_version(&mut tx, by.tenant, function, now).await?;
    let new = NewVersion {
        id,
        number,
        digest,
        state: if compiled {
            VersionState::Ready
        } else {
            VersionState::Compiling
        },
        message: &message,
        author: by.actor.author(),
    };
    versions::insert(&mut tx, by.tenant, function, &new, now).await?;
    if !compiled {
        let (tenant, tag) = (Some(by.tenant), engine::TAG);
        jobs::enqueue(&mut tx, tenant, Kind::Compile, id.uuid(), tag).await?;
    }
    let change = Change {
        action: "version.created",
        subject: id.to_string(),
        before: Value::Null,
        after: json!({ "function": function, "number": number, "digest": digest }),
    };
    audit::record(&mut tx, p, by, change).await?;
    let version = one(&mut tx, by, function, number).await?;
    tx.commit().await?;
    Ok(Created::New(version))
}

/// Newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    page: &PageRequest,
) -> Result<Page<Version>, Error> {
    let before = page.cursor.as_deref().map(number_of).transpose()?;
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let found = versions::list(&mut tx, by.tenant, function, before, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |version| {
        version.number.to_string()
    }))
}

pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    number: i32,
) -> Result<Version, Error> {
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    one(&mut tx, by, function, number).await
}

/// The module as uploaded.
pub async fn module(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    number: i32,
) -> Result<(Version, BoxStream<'static, Result<Bytes, Error>>), Error> {
    let version = get(p, by, function, number).await?;
    let module = p.blobs.get(&BlobKey::Module(version.digest)).await?;
    Ok((version, Box::pin(module.stream.map_err(Error::from))))
}

async fn one<R>(
    tx: &mut Connection,
    by: &Member<R>,
    function: FunctionId,
    number: i32,
) -> Result<Version, Error> {
    let found = versions::find(tx, by.tenant, function, number).await?;
    found.ok_or(Error::NotFound("version"))
}

fn number_of(cursor: &str) -> Result<i32, Invalid> {
    let malformed = |_| Invalid::new("cursor", "pass the `next_cursor` of the page before");
    cursor.parse().map_err(malformed)
}

//! Versions: an upload made part of a function, with what that is configured with. Compiled by a job
//! of the same transaction.

use std::collections::BTreeSet;

use blobs::BlobKey;
use bytes::Bytes;
use domain::{
    ConfigName, Digest, FunctionId, Invalid, Problems, UploadId, VersionId,
    configuration::{Configuration, MAX_NAMES},
    page::{Page, PageRequest},
    version::VersionState,
};
use futures::{TryStreamExt as _, stream::BoxStream};
use serde_json::{Value, json};
use store::{
    Connection, Tx, artifacts,
    functions::{self, FunctionKey},
    jobs::{self, Kind},
    uploads, usage,
    versions::{self, NewVersion, Version},
};
use url::Url;

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    configuration,
    functions::{check_text, find, key, lock},
    quotas,
};

pub(crate) const MAX_MESSAGE: usize = 500;
const MAX_SOURCE_URL: usize = 2_000;

pub enum Created {
    New(Version),
    /// The function's newest version, of the same module and configuration.
    Same(Version),
}

/// What a version is made of.
#[derive(Clone, Debug)]
pub enum Source {
    Upload(UploadId),
    /// The module of another version of the function.
    Version(i32),
}

/// What is said of a new version, all of it for people but what it requires.
#[derive(Clone, Debug, Default)]
pub struct About {
    pub message: String,
    /// Where its source is.
    pub source_url: Option<String>,
    /// Variables or secrets that it cannot do without.
    pub requires: Vec<String>,
}

/// It keeps what the function is configured with now.
pub async fn create(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    source: Source,
    about: About,
) -> Result<Created, Error> {
    let requires = check(&about)?;
    let mut tx = by.begin(p).await?;
    let id = lock(&mut tx, by, function).await?;
    let digest = match source {
        Source::Upload(upload) => {
            let upload = uploads::find(&mut tx, by.tenant, upload, p.clock.now()).await?;
            upload.ok_or(Error::NotFound("upload"))?.digest
        }
        Source::Version(number) => one(&mut tx, by, id, number).await?.digest,
    };
    let function = find(&mut tx, by, &FunctionKey::Id(id)).await?.function;
    let configuration = configuration::of(&mut tx, &function, requires).await?;
    if let Some(newest) = versions::newest(&mut tx, by.tenant, id).await? {
        let newest = one(&mut tx, by, id, newest).await?;
        if is_same(&newest, digest, &configuration) {
            return Ok(Created::Same(newest));
        }
    }
    let wanted = Wanted {
        digest,
        configuration,
        message: &about.message,
        source_url: about.source_url.as_deref(),
    };
    let version = insert(&mut tx, p, by, id, wanted).await?;
    tx.commit().await?;
    Ok(Created::New(version))
}

fn check(about: &About) -> Result<Vec<ConfigName>, Error> {
    let mut problems = Problems::default();
    check_text(&mut problems, "message", &about.message, MAX_MESSAGE);
    if let Some(link) = &about.source_url {
        check_text(&mut problems, "source_url", link, MAX_SOURCE_URL);
        if !Url::parse(link).is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            problems.push("source_url", "use a link, `https://…`");
        }
    }
    if about.requires.len() > MAX_NAMES {
        let detail = format!(
            "name at most {MAX_NAMES}, these are {}",
            about.requires.len()
        );
        problems.push("requires", detail);
    }
    let mut requires = BTreeSet::new();
    for (index, name) in about.requires.iter().enumerate() {
        requires.extend(problems.keep(&format!("requires[{index}]"), name.parse::<ConfigName>()));
    }
    problems.into_result()?;
    Ok(requires.into_iter().collect())
}

/// One that failed to compile is no reason not to try again.
fn is_same(version: &Version, digest: Digest, configuration: &Configuration) -> bool {
    version.state != VersionState::Failed
        && version.digest == digest
        && version.variables == configuration.variables
        && version.secrets == configuration.secrets
        && version.requires == configuration.requires
        && version.settings.as_ref() == Some(&configuration.settings)
}

pub(crate) struct Wanted<'a> {
    pub(crate) digest: Digest,
    pub(crate) configuration: Configuration,
    pub(crate) message: &'a str,
    pub(crate) source_url: Option<&'a str>,
}

/// Writes the version, and the job that compiles it where nobody did. The function's row is locked.
pub(crate) async fn insert(
    tx: &mut Tx,
    p: &Platform,
    by: &Member<Developer>,
    function: FunctionId,
    wanted: Wanted<'_>,
) -> Result<Version, Error> {
    let now = p.clock.now();
    let digest = wanted.digest;
    let room = quotas::hold(tx, by.tenant).await?;
    let there = usage::of_function(tx, by.tenant, function).await?;
    let limit = room.plan.quotas.versions_per_function;
    quotas::check("versions_per_function", limit.into(), there.versions, 1)?;

    let compiled = artifacts::exists(tx, &digest, engine::TAG).await?;
    let id = VersionId::generate();
    let number = functions::next_version(tx, by.tenant, function, now).await?;
    let new = NewVersion {
        id,
        number,
        digest,
        state: if compiled {
            VersionState::Ready
        } else {
            VersionState::Compiling
        },
        message: wanted.message,
        source_url: wanted.source_url,
        configuration: &wanted.configuration,
        author: by.actor.author(),
    };
    versions::insert(tx, by.tenant, function, &new, now).await?;
    if !compiled {
        let (tenant, tag) = (Some(by.tenant), engine::TAG);
        jobs::enqueue(tx, tenant, Kind::Compile, id.uuid(), tag).await?;
    }
    let change = Change {
        action: "version.created",
        subject: id.to_string(),
        before: Value::Null,
        after: json!({ "function": function, "number": number, "digest": digest }),
    };
    audit::record(tx, p, by, change).await?;
    one(tx, by, function, number).await
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

pub(crate) async fn one<R>(
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

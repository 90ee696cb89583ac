//! Stylesheet, scripts and the icon, part of the binary.
//!
//! A file's path holds a hash of its bytes: browsers keep it for ever, and a new release is
//! another path.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{
        HeaderMap, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use control::Platform;

use crate::{errors::Problem, extract::Path};

struct File {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    hash: String,
}

macro_rules! files {
    ($($name:literal as $kind:literal),* $(,)?) => {
        [$(File {
            name: $name,
            kind: $kind,
            bytes: include_bytes!(concat!("../static/", $name)),
            hash: hash(include_bytes!(concat!("../static/", $name))),
        }),*]
    };
}

static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
    files![
        "atoll.css" as "text/css; charset=utf-8",
        "favicon.svg" as "image/svg+xml",
        "copy.js" as "text/javascript; charset=utf-8",
        "refresh.js" as "text/javascript; charset=utf-8",
        "slug.js" as "text/javascript; charset=utf-8",
        "try.js" as "text/javascript; charset=utf-8",
        "upload.js" as "text/javascript; charset=utf-8",
    ]
    .into()
});

fn hash(bytes: &[u8]) -> String {
    hex::encode(&blake3::hash(bytes).as_bytes()[..8])
}

pub(crate) fn routes() -> Router<Platform> {
    Router::new().route("/static/{hash}/{name}", get(file))
}

/// For templates. Panics on a name that is not one of ours, which the first rendering would show.
pub(crate) fn url(name: &str) -> String {
    let file = FILES
        .iter()
        .find(|file| file.name == name)
        .expect("templates name files of the list");
    format!("/static/{}/{}", file.hash, file.name)
}

async fn file(
    Path((hash, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let file = FILES
        .iter()
        .find(|file| file.name == name && file.hash == hash)
        .ok_or(control::Error::NotFound("file"))?;
    let etag = format!("\"{}\"", file.hash);
    let cached = [
        (ETAG, etag.clone()),
        (
            CACHE_CONTROL,
            "public, max-age=31536000, immutable".to_owned(),
        ),
    ];
    if headers
        .get(IF_NONE_MATCH)
        .is_some_and(|known| known == etag.as_str())
    {
        return Ok((StatusCode::NOT_MODIFIED, cached).into_response());
    }
    Ok((cached, [(CONTENT_TYPE, file.kind)], file.bytes).into_response())
}

#[cfg(test)]
mod tests {
    use super::{FILES, url};

    #[test]
    fn a_files_path_names_its_bytes() {
        for file in FILES.iter() {
            assert_eq!(
                url(file.name),
                format!("/static/{}/{}", file.hash, file.name)
            );
            assert_eq!(file.hash.len(), 16);
        }
    }
}

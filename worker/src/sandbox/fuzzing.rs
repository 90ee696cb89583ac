//! The reader of what commands write, for fuzz targets.

use http::Response;

use super::cgi;

pub(crate) fn cgi_head(written: &[u8]) -> Option<(Option<Response<()>>, usize)> {
    let (head, body) = cgi::head(written)?;
    Some((head.ok(), body))
}

//! The only object keys: modules and artifacts, in a folder or in S3.

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs(());

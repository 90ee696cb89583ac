//! The `upload` and `module` tables: drafts that live 24 hours, and the modules they and versions name.

use domain::{Digest, Timestamp, UploadId, report::ImportReport};

#[derive(Clone, Debug)]
pub struct Upload {
    pub id: UploadId,
    pub digest: Digest,
    pub bytes: i64,
    pub report: ImportReport,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

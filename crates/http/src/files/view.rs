//! Stored files as the API shows them.

use inspection_domain::{files::StoredFile, time::Instant, users::UserSummary};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View},
    web::app::Caller,
};

inspection_domain::shows!(FileView {});

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FileView {
    #[serde(flatten)]
    file: StoredFile,
    /// Name in the file store.
    filename: String,
    /// `image` or `document`.
    file_type: &'static str,
    /// Size in mebibytes, to two decimals.
    file_size_mb: f64,
    /// Whether it is an image.
    is_image: bool,
    /// The uploading user.
    uploader: Option<UserSummary>,
    /// Time of the upload.
    uploaded_at: Instant,
    /// Path of the file content.
    download_url: String,
    /// Path of the thumbnail, for images.
    thumbnail_url: Option<String>,
}

/// Size in mebibytes, to two decimals.
fn mebibytes(bytes: i64) -> f64 {
    let hundredths = (i128::from(bytes) * 100 + (1 << 19)) / (1 << 20);
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}

impl View<StoredFile> for FileView {
    fn references(file: &StoredFile, references: &mut References) {
        references.people([Some(file.uploaded_by_id)]);
    }

    fn new(file: StoredFile, related: &Related, caller: &Caller) -> Self {
        let is_image = file.kind.is_image();
        let link = |part| caller.prefix.path(format!("/api/files/{}/{part}", file.id));
        Self {
            filename: file.stored_name().to_owned(),
            file_type: if is_image { "image" } else { "document" },
            file_size_mb: mebibytes(file.file_size),
            is_image,
            uploader: related.person(file.uploaded_by_id),
            uploaded_at: file.created_at,
            download_url: link("download"),
            thumbnail_url: is_image.then(|| link("thumbnail")),
            file,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn sizes_are_rounded_to_two_decimals() {
        let close = |bytes, expected: f64| (mebibytes(bytes) - expected).abs() < 1e-9;
        for (bytes, expected) in [(1, 0.0), (5_243, 0.01), (1 << 20, 1.0), (1_572_864, 1.5), (16 << 20, 16.0)]
        {
            assert!(close(bytes, expected), "{bytes}: {}", mebibytes(bytes));
        }
    }
}

//! The photos of a printed record, in bounded memory.

use futures_util::TryStreamExt;
use inspection_domain::{
    files::{FileKind, StoredFile},
    ids::ItemId,
};
use inspection_persistence::inspections::InspectionRecord;
use inspection_storage::{Key, NoThumbnail, Requester, Size, StoreError};

use crate::web::app::App;

/// The most photos of a document.
const MOST_PHOTOS: usize = 120;

/// The most bytes of JPEG files that a document contains as they are. Others are thumbnails.
const MOST_BYTES: u64 = 24 << 20;

/// Pixels of the longer side of a thumbnail: about 190 for each inch on paper.
const PIXELS: u32 = 640;

/// A photo of an answer.
#[derive(Debug)]
pub(super) struct NumberedPhoto {
    /// Number in the document, from 1.
    pub(super) number: usize,
    /// The inspection, by its place in the record.
    pub(super) inspection: usize,
    /// The question.
    pub(super) item: ItemId,
    /// The file.
    pub(super) file: StoredFile,
}

/// The photos of a record, in the order of its questions.
pub(super) fn numbered(record: &InspectionRecord) -> Vec<NumberedPhoto> {
    let mut photos = Vec::new();
    for (inspection, recorded) in record.inspections.iter().enumerate() {
        for item in &recorded.items {
            let answer = recorded.answers.iter().find(|answer| answer.checklist_item_id == item.id);
            let ids = answer.into_iter().flat_map(|answer| &answer.photo_file_ids.0);
            for file in ids.filter_map(|id| record.files.get(id)) {
                let number = photos.len() + 1;
                photos.push(NumberedPhoto { number, inspection, item: item.id, file: file.clone() });
            }
        }
    }
    photos
}

/// The bytes of a photo, or the reason why it is not shown.
pub(super) type Loaded = Result<Vec<u8>, &'static str>;

/// Loads the first photos, in order. A photo that can't be loaded is no error of the document.
pub(super) async fn load(app: &App, files: Vec<StoredFile>, requester: Requester) -> Vec<Loaded> {
    let mut room = MOST_BYTES;
    let mut loaded = Vec::new();
    for file in files.iter().take(MOST_PHOTOS) {
        let photo = load_one(app, file, requester, &mut room).await;
        loaded.push(match photo {
            Ok(photo) => photo,
            Err(StoreError::Missing(_)) => Err("The photo is not in the store."),
            Err(error) => {
                tracing::warn!(%error, file = %file.id, "a photo is not printed");
                Err("The photo is not readable.")
            }
        });
    }
    loaded
}

async fn load_one(
    app: &App,
    file: &StoredFile,
    requester: Requester,
    room: &mut u64,
) -> Result<Loaded, StoreError> {
    let key = Key::recorded(&file.key);
    let size = u64::try_from(file.file_size).unwrap_or(u64::MAX);
    if file.kind == FileKind::Jpeg && size <= *room {
        let (bytes, sha256) = app.storage().read(&key, size).await?;
        if sha256 != file.sha256 {
            return Ok(Err("The stored photo differs from its checksum."));
        }
        *room -= size;
        return Ok(Ok(bytes));
    }
    match app.storage().thumbnail(&key, Size::for_pixels(PIXELS), requester).await {
        Ok(mut opened) => {
            let mut bytes = Vec::new();
            while let Some(piece) = opened.pieces.try_next().await? {
                bytes.extend_from_slice(&piece);
            }
            Ok(Ok(bytes))
        }
        Err(NoThumbnail::Impossible) => Ok(Err("The photo is not readable.")),
        Err(NoThumbnail::Store(error)) => Err(error),
    }
}

//! Answers to the questions of a checklist: validation and failure (rule book §5).

use serde::{Deserialize, Serialize};

use crate::{
    checklists::{AnswerText, AnswerType, Item, NOT_APPLICABLE},
    ids::{AnswerId, FileId, InspectionId, ItemId, UserId},
    input::{Invalid, NonEmptyList, Patch, RawValue, Scalar, ValueList, input},
    message,
    text::Text,
    time::Instant,
    warning::{Warning, WarningCode},
};

/// Maximum number of photos of an answer (§5).
const MOST_PHOTOS: usize = 10;

/// The uploaded photos of an answer, in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Photos(
    /// The files.
    pub Vec<FileId>,
);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Photos);

impl From<ValueList<FileId, 0, MOST_PHOTOS>> for Photos {
    fn from(list: ValueList<FileId, 0, MOST_PHOTOS>) -> Self {
        let mut photos = Self::default();
        photos.extend(list.0);
        photos
    }
}

impl Photos {
    /// Adds the files that are not among the photos.
    fn extend(&mut self, files: impl IntoIterator<Item = FileId>) {
        for id in files {
            if !self.0.contains(&id) {
                self.0.push(id);
            }
        }
    }

    /// Puts a file in the place of the first photo.
    fn replace_first(&mut self, id: FileId) {
        let others = self.0.drain(..).skip(1).filter(|other| *other != id);
        self.0 = std::iter::once(id).chain(others).collect();
    }
}

/// An answer to one question. A remark or photo without an answer counts as unanswered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::inspection_answers, treat_none_as_default_value = false)
)]
pub struct Answer {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AnswerId,
    /// The inspection.
    pub inspection_id: InspectionId,
    /// The question.
    pub checklist_item_id: ItemId,
    /// Answer: `pass`, `fail`, `yes`, `no`, a decimal number, a date, a choice, a text or `n/a`;
    /// empty if there is none yet, or if photos are the answer.
    pub answer_value: String,
    /// Remark.
    pub comment: Option<String>,
    /// Path of the photo on the client.
    pub photo_path: Option<String>,
    /// Uploaded photo, the first of `photo_file_ids`.
    pub photo_file_id: Option<FileId>,
    /// Uploaded photos, at most ten.
    pub photo_file_ids: Photos,
    /// User that answered.
    pub answered_by_id: UserId,
    /// Time of the answer.
    pub answered_at: Instant,
}

crate::translated!(Answer, "inspection_answer", { comment });

impl Answer {
    /// Whether it has a photo.
    pub(crate) const fn has_photo(&self) -> bool {
        self.photo_path.is_some() || self.photo_file_id.is_some()
    }

    /// Whether it answers its question (§5).
    pub(super) fn settles(&self, item: &Item) -> bool {
        match item.answer_type {
            AnswerType::Photo => self.has_photo() || self.answer_value == NOT_APPLICABLE,
            _ => !self.answer_value.is_empty(),
        }
    }

    /// Sets the photos.
    fn with_photos(self, photos: Photos) -> Self {
        Self { photo_file_id: photos.0.first().copied(), photo_file_ids: photos, ..self }
    }

    /// The answer with these photos beside those it has, which stay (§5).
    pub fn with_more_photos(&self, added: &[FileId]) -> Result<Self, Invalid> {
        let mut photos = self.photo_file_ids.clone();
        photos.extend(added.iter().copied());
        too_many(&photos)?;
        Ok(self.clone().with_photos(photos))
    }
}

input! {
    /// An answer to one question. Fields that are absent keep their value.
    pub struct NewAnswer {
        /// The question.
        checklist_item_id: ItemId,
        /// Answer in the type of the question: `pass` or `fail`, `yes` or `no`, a number, a date, a
        /// choice, a text, or `n/a` if the question allows it.
        answer_value | "answer": Patch<AnswerText>,
        /// Remark.
        comment: Patch<Text<2000>>,
        /// Uploaded image, which takes the place of the first one; a failed critical question
        /// requires a photo at submission. `photo_file_ids` takes precedence.
        photo_file_id: Patch<FileId>,
        /// Uploaded images, at most ten.
        photo_file_ids: Patch<ValueList<FileId, 0, MOST_PHOTOS>>,
        /// Path of the photo, or its address, which begins with `https://`. An address on the
        /// phone, such as one that begins with `file:`, is not stored.
        photo_path: Patch<PhotoPath>,
    }
}

input! {
    /// Photos to add to an answer, beside those that it has.
    pub struct NewPhotos {
        /// The question.
        checklist_item_id: ItemId,
        /// Uploaded image.
        photo_file_id: Option<FileId>,
        /// Uploaded images, at most ten.
        photo_file_ids: Option<ValueList<FileId, 0, MOST_PHOTOS>>,
    }
}

impl NewPhotos {
    /// The change of an answer with these photos, and of one that has photos already.
    pub fn beside(self, present: &[FileId]) -> Result<NewAnswer, Invalid> {
        let mut photos = Photos(present.to_vec());
        photos.extend(self.photo_file_ids.map(|list| list.0).unwrap_or_default());
        photos.extend(self.photo_file_id);
        if photos.0.len() == present.len() && present.is_empty() {
            return Err(Invalid::field("photo_file_id", "is required, or photo_file_ids is"));
        }
        too_many(&photos)?;
        Ok(NewAnswer {
            checklist_item_id: self.checklist_item_id,
            answer_value: Patch::absent(),
            comment: Patch::absent(),
            photo_file_id: Patch::absent(),
            photo_file_ids: Patch::to(ValueList(photos.0)),
            photo_path: Patch::absent(),
        })
    }
}

/// Refuses more photos than an answer may have.
fn too_many(photos: &Photos) -> Result<(), Invalid> {
    if photos.0.len() > MOST_PHOTOS {
        let message = message!("may have at most {max} photos", max = MOST_PHOTOS);
        return Err(Invalid::field("photo_file_ids", message));
    }
    Ok(())
}

impl NewAnswer {
    /// The answer with the changed fields (§5).
    pub(super) fn apply(self, mut answer: Answer, item: &Item) -> Result<Answer, Invalid> {
        if !self.changes_answer() && !self.changes_photos() {
            return Err(Invalid::field("answer_value", "is required, or a remark or a photo is"));
        }
        if self.answer_value.is_given() {
            let mut value = Some(answer.answer_value).filter(|value| !value.is_empty());
            self.answer_value.apply(&mut value);
            let accepted = value.map(|value| item.accept(&value)).transpose();
            answer.answer_value =
                accepted.map_err(|message| Invalid::field("answer_value", message))?.unwrap_or_default();
        }
        self.comment.apply(&mut answer.comment);
        let mut path = answer.photo_path.map(PhotoPath::Usable);
        let stored = path.clone();
        self.photo_path.apply(&mut path);
        answer.photo_path = match if path == Some(PhotoPath::OnPhone) { stored } else { path } {
            Some(PhotoPath::Usable(path)) => Some(path),
            Some(PhotoPath::OnPhone) | None => None,
        };
        let mut photos = answer.photo_file_ids.clone();
        if self.photo_file_ids.is_given() {
            let mut list = Some(photos);
            self.photo_file_ids.apply(&mut list);
            photos = list.unwrap_or_default();
        } else if self.photo_file_id.is_given() {
            let mut first = photos.0.first().copied();
            self.photo_file_id.apply(&mut first);
            match first {
                Some(id) => photos.replace_first(id),
                None => photos = Photos::default(),
            }
        }
        Ok(answer.with_photos(photos))
    }

    /// The part of this older answer that a newer record lacks. None if it
    /// has them all, or has a verdict in place of that of this answer, to which the other fields
    /// belong (§15).
    pub(super) fn beneath(self, record: &Answer) -> Option<Self> {
        let has_value = !record.answer_value.is_empty();
        if has_value && self.gives_verdict() {
            return None;
        }
        let has_photos = !record.photo_file_ids.0.is_empty();
        let rest = Self {
            comment: if record.comment.is_some() { Patch::absent() } else { self.comment },
            photo_file_id: if has_photos { Patch::absent() } else { self.photo_file_id },
            photo_file_ids: if has_photos { Patch::absent() } else { self.photo_file_ids },
            photo_path: if record.photo_path.is_some() { Patch::absent() } else { self.photo_path },
            ..self
        };
        let adds = rest.changes_answer() || rest.photo_file_id.is_given() || rest.photo_file_ids.is_given();
        adds.then_some(rest)
    }

    /// Whether it has a verdict, or clears it.
    pub(super) fn gives_verdict(&self) -> bool {
        self.answer_value.is_given()
    }

    /// Whether it changes anything but the uploaded photos.
    fn changes_answer(&self) -> bool {
        self.answer_value.is_given() || self.comment.is_given() || self.photo_path.is_given()
    }

    fn changes_photos(&self) -> bool {
        self.photo_file_id.is_given() || self.photo_file_ids.is_given()
    }

    /// The photos to add, if it changes nothing else: such a change is possible after the
    /// submission (§5).
    pub fn photos_only(&self) -> Option<Vec<FileId>> {
        if self.changes_answer() || !self.changes_photos() {
            return None;
        }
        let (mut list, mut first) = (None::<Photos>, None::<FileId>);
        self.photo_file_ids.clone().apply(&mut list);
        self.photo_file_id.clone().apply(&mut first);
        let mut photos = list.unwrap_or_default();
        photos.extend(first);
        Some(photos.0)
    }

    /// Whether it names a photo on the phone, which the service can't read.
    pub fn names_photo_on_phone(&self) -> bool {
        self.photo_path.contains(&PhotoPath::OnPhone)
    }
}

/// The warnings about answers that name a photo by its address on the phone; `path` is the place of
/// the n-th answer in the input (§5).
pub fn photos_on_phone(given: &[NewAnswer], path: impl Fn(usize) -> String) -> Vec<Warning> {
    let named = given.iter().enumerate().filter(|(_, answer)| answer.names_photo_on_phone());
    let warning = |(n, _)| {
        let message = message!(
            "is an address on the phone and was not stored; upload the photo and name it by photo_file_ids"
        );
        Warning::of_field(WarningCode::PhotoNotUploaded, path(n) + "photo_path", message)
    };
    named.map(warning).collect()
}

input! {
    /// Several answers, saved all or none.
    pub struct NewAnswers {
        /// The answers; at most one per question.
        answers: NonEmptyList<NewAnswer, 500>,
    }
}

/// The place of a photo outside the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoPath {
    /// A path, or an address of HTTPS. A browser that opens it runs no script.
    Usable(String),
    /// An address that only the phone can read.
    OnPhone,
}

/// Schemes of addresses on a phone.
const ON_PHONE: [&str; 5] = ["file", "content", "ph", "assets-library", "blob"];

impl PhotoPath {
    fn is_safe(text: &str) -> bool {
        let is_plain = !text.contains(|c: char| c.is_control() || c == '\\');
        let is_address = text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let first = text.split(['/', '?', '#']).next().unwrap_or_default();
        let is_path = !first.contains(':') && !text.starts_with("//");
        is_plain && (is_path || is_address && text.len() > 8)
    }

    fn is_on_phone(text: &str) -> bool {
        let is_phones = |scheme: &str| ON_PHONE.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        text.split_once(':').is_some_and(|(scheme, _)| is_phones(scheme))
    }
}

impl Scalar for PhotoPath {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let given = given.text()?;
        if Self::is_on_phone(&given) {
            return Ok(Self::OnPhone);
        }
        let text = String::from(Text::<500>::new(&given)?);
        let wrong = || Invalid::value("must be a path, or an address that begins with https://");
        Self::is_safe(&text).then_some(Self::Usable(text)).ok_or_else(wrong)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::String).min_length(Some(1)).into()
    }
}

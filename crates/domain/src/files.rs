//! Evidence files: what may be uploaded, what it is called, who sees it (rule book §14).

use serde::Serialize;

use crate::{
    assessments::Assessment,
    ids::{AssessmentId, AssignmentId, DefectId, EquipmentId, FileId, InspectionId, JobId, ReviewId, UserId},
    input::{Integer, Invalid, input, text_enum},
    inspections::Inspection,
    jobs::Job,
    quality_reviews::QualityReview,
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::{Date, Instant},
    users::User,
};

text_enum! {
    /// The types of file that are taken, by what their bytes are.
    pub enum FileKind {
        /// A PNG image.
        Png = "image/png",
        /// A JPEG image.
        Jpeg = "image/jpeg",
        /// A GIF image.
        Gif = "image/gif",
        /// A WebP image.
        Webp = "image/webp",
        /// A PDF document.
        Pdf = "application/pdf",
    }
}

impl FileKind {
    /// Whether it is an image.
    pub const fn is_image(self) -> bool {
        !matches!(self, Self::Pdf)
    }

    /// The extension it is stored under.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
        }
    }
}

text_enum! {
    /// Kinds of object a file can belong to.
    pub enum RelatedType {
        /// An inspection.
        Inspection = "inspection",
        /// A defect.
        Defect = "defect",
        /// A machine.
        Equipment = "equipment",
        /// An assignment.
        Assignment = "assignment",
        /// A final assessment.
        Assessment = "assessment",
        /// A job.
        Job = "job" | "specialist_job" | "engineer_job",
        /// The cleaning after a repair, by the number of the job.
        Cleaning = "cleaning",
        /// A quality review.
        QualityReview = "quality_review",
    }
}

/// The object a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// An inspection.
    Inspection(InspectionId),
    /// A defect.
    Defect(DefectId),
    /// A machine.
    Equipment(EquipmentId),
    /// An assignment.
    Assignment(AssignmentId),
    /// A final assessment.
    Assessment(AssessmentId),
    /// A job.
    Job(JobId),
    /// The cleaning after a repair.
    Cleaning(JobId),
    /// A quality review.
    QualityReview(ReviewId),
}

impl Relation {
    /// The relation to the object of this kind and number; none if no number can be that.
    pub fn new(kind: RelatedType, id: i64) -> Option<Self> {
        match kind {
            RelatedType::Inspection => InspectionId::new(id).map(Self::Inspection),
            RelatedType::Defect => DefectId::new(id).map(Self::Defect),
            RelatedType::Equipment => EquipmentId::new(id).map(Self::Equipment),
            RelatedType::Assignment => AssignmentId::new(id).map(Self::Assignment),
            RelatedType::Assessment => AssessmentId::new(id).map(Self::Assessment),
            RelatedType::Job => JobId::new(id).map(Self::Job),
            RelatedType::Cleaning => JobId::new(id).map(Self::Cleaning),
            RelatedType::QualityReview => ReviewId::new(id).map(Self::QualityReview),
        }
    }

    /// Kind and number of the object.
    pub const fn parts(self) -> (RelatedType, i64) {
        match self {
            Self::Inspection(id) => (RelatedType::Inspection, id.get()),
            Self::Defect(id) => (RelatedType::Defect, id.get()),
            Self::Equipment(id) => (RelatedType::Equipment, id.get()),
            Self::Assignment(id) => (RelatedType::Assignment, id.get()),
            Self::Assessment(id) => (RelatedType::Assessment, id.get()),
            Self::Job(id) => (RelatedType::Job, id.get()),
            Self::Cleaning(id) => (RelatedType::Cleaning, id.get()),
            Self::QualityReview(id) => (RelatedType::QualityReview, id.get()),
        }
    }
}

/// What is stored about a file; its bytes are elsewhere, under its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::files, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct StoredFile {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: FileId,
    /// Where the bytes are, in the store.
    #[serde(skip)]
    pub key: String,
    /// The client's name for it, cleaned; for display only.
    pub original_filename: String,
    /// What it is, by its bytes.
    #[serde(rename = "mime_type")]
    #[cfg_attr(feature = "diesel", diesel(column_name = mime_type))]
    pub kind: FileKind,
    /// Bytes.
    pub file_size: i64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
    /// What it is for, such as `inspection`.
    pub category: String,
    /// Who uploaded it.
    #[serde(rename = "uploaded_by")]
    pub uploaded_by_id: UserId,
    /// Kind of the object it belongs to.
    pub related_type: Option<RelatedType>,
    /// Number of that object.
    pub related_id: Option<i64>,
    /// When it was uploaded.
    pub created_at: Instant,
}

crate::shows!(StoredFile {});

/// What a client says about a file that it uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// The object it belongs to.
    pub relation: Option<Relation>,
    /// What it is for.
    pub category: Category,
}

input! {
    /// What a file that is uploaded belongs to and is for.
    pub struct UploadFields {
        /// Kind of the object it belongs to; needs `related_id`.
        related_type: Option<RelatedType>,
        /// Number of that object; needs `related_type`.
        related_id: Option<i64>,
        /// What it is for: small letters, digits, `-` and `_`; the kind of the object if absent, or else `general`.
        category: Option<Category>,
    }
}

input! {
    /// Whose files: those that belong to an object, or one's own.
    pub struct FileFilter {
        /// Kind of the object; needs `related_id`.
        related_type: Option<RelatedType>,
        /// Number of the object; needs `related_type`.
        related_id: Option<i64>,
    }
}

input! {
    /// A link that opens a file without signing in.
    pub struct NewLink {
        /// Seconds it is good for, at most an hour; five minutes if absent.
        expires_in: Option<Integer<1, 3600>>,
    }
}

input! {
    /// How a file is opened.
    pub struct Viewing {
        /// Whether the browser may show it itself, instead of saving it.
        inline: Option<bool>,
    }
}

input! {
    /// How large a small picture is.
    pub struct ThumbnailSize {
        /// Pixels of the longer side, 320 if absent. There are a few sizes; the next larger one comes.
        size: Option<Integer<1, 10_000>>,
    }
}

impl ThumbnailSize {
    /// Pixels of the longer side.
    pub fn pixels(&self) -> u32 {
        self.size.and_then(|size| size.get().try_into().ok()).unwrap_or(320)
    }
}

/// Both of kind and number, or neither.
fn relation(kind: Option<RelatedType>, id: Option<i64>) -> Result<Option<Relation>, Invalid> {
    match (kind, id) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Invalid::field("related_id", "is required when related_type is given")),
        (None, Some(_)) => Err(Invalid::field("related_type", "is required when related_id is given")),
        (Some(kind), Some(id)) => Relation::new(kind, id)
            .map(Some)
            .ok_or_else(|| Invalid::field("related_id", "must be a positive whole number")),
    }
}

impl UploadFields {
    /// The purpose, if kind and number of the object go together.
    pub fn purpose(self) -> Result<Purpose, Invalid> {
        let relation = relation(self.related_type, self.related_id)?;
        let category = self.category.unwrap_or_else(|| {
            let kind = relation.map(|relation| relation.parts().0.as_str());
            Category(kind.unwrap_or("general").to_owned())
        });
        Ok(Purpose { relation, category })
    }
}

impl FileFilter {
    /// The object whose files are wanted, if one is named.
    pub fn relation(&self) -> Result<Option<Relation>, Invalid> {
        relation(self.related_type, self.related_id)
    }
}

impl NewLink {
    /// Seconds the link is good for.
    pub fn seconds(&self) -> i64 {
        self.expires_in.map_or(300, Integer::get)
    }
}

/// What a file is for: 1 to 50 small letters, digits, `-` and `_`. It is the first part of where the file is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category(String);

impl Category {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl crate::input::Scalar for Category {
    fn read(given: crate::input::RawValue) -> Result<Self, Invalid> {
        let text = <Text<50>>::new(&given.text()?)?.to_lowercase();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if text.chars().all(is_plain) {
            Ok(Self(text))
        } else {
            Err(Invalid::value("may only have letters from a to z, digits, - and _"))
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[a-zA-Z0-9_-]+$"))
            .min_length(Some(1))
            .max_length(Some(50))
            .into()
    }
}

/// Characters a name for display may have.
const LONGEST_NAME: usize = 150;

/// The client's name of a file as it is shown: without folders, control characters and marks that turn the direction of
/// writing, of bounded length, its extension kept; `file` if nothing is left (§14).
pub fn display_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = last.chars().filter(|c| !c.is_control() && !turns_direction(*c)).collect();
    let name = visible.trim_matches(|c: char| c.is_whitespace() || c == '.');
    if name.is_empty() {
        return "file".to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= 10 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let room = LONGEST_NAME - extension.chars().count();
    stem.chars().take(room).collect::<String>() + &extension
}

/// Marks that are not seen themselves but change how a name is read, such as those that write it backwards.
const fn turns_direction(c: char) -> bool {
    matches!(
        c,
        '\u{061C}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}'
            | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// Why something can't be done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileRule {
    /// Records refer to it (§14).
    #[error("the file is evidence in a record and can't be deleted")]
    InUse,
    /// It isn't an image, or none that can be made smaller.
    #[error("there is no thumbnail of this file")]
    NoThumbnail,
}

impl Rule for FileRule {
    fn code(&self) -> Code {
        match self {
            Self::InUse | Self::NoThumbnail => Code::RuleViolation,
        }
    }
}

/// What of the object that a file belongs to decides who sees it.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Seen by everybody who is signed in: equipment, defects, assignments.
    Open,
    /// An inspection.
    Inspection(Inspection),
    /// A final assessment.
    Assessment(Box<Assessment>),
    /// A job.
    Job(Box<Job>),
    /// A quality review.
    QualityReview(Box<QualityReview>),
}

impl Subject {
    /// Whether the actor may see the object, and with it its files.
    pub fn may_be_seen_by(&self, actor: &User) -> Result<(), Forbidden> {
        match self {
            Self::Open => Ok(()),
            Self::Inspection(inspection) => inspection.may_be_seen_by(actor),
            Self::Assessment(assessment) => assessment.may_be_seen_by(actor),
            Self::Job(job) => job.may_be_seen_by(actor),
            Self::QualityReview(review) => review.may_be_seen_by(actor),
        }
    }
}

/// A file to be recorded: where its bytes are, and what is known of them.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Where the bytes are, in the store.
    pub key: String,
    /// The client's name for it, as it came.
    pub client_name: String,
    /// What it is, by its bytes.
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of the bytes, in hexadecimal digits.
    pub sha256: String,
}

impl NewFile {
    /// The file as it will be kept.
    pub fn record(self, purpose: &Purpose, uploader: UserId, now: Instant) -> StoredFile {
        let (related_type, related_id) = purpose.relation.map(Relation::parts).unzip();
        StoredFile {
            id: FileId::UNSAVED,
            key: self.key,
            original_filename: display_name(&self.client_name),
            kind: self.kind,
            file_size: i64::try_from(self.size).unwrap_or(i64::MAX),
            sha256: self.sha256,
            category: purpose.category.as_str().to_owned(),
            uploaded_by_id: uploader,
            related_type,
            related_id,
            created_at: now,
        }
    }
}

impl StoredFile {
    /// The object it belongs to.
    pub fn relation(&self) -> Option<Relation> {
        self.related_type.zip(self.related_id).and_then(|(kind, id)| Relation::new(kind, id))
    }

    /// The random name it is stored under, without its folders.
    pub fn stored_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }

    /// Whether the actor may see it: its uploader, an admin, or whoever may see the object it belongs to (§14).
    pub fn may_be_seen_by(&self, actor: &User, subject: Option<&Subject>) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.id == self.uploaded_by_id {
            return Ok(());
        }
        let refused = Forbidden("this file is somebody else's");
        subject.ok_or(refused).and_then(|subject| subject.may_be_seen_by(actor))
    }

    /// Whether the actor may delete it: its uploader or an admin, and no record uses it as evidence (§14).
    pub fn may_be_deleted_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.id == self.uploaded_by_id {
            return Ok(());
        }
        Err(Forbidden("only its uploader or an admin may delete a file"))
    }

    /// Whether there can be a small picture of it: it is an image.
    pub const fn may_have_thumbnail(&self) -> Result<(), FileRule> {
        if self.kind.is_image() { Ok(()) } else { Err(FileRule::NoThumbnail) }
    }

    /// Whether it can prove an answer of an inspection: an image that can go with it (§5).
    pub fn may_prove(&self, inspection: &Inspection) -> Result<(), Invalid> {
        if self.kind.is_image() {
            self.may_go_with(inspection)
        } else {
            Err(Invalid::value("must be an image"))
        }
    }

    /// Whether it can go with an inspection: it belongs to nothing else than that, its assignment or its machine.
    pub fn may_go_with(&self, inspection: &Inspection) -> Result<(), Invalid> {
        let fits = match self.relation() {
            None => true,
            Some(Relation::Inspection(id)) => id == inspection.id,
            Some(Relation::Equipment(id)) => id == inspection.equipment_id,
            Some(Relation::Assignment(id)) => Some(id) == inspection.assignment_id,
            Some(
                Relation::Defect(_)
                | Relation::Assessment(_)
                | Relation::Job(_)
                | Relation::Cleaning(_)
                | Relation::QualityReview(_),
            ) => false,
        };
        if fits { Ok(()) } else { Err(Invalid::value("belongs to something else")) }
    }

    /// Whether it can show how the place of a repair was left: an image that belongs to nothing else (§7).
    pub fn may_show_cleaning(&self, job: &Job) -> Result<(), Invalid> {
        if !self.kind.is_image() {
            return Err(Invalid::value("must be an image"));
        }
        match self.relation() {
            None => Ok(()),
            Some(Relation::Cleaning(id) | Relation::Job(id)) if id == job.id => Ok(()),
            Some(_) => Err(Invalid::value("belongs to something else")),
        }
    }

    /// Whether it can prove a rejection: it belongs to nothing else than the work (§8).
    pub fn may_prove_rejection(&self, review: &QualityReview, job: &Job) -> Result<(), Invalid> {
        match self.relation() {
            None => Ok(()),
            Some(Relation::Cleaning(id) | Relation::Job(id)) if id == job.id => Ok(()),
            Some(Relation::QualityReview(id)) if id == review.id => Ok(()),
            Some(Relation::Equipment(id)) if Some(id) == job.equipment_id => Ok(()),
            Some(Relation::Defect(id)) if Some(id) == job.defect_id => Ok(()),
            Some(_) => Err(Invalid::value("belongs to something else")),
        }
    }

    /// The file as part of an object, if it belonged to nothing: whoever sees the object sees its proofs.
    #[must_use]
    pub fn proving(&self, of: Relation) -> Self {
        if self.related_type.is_some() {
            return self.clone();
        }
        let (related_type, related_id) = of.parts();
        Self { related_type: Some(related_type), related_id: Some(related_id), ..self.clone() }
    }
}

/// Where files of a day are kept, below their category: `yyyy/mm/dd`.
pub fn folder_of(date: Date) -> String {
    date.to_string().replace('-', "/")
}

#[cfg(test)]
mod tests;

//! Evidence files: accepted types, display names and visibility (rule book §14).

mod kind;
mod name;

use serde::Serialize;

use crate::{
    assessments::Assessment,
    defects::Defect,
    ids::{
        AnswerId, AssessmentId, AssignmentId, DefectId, EquipmentId, FileId, InspectionId, JobId, ReviewId,
        UserId,
    },
    input::{Integer, Invalid, input, text_enum},
    inspections::{Answer, Inspection},
    jobs::Job,
    quality_reviews::QualityReview,
    rule::{Code, Forbidden, Rule},
    text::Text,
    time::{Date, Instant},
    users::User,
};
pub use kind::FileKind;
pub use name::{display_name, extensions};

text_enum! {
    /// Type of the object that a file belongs to.
    pub enum RelatedType {
        /// An inspection.
        Inspection = "inspection",
        /// An answer of an inspection.
        InspectionAnswer = "inspection_answer",
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
        /// The cleaning after a repair, identified by the job.
        Cleaning = "cleaning",
        /// A quality review.
        QualityReview = "quality_review",
    }
}

/// Object that a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// An inspection.
    Inspection(InspectionId),
    /// An answer of an inspection.
    InspectionAnswer(AnswerId),
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
    /// The relation to an object; `None` if the number is not a valid primary key.
    pub fn new(kind: RelatedType, id: i64) -> Option<Self> {
        match kind {
            RelatedType::Inspection => InspectionId::new(id).map(Self::Inspection),
            RelatedType::InspectionAnswer => AnswerId::new(id).map(Self::InspectionAnswer),
            RelatedType::Defect => DefectId::new(id).map(Self::Defect),
            RelatedType::Equipment => EquipmentId::new(id).map(Self::Equipment),
            RelatedType::Assignment => AssignmentId::new(id).map(Self::Assignment),
            RelatedType::Assessment => AssessmentId::new(id).map(Self::Assessment),
            RelatedType::Job => JobId::new(id).map(Self::Job),
            RelatedType::Cleaning => JobId::new(id).map(Self::Cleaning),
            RelatedType::QualityReview => ReviewId::new(id).map(Self::QualityReview),
        }
    }

    /// Type and primary key of the object.
    pub const fn parts(self) -> (RelatedType, i64) {
        match self {
            Self::Inspection(id) => (RelatedType::Inspection, id.get()),
            Self::InspectionAnswer(id) => (RelatedType::InspectionAnswer, id.get()),
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

/// Metadata of a file. The content is in the file store, under the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::files, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct StoredFile {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: FileId,
    /// Key of the content in the file store.
    #[serde(skip)]
    pub key: String,
    /// Client's file name, sanitised; for display only.
    pub original_filename: String,
    /// File type, detected from the content.
    #[serde(rename = "mime_type")]
    #[cfg_attr(feature = "diesel", diesel(column_name = mime_type))]
    pub kind: FileKind,
    /// Size in bytes.
    pub file_size: i64,
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
    /// Purpose of the file, such as `inspection`.
    pub category: String,
    /// User that uploaded it.
    #[serde(rename = "uploaded_by")]
    pub uploaded_by_id: UserId,
    /// Type of the related object.
    pub related_type: Option<RelatedType>,
    /// Primary key of the related object.
    pub related_id: Option<i64>,
    /// Upload time.
    pub created_at: Instant,
}

crate::shows!(StoredFile {});

impl crate::entity::Entity for StoredFile {
    const NAME: &'static str = "file";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

/// Purpose and relation of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Related object.
    pub relation: Option<Relation>,
    /// Purpose.
    pub category: Category,
}

input! {
    /// Form fields of an upload.
    pub struct UploadFields {
        /// Type of the related object; requires `related_id`.
        related_type: Option<RelatedType>,
        /// Primary key of the related object; requires `related_type`.
        related_id: Option<i64>,
        /// Purpose: lower-case letters, digits, `-` and `_`; the type of the related object if
        /// absent, else `general`.
        category: Option<Category>,
    }
}

input! {
    /// Filter of a list of files: those of an object, or the user's own.
    pub struct FileFilter {
        /// Type of the object; requires `related_id`.
        related_type: Option<RelatedType>,
        /// Primary key of the object; requires `related_type`.
        related_id: Option<i64>,
    }
}

input! {
    /// A link to a file that works without signing in.
    pub struct NewLink {
        /// Lifetime in seconds; at most 3600; 300 if absent.
        expires_in: Option<Integer<1, 3600>>,
    }
}

input! {
    /// Presentation of a file.
    pub struct Viewing {
        /// Whether the browser may display it instead of saving it.
        inline: Option<bool>,
    }
}

input! {
    /// Size of a thumbnail.
    pub struct ThumbnailSize {
        /// Longer side in pixels; 320 if absent; rounded up to the next available size.
        size: Option<Integer<1, 10_000>>,
    }
}

impl ThumbnailSize {
    /// Longer side in pixels.
    pub fn pixels(&self) -> u32 {
        self.size.and_then(|size| size.get().try_into().ok()).unwrap_or(320)
    }
}

/// Requires type and primary key together, or neither.
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
    /// The purpose; type and primary key of the object must be given together.
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
    /// The object to list the files of, if given.
    pub fn relation(&self) -> Result<Option<Relation>, Invalid> {
        relation(self.related_type, self.related_id)
    }
}

impl NewLink {
    /// Lifetime of the link in seconds.
    pub fn seconds(&self) -> i64 {
        self.expires_in.map_or(300, Integer::get)
    }
}

/// Purpose of a file: 1 to 50 lower-case letters, digits, `-` and `_`. It is the first segment of
/// the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category(String);

impl Category {
    /// The purpose as text.
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

/// Reasons for rejecting a command on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileRule {
    /// Records refer to the file (§14).
    #[error("the file is evidence in a record and can't be deleted")]
    InUse,
    /// The file is not an image, or an image without a thumbnail.
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

/// Object of a file, as far as it determines visibility.
#[derive(Debug, Clone)]
pub enum Subject {
    /// Visible to every signed-in user: equipment, defects and assignments.
    Open,
    /// An inspection.
    Inspection(Box<Inspection>),
    /// A final assessment.
    Assessment(Box<Assessment>),
    /// A job.
    Job(Box<Job>),
    /// A quality review.
    QualityReview(Box<QualityReview>),
}

impl Subject {
    /// Checks that the actor may see the object and its files.
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

/// A stored upload to record.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Key of the content in the file store.
    pub key: String,
    /// File name as sent by the client.
    pub client_name: String,
    /// File type, detected from the content.
    pub kind: FileKind,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the content in hexadecimal.
    pub sha256: String,
}

impl NewFile {
    /// Builds the metadata.
    pub fn record(self, purpose: &Purpose, uploader: UserId, now: Instant) -> StoredFile {
        let (related_type, related_id) = purpose.relation.map(Relation::parts).unzip();
        StoredFile {
            id: FileId::UNSAVED,
            key: self.key,
            original_filename: self.kind.named(&self.client_name),
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
    /// Related object.
    pub fn relation(&self) -> Option<Relation> {
        self.related_type.zip(self.related_id).and_then(|(kind, id)| Relation::new(kind, id))
    }

    /// Random file name in the store, without folders.
    pub fn stored_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }

    /// Checks that the actor may see it: its uploader, an admin, or a user that may see the related
    /// object (§14).
    pub fn may_be_seen_by(&self, actor: &User, subject: Option<&Subject>) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.id == self.uploaded_by_id {
            return Ok(());
        }
        let refused = Forbidden("this file belongs to another user");
        subject.ok_or(refused).and_then(|subject| subject.may_be_seen_by(actor))
    }

    /// Checks that the actor may delete it: its uploader or an admin (§14).
    pub fn may_be_deleted_by(&self, actor: &User) -> Result<(), Forbidden> {
        if actor.is_admin() || actor.id == self.uploaded_by_id {
            return Ok(());
        }
        Err(Forbidden("only its uploader or an admin may delete a file"))
    }

    /// Checks that it can have a thumbnail: it is an image.
    pub const fn may_have_thumbnail(&self) -> Result<(), FileRule> {
        if self.kind.is_image() { Ok(()) } else { Err(FileRule::NoThumbnail) }
    }

    /// Checks that it can be the photo of an answer: an image that can be attached to the
    /// inspection (§5).
    pub fn may_prove(&self, inspection: &Inspection) -> Result<(), Invalid> {
        if self.kind.is_image() {
            self.may_go_with(inspection)
        } else {
            Err(Invalid::value("must be an image"))
        }
    }

    /// Checks that it can be the photo of an answer, as [`may_prove`](Self::may_prove) does, or
    /// that it is the image of one of these answers of the inspection (§5).
    pub fn may_prove_answer(&self, inspection: &Inspection, answers: &[Answer]) -> Result<(), Invalid> {
        let is_own = |id: AnswerId| answers.iter().any(|answer| answer.id == id);
        match self.relation() {
            Some(Relation::InspectionAnswer(id)) if self.kind.is_image() && is_own(id) => Ok(()),
            _ => self.may_prove(inspection),
        }
    }

    /// Checks that it can be added to an answer after the submission: an image that the actor has
    /// uploaded for this answer (§5).
    pub fn may_come_late(&self, answer: AnswerId, actor: UserId) -> Result<(), Invalid> {
        if !self.kind.is_image() {
            return Err(Invalid::value("must be an image"));
        }
        if self.relation() == Some(Relation::InspectionAnswer(answer)) && self.uploaded_by_id == actor {
            return Ok(());
        }
        Err(Invalid::value("must be uploaded for this answer by the same user"))
    }

    /// Checks that it can be attached to an inspection: unrelated, or related to the inspection,
    /// its assignment or its machine.
    pub fn may_go_with(&self, inspection: &Inspection) -> Result<(), Invalid> {
        let fits = match self.relation() {
            None => true,
            Some(Relation::Inspection(id)) => id == inspection.id,
            Some(Relation::Equipment(id)) => id == inspection.equipment_id,
            Some(Relation::Assignment(id)) => Some(id) == inspection.assignment_id,
            Some(
                // The photo of an answer belongs to it already.
                Relation::InspectionAnswer(_)
                | Relation::Defect(_)
                | Relation::Assessment(_)
                | Relation::Job(_)
                | Relation::Cleaning(_)
                | Relation::QualityReview(_),
            ) => false,
        };
        if fits { Ok(()) } else { Err(Invalid::value("belongs to another object")) }
    }

    /// Checks that it can show the cleaning after a repair: an image related to nothing else (§7).
    pub fn may_show_cleaning(&self, job: &Job) -> Result<(), Invalid> {
        if !self.kind.is_image() {
            return Err(Invalid::value("must be an image"));
        }
        match self.relation() {
            None => Ok(()),
            Some(Relation::Cleaning(id) | Relation::Job(id)) if id == job.id => Ok(()),
            Some(_) => Err(Invalid::value("belongs to another object")),
        }
    }

    /// Checks that it can show a reported defect: an image related to nothing else (§6).
    pub fn may_show_defect(&self, defect: &Defect) -> Result<(), Invalid> {
        if !self.kind.is_image() {
            return Err(Invalid::value("must be an image"));
        }
        match self.relation() {
            None => Ok(()),
            Some(Relation::Defect(id)) if id == defect.id => Ok(()),
            Some(Relation::Equipment(id)) if id == defect.equipment_id => Ok(()),
            Some(_) => Err(Invalid::value("belongs to another object")),
        }
    }

    /// Checks that it can be evidence of a rejection: related to nothing but the work (§8).
    pub fn may_prove_rejection(&self, review: &QualityReview, job: &Job) -> Result<(), Invalid> {
        match self.relation() {
            None => Ok(()),
            Some(Relation::Cleaning(id) | Relation::Job(id)) if id == job.id => Ok(()),
            Some(Relation::QualityReview(id)) if id == review.id => Ok(()),
            Some(Relation::Equipment(id)) if Some(id) == job.equipment_id => Ok(()),
            Some(Relation::Defect(id)) if Some(id) == job.defect_id => Ok(()),
            Some(_) => Err(Invalid::value("belongs to another object")),
        }
    }

    /// The file related to `of`, unless it has a relation; users that see the object see its
    /// evidence.
    #[must_use]
    pub fn proving(&self, of: Relation) -> Self {
        if self.related_type.is_some() {
            return self.clone();
        }
        let (related_type, related_id) = of.parts();
        Self { related_type: Some(related_type), related_id: Some(related_id), ..self.clone() }
    }
}

/// Folder of the files of a day below their purpose: `yyyy/mm/dd`.
pub fn folder_of(date: Date) -> String {
    date.to_string().replace('-', "/")
}

#[cfg(test)]
mod tests;

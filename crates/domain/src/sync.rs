//! Offline work of mobile clients: items processed by the rules of live requests, exactly once
//! (rule book §15).

pub mod batch;
pub mod clock;
pub mod day;
mod healing;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use self::clock::PhoneClock;
pub use crate::entity::ChangedKind;
use crate::{
    ids::{ChangeId, SyncId, UserId},
    input::{Input, Integer, Invalid, RawValue, Scalar, input, text_enum},
    message,
    message::Message,
    rule::{Code, FieldError, Rule},
    text::{Language, Text},
    time::Instant,
    translations::content_hash,
};

text_enum! {
    /// Kind of an offline action.
    pub enum SyncKind {
        /// Start of an inspection.
        InspectionStart = "inspection_start",
        /// Answer to a question.
        InspectionAnswer = "inspection_answer",
        /// Photos of an answer, also after the submission.
        AnswerPhoto = "answer_photo",
        /// Submission of an inspection.
        InspectionSubmit = "inspection_submit",
        /// Completion of a half of an assignment.
        AssignmentComplete = "assignment_complete",
        /// Verdict on a machine.
        AssessmentVerdict = "assessment_verdict",
        /// Planned time of a job.
        JobPlannedTime = "job_planned_time",
        /// Start of a job.
        JobStart = "job_start",
        /// Completion of a job.
        JobComplete = "job_complete",
        /// Abandonment of a job.
        JobIncomplete = "job_incomplete",
        /// Request for a pause.
        PauseRequest = "pause_request",
        /// Resumption of a paused job.
        PauseResume = "pause_resume",
        /// Request for leave.
        LeaveRequest = "leave_request",
        /// Reading of a notification.
        NotificationRead = "notification_read",
        /// Report of a defect without an inspection.
        DefectReport = "defect_report",
    }
}

text_enum! {
    /// Outcome of an item.
    pub enum SyncOutcome {
        /// The action was carried out.
        Applied = "applied",
        /// A rule rejected the action; nothing changed.
        Rejected = "rejected",
    }
}

/// Client-generated identifier of an item: a UUID in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// Parses a UUID; `None` if the text is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_uuid = text.len() == 36
            && text.bytes().enumerate().all(|(index, byte)| match index {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        is_uuid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Scalar for ClientId {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        Self::parse(&given.text()?).ok_or_else(|| Invalid::value("must be a UUID"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{SchemaFormat, schema::Type};
        crate::input::object(Type::String).format(Some(SchemaFormat::Custom("uuid".into()))).into()
    }
}

/// Maximum size of the body of an action, in bytes.
const MAX_BYTES: usize = 256_000;

/// Maximum number of rejected items of a user; the oldest ones are deleted.
pub const MAX_REJECTED: usize = 200;

/// Maximum size of all rejected items of a user, in bytes; the oldest ones are deleted.
pub const MAX_REJECTED_BYTES: i64 = 5_000_000;

/// A JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = std::collections::BTreeMap<String, Value>))]
#[serde(transparent)]
pub struct Document(pub Map<String, Value>);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Document);

impl Scalar for Document {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(value @ Value::Object(_)) => {
                let text = value.to_string();
                if text.len() > MAX_BYTES {
                    return Err(Invalid::value(message!("may have at most {max} bytes", max = MAX_BYTES)));
                }
                // PostgreSQL cannot store this character.
                if text.contains("\\u0000") {
                    return Err(Invalid::value("may not contain the character U+0000"));
                }
                Self::deserialize(value).map_err(|_| Invalid::value("must be an object"))
            }
            _ => Err(Invalid::value("must be an object")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::Object)
            .additional_properties(Some(utoipa::openapi::schema::AdditionalProperties::FreeForm(true)))
            .examples([serde_json::json!({"inspection_id": 1})])
            .into()
    }
}

/// Fields that can refer to an object created by an earlier item: the field, the alternative field
/// for the identifier of that item, and the kind of that item.
const REFERENCES: [(&str, &str, SyncKind); 3] = [
    ("inspection_id", "inspection_client_id", SyncKind::InspectionStart),
    ("pause_id", "pause_client_id", SyncKind::PauseRequest),
    ("leave_id", "leave_client_id", SyncKind::LeaveRequest),
];

impl Document {
    /// References to objects created offline: the field of the primary key, the item that creates
    /// the object, and the required kind of that item. The client sends the identifier of the item
    /// in place of the primary key, or under `…_client_id`.
    pub fn references(&self) -> Vec<(&'static str, ClientId, SyncKind)> {
        let found = |field: &str| self.0.get(field)?.as_str().and_then(ClientId::parse);
        REFERENCES
            .iter()
            .filter_map(|(field, by_name, kind)| {
                Some((*field, found(field).or_else(|| found(by_name))?, *kind))
            })
            .collect()
    }

    /// Replaces a reference by the primary key of the object.
    #[must_use]
    pub fn with_number(mut self, field: &'static str, number: i64) -> Self {
        self.0.insert(field.to_owned(), number.into());
        self
    }

    /// Reads a command as from a live request.
    pub fn read<T: Input>(self) -> Result<T, Invalid> {
        T::from_json(Value::Object(self.0)).map_err(|errors| errors.at("entity_data"))
    }

    /// Reads the primary key of an object.
    pub fn number<T: Scalar>(&self, field: &'static str) -> Result<T, Invalid> {
        let wrong = |errors: Invalid| errors.at(&format!("entity_data.{field}"));
        let given = self.0.get(field).cloned().ok_or_else(|| wrong(Invalid::value("is required")))?;
        T::read(RawValue::Json(given)).map_err(wrong)
    }
}

input! {
    /// An action performed offline.
    pub struct NewSyncItem {
        /// Client-generated identifier; an item with the same identifier is processed once.
        client_id: ClientId,
        /// Kind of the action.
        entity_type: SyncKind,
        /// Body of the corresponding live request, with the primary key of the object or, in its
        /// place, the `client_id` of the item that creates the object.
        entity_data | "data": Document,
        /// Time of the action by the client's clock. Records have this time, corrected by
        /// `sent_at`.
        occurred_at | "timestamp" | "created_at": Option<Instant>,
        /// Time of the sending by the client's clock; that of the batch takes precedence.
        sent_at: Option<Instant>,
    }
}

impl NewSyncItem {
    /// Time of the action by the clock of the service; none if the client doesn't say.
    pub fn happened_at(&self, clock: PhoneClock, now: Instant) -> Option<Instant> {
        self.occurred_at.map(|at| storable(clock.corrected(at, now)))
    }

    /// Hash of the content, which distinguishes items with the same identifier.
    pub fn hash(&self) -> String {
        let data = serde_json::to_string(&self.entity_data).unwrap_or_default();
        content_hash(&format!("{} {data}", self.entity_type))
    }
}

/// Reason for the rejection of an item, as in the error of the live request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct SyncError {
    /// Stable error code.
    pub code: String,
    /// Human-readable message.
    pub message: String,
    /// Invalid fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(SyncError);

impl SyncError {
    /// The error of a rule, in the language of the user.
    pub fn of(rule: &dyn Rule, language: Language) -> Self {
        Self {
            code: rule.code().as_str().into(),
            message: rule.message().in_language(language).into_owned(),
            errors: rule.fields().iter().map(|error| error.in_language(language)).collect(),
        }
    }
}

/// A processed item and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::sync_items, treat_none_as_default_value = false)
)]
pub struct SyncItem {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: SyncId,
    /// User that sent it.
    pub user_id: UserId,
    /// Client-generated identifier.
    pub client_id: String,
    /// Kind of the action.
    pub entity_type: SyncKind,
    /// Body of the action.
    pub entity_data: Document,
    /// Time of the action by the client's clock.
    pub occurred_at: Option<Instant>,
    /// Outcome.
    pub outcome: SyncOutcome,
    /// Primary key of the object; none if rejected.
    pub entity_id: Option<i64>,
    /// Response of the corresponding live request; none if rejected.
    pub result: Option<Document>,
    /// Error; none if applied.
    #[serde(rename = "error")]
    pub sync_error: Option<SyncError>,
    /// Hash of the content, which distinguishes items with the same identifier.
    #[serde(skip)]
    pub content_hash: String,
    /// Time of receipt.
    pub created_at: Instant,
    /// Time of the action by the clock of the service; none if the client didn't say.
    pub happened_at: Option<Instant>,
    /// Whether the answer is older than the one on record, which stays.
    pub is_superseded: bool,
}

/// Reasons for rejecting an item or its deletion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncRule {
    /// The identifier belongs to an item with another content.
    #[error("another item with this client_id has already been sent")]
    Reused,
    /// The referenced item was rejected.
    #[error("{}", self.message())]
    OfRejected(&'static str),
    /// The referenced item must be sent again (§15).
    #[error("the item it refers to must be sent again, and this one with it")]
    OfUnsettled,
    /// The item was rejected after an item that must be sent again (§15).
    #[error("an earlier item must be sent again, and this one with it")]
    AfterUnsettled,
    /// An applied item cannot be discarded.
    #[error("only a rejected item can be discarded")]
    NotRejected,
}

impl Rule for SyncRule {
    fn code(&self) -> Code {
        match self {
            Self::Reused | Self::OfUnsettled | Self::AfterUnsettled => Code::Conflict,
            Self::OfRejected(_) | Self::NotRejected => Code::InvalidState,
        }
    }

    fn message(&self) -> Message {
        match self {
            Self::OfRejected(field) => {
                message!("the item it refers to by {field} was rejected", field)
            }
            rule => rule.to_string().into(),
        }
    }
}

/// The time, unless it is too early for a database.
fn storable(at: Instant) -> Instant {
    const YEAR_ONE: i64 = -62_135_596_800_000;
    Instant::from_millisecond(YEAR_ONE).map_or(at, |first| at.max(first))
}

impl SyncItem {
    /// Builds the record of an applied item.
    pub fn applied(new: NewSyncItem, by: UserId, entity_id: i64, result: Document, now: Instant) -> Self {
        let blank = Self::blank(new, by, now);
        Self { outcome: SyncOutcome::Applied, entity_id: Some(entity_id), result: Some(result), ..blank }
    }

    /// Builds the record of a rejected item.
    pub fn rejected(new: NewSyncItem, by: UserId, error: SyncError, now: Instant) -> Self {
        Self { sync_error: Some(error), ..Self::blank(new, by, now) }
    }

    fn blank(new: NewSyncItem, user_id: UserId, now: Instant) -> Self {
        Self {
            id: SyncId::UNSAVED,
            user_id,
            content_hash: new.hash(),
            client_id: new.client_id.0,
            entity_type: new.entity_type,
            entity_data: new.entity_data,
            occurred_at: new.occurred_at.map(storable),
            outcome: SyncOutcome::Rejected,
            entity_id: None,
            result: None,
            sync_error: None,
            created_at: now,
            happened_at: None,
            is_superseded: false,
        }
    }

    /// The recorded outcome of a repeated item; an error if its content differs.
    pub fn replay(self, new: &NewSyncItem) -> Result<Self, SyncRule> {
        if self.content_hash == new.hash() { Ok(self) } else { Err(SyncRule::Reused) }
    }

    /// Primary key of the object that this item created, for a reference by `field`.
    pub fn created_id(&self, field: &'static str) -> Result<i64, SyncRule> {
        self.entity_id.ok_or(SyncRule::OfRejected(field))
    }

    /// Checks that the item can be discarded: it was rejected. Outcomes of applied items are
    /// permanent.
    pub fn may_be_discarded(&self) -> Result<(), SyncRule> {
        if self.outcome == SyncOutcome::Rejected { Ok(()) } else { Err(SyncRule::NotRejected) }
    }
}

crate::shows!(SyncItem {});

impl crate::entity::Entity for SyncItem {
    const NAME: &'static str = "sync_item";
    const LABEL: &'static str = "sync item";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

/// Latest change of an object for a user. There is one per user and object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::changes, treat_none_as_default_value = false)
)]
pub struct Changed {
    /// Primary key; increases in the order of commits.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ChangeId,
    /// The user.
    pub user_id: UserId,
    /// Type of the object.
    pub entity_type: ChangedKind,
    /// Primary key of the object.
    pub entity_id: i64,
    /// Time of the change.
    pub changed_at: Instant,
}

input! {
    /// Position and size of a page of changes.
    pub struct ChangesSince {
        /// Cursor of the previous page; from the beginning if absent.
        since: Option<Text<1000>>,
        /// Maximum number of changes, 1 to 100; 100 if absent.
        limit: Option<Integer<1, 100>>,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{changed_fields, fields, id, later, now};

    const NAME: &str = "0F8FAD5B-D9CB-469F-A165-70867728950E";

    fn item(data: Value) -> NewSyncItem {
        let body = json!({"client_id": NAME, "entity_type": "inspection_submit", "entity_data": data});
        NewSyncItem::from_json(body).expect("an item")
    }

    #[test]
    fn names_are_uuids_whatever_their_case() {
        let name = ClientId::parse(&format!(" {NAME} ")).expect("a UUID");
        assert_eq!(name.as_str(), NAME.to_lowercase());
        assert_eq!(ClientId::parse(&NAME.to_lowercase()), Some(name));
        for odd in [
            "",
            "7",
            "0f8fad5b0d9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb0469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f0a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165070867728950e",
            "0f8fad5b-d9cb-469f-a165-70867728950eé",
            "-f8fad5b-d9cb-469f-a165-70867728950e",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5b-d9cb-469f-a165-70867728950g",
            "0f8fad5bd9cb469fa16570867728950e",
        ] {
            assert_eq!(ClientId::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_object_is_referenced_by_primary_key_or_by_the_item_that_creates_it() {
        let named = ClientId::parse(NAME).expect("a name");
        let expected = vec![("inspection_id", named, SyncKind::InspectionStart)];
        assert_eq!(item(json!({"inspection_id": NAME})).entity_data.references(), expected);
        assert_eq!(item(json!({"inspection_client_id": NAME})).entity_data.references(), expected);
        let numbered = item(json!({"inspection_id": 7})).entity_data;
        assert!(numbered.references().is_empty());
        assert_eq!(numbered.number::<i64>("inspection_id"), Ok(7));
        let missing = item(json!({})).entity_data.number::<i64>("inspection_id").expect_err("missing");
        assert_eq!(missing.fields()[0].field, "entity_data.inspection_id");
    }

    #[test]
    fn references_name_the_kind_of_the_item_that_creates_the_object() {
        let named = ClientId::parse(NAME).expect("a name");
        let data = json!({"inspection_id": NAME, "pause_id": NAME, "leave_client_id": NAME, "job_id": NAME});
        let expected = [
            ("inspection_id", named.clone(), SyncKind::InspectionStart),
            ("pause_id", named.clone(), SyncKind::PauseRequest),
            ("leave_id", named, SyncKind::LeaveRequest),
        ];
        assert_eq!(item(data).entity_data.references(), expected);
        let numbered = item(json!({"inspection_id": NAME, "job_id": 3})).entity_data;
        let numbered = numbered.with_number("inspection_id", 7);
        assert_eq!(numbered, item(json!({"inspection_id": 7, "job_id": 3})).entity_data);
    }

    #[test]
    fn data_is_an_object_without_the_character_that_postgresql_cannot_store() {
        let parse = <Document as Scalar>::read;
        let read = |value: Value| parse(RawValue::Json(value)).map(|document| document.0);
        assert_eq!(read(json!({"a": "\u{1}"})).map(|map| map.len()), Ok(1));
        for refused in [json!({"a": "\u{0}"}), json!({"\u{0}": 1}), json!([1]), json!("x"), json!(null)] {
            assert!(read(refused.clone()).is_err(), "{refused}");
        }
        assert!(parse(RawValue::Text("{}".into())).is_err());
    }

    #[test]
    fn a_command_is_read_as_from_a_live_request_with_fields_below_the_data() {
        let hours = |data| item(data).entity_data.read::<crate::jobs::PlannedTime>();
        assert!(hours(json!({"hours": 2.5})).is_ok());
        let refused = hours(json!({"hours": 0})).expect_err("refused").fields();
        assert_eq!(refused[0].field, "entity_data.planned_time_hours");
        let refused =
            item(json!({"job_id": "x"})).entity_data.number::<UserId>("job_id").expect_err("refused");
        assert_eq!(refused.fields()[0].field, "entity_data.job_id");
    }

    #[test]
    fn an_item_is_recorded_with_its_outcome() {
        let new = NewSyncItem { occurred_at: Some(now()), ..item(json!({"inspection_id": 7})) };
        let error = SyncError::of(&Invalid::field("reason", "is required"), Language::En);
        let rejected = SyncItem::rejected(new.clone(), id(3), error, later());
        insta::assert_snapshot!(fields(&rejected).join("\n"), @r#"
        id: SyncId(0)
        user_id: UserId(3)
        client_id: "0f8fad5b-d9cb-469f-a165-70867728950e"
        entity_type: InspectionSubmit
        entity_data: Document({"inspection_id": Number(7)})
        occurred_at: Some(Instant(2026-03-01T07:00:00Z))
        outcome: Rejected
        entity_id: None
        result: None
        sync_error: Some(SyncError {code: "VALIDATION_ERROR", message: "the input is not valid: reason is required", errors: [FieldError {field: "reason", message: "is required"}]})
        content_hash: "7e53675a184dd8756cb0c9c20cf9f3d3356af50c048b852d3ebbf2f77462b894"
        created_at: Instant(2026-03-01T08:00:00Z)
        happened_at: None
        is_superseded: false
        "#);
        let result = item(json!({"id": 7})).entity_data;
        let applied = SyncItem::applied(new, id(3), 7, result, later());
        insta::assert_snapshot!(changed_fields(&rejected, &applied), @r#"
        outcome: Applied
        entity_id: Some(7)
        result: Some(Document({"id": Number(7)}))
        sync_error: None
        "#);
    }

    #[test]
    fn a_client_id_identifies_one_content() {
        let first = item(json!({"inspection_id": 7}));
        let done = SyncItem::applied(first.clone(), id(3), 7, Document::default(), now());
        assert_eq!(done.clone().replay(&first), Ok(done.clone()));
        let other_kind = NewSyncItem { entity_type: SyncKind::JobStart, ..first.clone() };
        for other in [item(json!({"inspection_id": 8})), other_kind] {
            assert_eq!(done.clone().replay(&other), Err(SyncRule::Reused));
        }
        assert_eq!(done.created_id("inspection_id"), Ok(7));
        assert_eq!(done.may_be_discarded(), Err(SyncRule::NotRejected));
        let error = SyncError { code: "NOT_FOUND".into(), message: "no".into(), errors: Vec::new() };
        let refused = SyncItem::rejected(first, id(3), error, now());
        assert_eq!(refused.created_id("inspection_id"), Err(SyncRule::OfRejected("inspection_id")));
        assert_eq!(refused.may_be_discarded(), Ok(()));
        let rules = [SyncRule::OfRejected("pause_id"), SyncRule::NotRejected];
        assert_eq!(rules.map(|rule| rule.code()), [Code::InvalidState; 2]);
        let passing = [SyncRule::Reused, SyncRule::OfUnsettled, SyncRule::AfterUnsettled];
        assert_eq!(passing.map(|rule| rule.code()), [Code::Conflict; 3]);
    }
}

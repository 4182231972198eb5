//! What phones did while they were offline: items that are applied by the rules of live requests, each once (rule book §15).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ids::{ChangeId, SyncId, UserId},
    input::{Input, Integer, Invalid, RawValue, Scalar, input, text_enum},
    rule::{Code, FieldError, Rule},
    text::Text,
    time::Instant,
    translations::content_hash,
};

text_enum! {
    /// What somebody did offline.
    pub enum SyncKind {
        /// Began an inspection.
        InspectionStart = "inspection_start",
        /// Answered a question.
        InspectionAnswer = "inspection_answer",
        /// Handed an inspection in.
        InspectionSubmit = "inspection_submit",
        /// Finished their half of an assignment.
        AssignmentComplete = "assignment_complete",
        /// Gave a verdict on a machine.
        AssessmentVerdict = "assessment_verdict",
        /// Entered the planned time of a job.
        JobPlannedTime = "job_planned_time",
        /// Began a job.
        JobStart = "job_start",
        /// Finished a job.
        JobComplete = "job_complete",
        /// Left a job undone.
        JobIncomplete = "job_incomplete",
        /// Asked for a pause.
        PauseRequest = "pause_request",
        /// Went on with a paused job.
        PauseResume = "pause_resume",
        /// Asked for leave.
        LeaveRequest = "leave_request",
        /// Read a notification.
        NotificationRead = "notification_read",
    }
}

text_enum! {
    /// What became of an item.
    pub enum SyncOutcome {
        /// It has been done.
        Applied = "applied",
        /// A rule forbids it; nothing has changed.
        Rejected = "rejected",
    }
}

/// A name that a client has made up for one of its items: a UUID, in small letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(String);

impl ClientId {
    /// The name of a text, if it is a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_uuid = text.len() == 36
            && text.bytes().enumerate().all(|(place, byte)| match place {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        is_uuid.then(|| Self(text.to_ascii_lowercase()))
    }

    /// As text.
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

/// A JSON object.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[serde(transparent)]
pub struct Document(pub Map<String, Value>);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Document);

impl Scalar for Document {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            // PostgreSQL has no such character in texts.
            RawValue::Json(value @ Value::Object(_)) if value.to_string().contains("\\u0000") => {
                Err(Invalid::value("may not contain the character U+0000"))
            }
            RawValue::Json(Value::Object(map)) => Ok(Self(map)),
            _ => Err(Invalid::value("must be an object")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::Object).into()
    }
}

/// Objects that later items may refer to by the name of the item that made them, by the field that refers to them.
const REFERENCES: [(&str, &str, SyncKind); 3] = [
    ("inspection_id", "inspection_client_id", SyncKind::InspectionStart),
    ("pause_id", "pause_client_id", SyncKind::PauseRequest),
    ("leave_id", "leave_client_id", SyncKind::LeaveRequest),
];

impl Document {
    /// The references to what was made offline: the field that holds the number of the object, the item that made it, and of which
    /// kind that must be. The client writes the item's name in the place of the number, or under `…_client_id`.
    pub fn references(&self) -> Vec<(&'static str, ClientId, SyncKind)> {
        let found = |field: &str| self.0.get(field)?.as_str().and_then(ClientId::parse);
        REFERENCES
            .iter()
            .filter_map(|(field, by_name, kind)| {
                Some((*field, found(field).or_else(|| found(by_name))?, *kind))
            })
            .collect()
    }

    /// The document with the number in the place of a reference.
    #[must_use]
    pub fn with_number(mut self, field: &'static str, number: i64) -> Self {
        self.0.insert(field.to_owned(), number.into());
        self
    }

    /// Reads a command from it, as a live request would.
    pub fn read<T: Input>(self) -> Result<T, Invalid> {
        T::from_json(Value::Object(self.0)).map_err(|errors| errors.at("entity_data"))
    }

    /// Reads the number of an object from it.
    pub fn number<T: Scalar>(&self, field: &'static str) -> Result<T, Invalid> {
        let wrong = |errors: Invalid| errors.at(&format!("entity_data.{field}"));
        let given = self.0.get(field).cloned().ok_or_else(|| wrong(Invalid::value("is required")))?;
        T::read(RawValue::Json(given)).map_err(wrong)
    }
}

input! {
    /// Something that somebody did offline.
    pub struct NewSyncItem {
        /// The name that the client has given it: the same one again is not done again.
        client_id: ClientId,
        /// What was done.
        entity_type: SyncKind,
        /// What the live request would carry, with the number of the object; instead of the number, the `client_id` of the item
        /// that made it.
        entity_data | "data": Document,
        /// When it was done, by the clock of the client. It is kept for people to see; timers and deadlines go by the clock of
        /// the service, which nobody can put back.
        occurred_at | "timestamp" | "created_at": Option<Instant>,
    }
}

/// Seconds that the clock of a client may be ahead.
const AHEAD: i64 = 300;

impl NewSyncItem {
    /// Nothing was done in the future, but clocks of phones are not exact.
    pub fn check(&self, now: Instant) -> Result<(), Invalid> {
        match self.occurred_at {
            Some(at) if at > now.plus_seconds(AHEAD) => {
                Err(Invalid::field("occurred_at", "is in the future"))
            }
            _ => Ok(()),
        }
    }

    /// What tells this from another thing of the same name.
    pub fn hash(&self) -> String {
        let data = serde_json::to_string(&self.entity_data).unwrap_or_default();
        content_hash(&format!("{} {data}", self.entity_type))
    }
}

/// Why an item was rejected, as the live request would have said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct SyncError {
    /// The stable code.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(SyncError);

impl SyncError {
    /// What a rule says.
    pub fn of(rule: &dyn Rule) -> Self {
        Self { code: rule.code().as_str().into(), message: rule.to_string(), errors: rule.fields() }
    }
}

/// An item, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::sync_items, treat_none_as_default_value = false)
)]
pub struct SyncItem {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: SyncId,
    /// Who did it.
    pub user_id: UserId,
    /// The name that the client has given it.
    pub client_id: String,
    /// What was done.
    pub entity_type: SyncKind,
    /// With what.
    pub entity_data: Document,
    /// When, by the clock of the client.
    pub occurred_at: Option<Instant>,
    /// What became of it.
    pub outcome: SyncOutcome,
    /// Number of the object that it was about, if it was done.
    pub entity_id: Option<i64>,
    /// What the live request would have answered, if it was done.
    pub result: Option<Document>,
    /// Why it wasn't done.
    pub sync_error: Option<SyncError>,
    /// What tells it from another thing of the same name.
    #[serde(skip)]
    pub content_hash: String,
    /// When it came.
    pub created_at: Instant,
}

/// Why an item isn't taken, or isn't discarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyncRule {
    /// One name is for one thing.
    #[error("another item with this client_id was sent before")]
    Reused,
    /// What it refers to was never made.
    #[error("the item it refers to by {0} was rejected")]
    OfRejected(&'static str),
    /// What has been done stays.
    #[error("only a rejected item can be discarded")]
    NotRejected,
}

impl Rule for SyncRule {
    fn code(&self) -> Code {
        match self {
            Self::Reused => Code::Conflict,
            Self::OfRejected(_) | Self::NotRejected => Code::InvalidState,
        }
    }
}

impl SyncItem {
    /// An item that was done to an object.
    pub fn applied(new: NewSyncItem, by: UserId, entity_id: i64, result: Document, now: Instant) -> Self {
        let blank = Self::blank(new, by, now);
        Self { outcome: SyncOutcome::Applied, entity_id: Some(entity_id), result: Some(result), ..blank }
    }

    /// An item that a rule forbids.
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
            occurred_at: new.occurred_at,
            outcome: SyncOutcome::Rejected,
            entity_id: None,
            result: None,
            sync_error: None,
            created_at: now,
        }
    }

    /// The first outcome stands for the same thing only.
    pub fn replay(self, new: &NewSyncItem) -> Result<Self, SyncRule> {
        if self.content_hash == new.hash() { Ok(self) } else { Err(SyncRule::Reused) }
    }

    /// The number of what it made, for those that refer to it by this field.
    pub fn made(&self, field: &'static str) -> Result<i64, SyncRule> {
        self.entity_id.ok_or(SyncRule::OfRejected(field))
    }

    /// Only what was rejected is discarded: of what was done, the outcome must stay known.
    pub fn may_be_discarded(&self) -> Result<(), SyncRule> {
        if self.outcome == SyncOutcome::Rejected { Ok(()) } else { Err(SyncRule::NotRejected) }
    }
}

crate::shows!(SyncItem {});

text_enum! {
    /// Kinds of objects whose changes phones follow.
    pub enum ChangedKind {
        /// An assignment of one's team.
        Assignment = "assignment",
        /// An inspection of one's own.
        Inspection = "inspection",
        /// A job of one's own.
        Job = "job",
        /// A defect that is given to one.
        Defect = "defect",
        /// A notification.
        Notification = "notification",
    }
}

/// Something that has changed for somebody. There is one of these for a person and an object: the latest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::changes, treat_none_as_default_value = false)
)]
pub struct Changed {
    /// Number; in the order of the commits.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ChangeId,
    /// For whom.
    pub user_id: UserId,
    /// Kind of the object.
    pub entity_type: ChangedKind,
    /// Number of the object.
    pub entity_id: i64,
    /// When.
    pub changed_at: Instant,
}

input! {
    /// From where on, and how much.
    pub struct ChangesSince {
        /// The cursor of the last answer; from the beginning, if there was none.
        since: Option<Text<1000>>,
        /// Changes an answer: 1 to 100, 100 if not given.
        limit: Option<Integer<1, 100>>,
    }
}

/// Items that may be sent together.
pub const MOST_ITEMS: usize = 500;

/// Items that were sent together, in order, each still to be read.
#[derive(Debug, Clone)]
pub struct Items(pub Vec<Value>);

impl Scalar for Items {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        match given {
            RawValue::Json(Value::Array(items)) if items.len() > MOST_ITEMS => {
                Err(Invalid::value(format!("may have at most {MOST_ITEMS} items, not {}", items.len())))
            }
            RawValue::Json(Value::Array(items)) => match items.iter().position(|item| !item.is_object()) {
                Some(place) => {
                    Err(Invalid::value(format!("must be a list of objects, but number {place} is none")))
                }
                None => Ok(Self(items)),
            },
            _ => Err(Invalid::value("must be a list")),
        }
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let item = NewSyncItem::schema();
        utoipa::openapi::ArrayBuilder::new().items(item).max_items(Some(MOST_ITEMS)).into()
    }
}

input! {
    /// What somebody did offline, in order.
    pub struct SyncBatch {
        /// The items.
        items: Items,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: &str = "0F8FAD5B-D9CB-469F-A165-70867728950E";

    fn item(data: Value) -> NewSyncItem {
        let body = json!({"client_id": NAME, "entity_type": "inspection_submit", "entity_data": data});
        NewSyncItem::from_json(body).expect("an item")
    }

    #[test]
    fn names_are_uuids_whatever_their_case() {
        assert_eq!(ClientId::parse(NAME), ClientId::parse(&NAME.to_lowercase()));
        for odd in [
            "",
            "7",
            "0f8fad5b-d9cb-469f-a165-70867728950",
            "0f8fad5b-d9cb-469f-a165-70867728950g",
            "0f8fad5bd9cb469fa16570867728950e",
        ] {
            assert_eq!(ClientId::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_object_is_named_by_number_or_by_the_item_that_made_it() {
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
    fn the_same_name_stands_for_one_thing() {
        let now = Instant::parse("2026-03-01T10:00:00Z").expect("an instant");
        let by = UserId::new(3).expect("a number");
        let first = item(json!({"inspection_id": 7}));
        let done = SyncItem::applied(first.clone(), by, 7, Document::default(), now);
        assert_eq!(done.clone().replay(&first), Ok(done.clone()));
        assert_eq!(done.clone().replay(&item(json!({"inspection_id": 8}))), Err(SyncRule::Reused));
        assert_eq!(done.made("inspection_id"), Ok(7));
        assert_eq!(done.may_be_discarded(), Err(SyncRule::NotRejected));
        let error = SyncError { code: "NOT_FOUND".into(), message: "no".into(), errors: Vec::new() };
        let refused = SyncItem::rejected(first, by, error, now);
        assert_eq!(refused.made("inspection_id"), Err(SyncRule::OfRejected("inspection_id")));
        assert_eq!(refused.may_be_discarded(), Ok(()));
    }

    #[test]
    fn nothing_was_done_in_the_future() {
        let now = Instant::parse("2026-03-01T10:00:00Z").expect("an instant");
        let at = |seconds| NewSyncItem { occurred_at: Some(now.plus_seconds(seconds)), ..item(json!({})) };
        assert!(at(-1_000_000).check(now).is_ok() && at(AHEAD).check(now).is_ok());
        assert!(at(AHEAD + 1).check(now).is_err());
    }
}

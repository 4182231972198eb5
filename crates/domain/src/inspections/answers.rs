//! Answers to the questions of a checklist: validation and failure (rule book §5).

use serde::Serialize;
use serde_json::Value;

use crate::{
    checklists::{AnswerType, Item},
    ids::{AnswerId, FileId, InspectionId, ItemId, UserId},
    input::{Invalid, NonEmptyList, RawValue, Scalar, input},
    message,
    message::Message,
    text::Text,
    time::Instant,
};

/// An answer to one question.
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
    /// Answer: `pass`, `fail`, `yes`, `no`, a decimal number or a text.
    pub answer_value: String,
    /// Remark.
    pub comment: Option<String>,
    /// Path of the photo on the client.
    pub photo_path: Option<String>,
    /// Uploaded photo.
    pub photo_file_id: Option<FileId>,
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
}

/// An answer as received: text, number or boolean, stored as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerText(pub(super) String);

impl Scalar for AnswerText {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let text = match given {
            RawValue::Json(Value::Number(number)) => number.to_string(),
            RawValue::Json(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                return Err(Invalid::value("must be a string or a number"));
            }
            other => other.text()?,
        };
        <Text<500>>::new(&text).map(|text| Self(text.into()))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{OneOfBuilder, schema::Type};
        OneOfBuilder::new()
            .item(crate::input::object(Type::String).min_length(Some(1)).max_length(Some(500)))
            .item(crate::input::object(Type::Number))
            .into()
    }
}

input! {
    /// An answer to one question.
    pub struct NewAnswer {
        /// The question.
        checklist_item_id: ItemId,
        /// Answer in the type of the question: `pass` or `fail`, `yes` or `no`, a number or a text.
        answer_value | "answer": AnswerText,
        /// Remark.
        comment: Option<Text<2000>>,
        /// Uploaded image; a failed critical question requires this or `photo_path`.
        photo_file_id: Option<FileId>,
        /// Path of the photo, or its address, which begins with `https://`.
        photo_path: Option<PhotoPath>,
    }
}

input! {
    /// Several answers, saved all or none.
    pub struct NewAnswers {
        /// The answers; at most one per question.
        answers: NonEmptyList<NewAnswer, 500>,
    }
}

/// The place of a photo outside the service: a path, or an address of HTTPS. A browser that opens
/// it runs no script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPath(String);

impl PhotoPath {
    fn is_safe(text: &str) -> bool {
        let is_plain = !text.contains(|c: char| c.is_control() || c == '\\');
        let is_address = text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let first = text.split(['/', '?', '#']).next().unwrap_or_default();
        let is_path = !first.contains(':') && !text.starts_with("//");
        is_plain && (is_path || is_address && text.len() > 8)
    }
}

impl From<PhotoPath> for String {
    fn from(path: PhotoPath) -> Self {
        path.0
    }
}

impl Scalar for PhotoPath {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let text = String::from(Text::<500>::read(given)?);
        let wrong = || Invalid::value("must be a path, or an address that begins with https://");
        Self::is_safe(&text).then_some(Self(text)).ok_or_else(wrong)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <Text<500> as Scalar>::schema()
    }
}

/// Parses a decimal number with Western or Arabic digits; rejects infinity and NaN.
fn decimal(text: &str) -> Option<f64> {
    let plain: String = text.chars().map(western).collect();
    let fine = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    plain.parse().ok().filter(|number: &f64| fine && number.is_finite())
}

/// Western form of an Arabic digit or decimal separator.
fn western(c: char) -> char {
    let digit = match c {
        '\u{0660}'..='\u{0669}' => u32::from(c) - 0x0660,
        '\u{06F0}'..='\u{06F9}' => u32::from(c) - 0x06F0,
        '\u{066B}' => return '.',
        other => return other,
    };
    char::from_digit(digit, 10).unwrap_or(c)
}

impl AnswerType {
    /// The answer in its stored form, or the reason for rejecting it (§5).
    pub fn accept(self, text: &str) -> Result<String, Message> {
        let lower = text.to_lowercase();
        match self {
            Self::PassFail if matches!(lower.as_str(), "pass" | "fail") => Ok(lower),
            Self::PassFail => Err(message!("must be pass or fail")),
            Self::YesNo if matches!(lower.as_str(), "yes" | "no") => Ok(lower),
            Self::YesNo => Err(message!("must be yes or no")),
            Self::Numeric if decimal(text).is_some() => Ok(text.chars().map(western).collect()),
            Self::Numeric => Err(message!("must be a finite decimal number")),
            Self::Text => Ok(text.to_owned()),
        }
    }
}

impl Item {
    /// Whether an answer fails: `fail`, `no`, or a number outside the range (§5).
    pub fn fails(&self, answer_value: &str) -> bool {
        match self.answer_type {
            AnswerType::PassFail => answer_value == "fail",
            AnswerType::YesNo => answer_value == "no",
            AnswerType::Numeric => match (self.pass_fail_rule, decimal(answer_value)) {
                (Some(rule), Some(number)) => !rule.admits(number),
                _ => false,
            },
            AnswerType::Text => false,
        }
    }
}

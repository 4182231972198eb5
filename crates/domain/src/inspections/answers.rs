//! Answers to the questions of a checklist: what is taken, and what fails (rule book §5).

use serde::Serialize;
use serde_json::Value;

use crate::{
    checklists::{AnswerType, Item},
    ids::{AnswerId, FileId, InspectionId, ItemId, UserId},
    input::{Invalid, NonEmptyList, RawValue, Scalar, input},
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
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AnswerId,
    /// The inspection.
    pub inspection_id: InspectionId,
    /// The question.
    pub checklist_item_id: ItemId,
    /// The answer: `pass`, `fail`, `yes`, `no`, a decimal number or a text.
    pub answer_value: String,
    /// Remark.
    pub comment: Option<String>,
    /// Where the client keeps the photo.
    pub photo_path: Option<String>,
    /// The photo, if it was uploaded.
    pub photo_file_id: Option<FileId>,
    /// Who answered.
    pub answered_by_id: UserId,
    /// When.
    pub answered_at: Instant,
}

crate::translations::translated!(Answer, "inspection_answer", { comment });

impl Answer {
    /// Whether there is a photo of it.
    pub const fn has_photo(&self) -> bool {
        self.photo_path.is_some() || self.photo_file_id.is_some()
    }
}

/// An answer as it was sent: text, number or boolean, kept as text.
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
        /// `pass` or `fail`, `yes` or `no`, a number, or a text, as the question asks.
        answer_value | "answer": AnswerText,
        /// Remark.
        comment: Option<Text<2000>>,
        /// An uploaded image; a failed critical question needs this or `photo_path`.
        photo_file_id: Option<FileId>,
        /// Where the client keeps the photo.
        photo_path: Option<Text<500>>,
    }
}

input! {
    /// Several answers, all or nothing.
    pub struct NewAnswers {
        /// The answers, each to another question.
        answers: NonEmptyList<NewAnswer, 500>,
    }
}

/// A decimal number as people write it, in Western or Arabic digits; no infinity, no NaN.
fn decimal(text: &str) -> Option<f64> {
    let plain: String = text.chars().map(western).collect();
    let fine = plain.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    plain.parse().ok().filter(|number: &f64| fine && number.is_finite())
}

/// The Western form of an Arabic digit or decimal separator.
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
    /// The answer as it is kept, or what is wrong with it (§5).
    pub fn accept(self, text: &str) -> Result<String, &'static str> {
        let lower = text.to_lowercase();
        match self {
            Self::PassFail if matches!(lower.as_str(), "pass" | "fail") => Ok(lower),
            Self::PassFail => Err("must be pass or fail"),
            Self::YesNo if matches!(lower.as_str(), "yes" | "no") => Ok(lower),
            Self::YesNo => Err("must be yes or no"),
            Self::Numeric if decimal(text).is_some() => Ok(text.chars().map(western).collect()),
            Self::Numeric => Err("must be a finite decimal number"),
            Self::Text => Ok(text.to_owned()),
        }
    }
}

impl Item {
    /// Whether an answer fails: `fail`, `no`, or a number outside the rule (§5).
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

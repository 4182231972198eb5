//! Questions of a checklist: types of answers, options and history (rule book §3).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    ids::{ItemId, TemplateId},
    input::{Field, Invalid, NonEmptyList, Object, RawValue, Scalar, ValueList, input, text_enum},
    key::Key,
    message,
    rule::{Code, Rule},
    text::Text,
    time::Instant,
    users::Category,
};

text_enum! {
    /// Type of an answer.
    pub enum AnswerType {
        /// `pass` or `fail`.
        PassFail = "pass_fail",
        /// `yes` or `no`.
        YesNo = "yes_no",
        /// A finite decimal number.
        Numeric = "numeric" | "number",
        /// Text of up to 500 characters.
        Text = "text",
        /// A calendar date.
        Date = "date",
        /// One to ten photos.
        Photo = "photo",
        /// One of the choices of the question.
        Choice = "choice",
    }
}

text_enum! {
    /// Answers to a question of type `yes_no`.
    pub enum YesNo {
        /// Yes.
        Yes = "yes",
        /// No.
        No = "no",
    }
}

/// Range of numbers that pass, inclusive; an absent bound is open.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
pub struct NumericRule {
    /// Smallest number that passes.
    pub min: Option<f64>,
    /// Largest number that passes.
    pub max: Option<f64>,
}

impl NumericRule {
    /// Whether a number is in the range.
    pub(crate) fn admits(self, number: f64) -> bool {
        self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
    }

    /// Whether the smallest number is greater than the largest.
    fn is_reversed(self) -> bool {
        matches!((self.min, self.max), (Some(min), Some(max)) if min > max)
    }
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(NumericRule);

input! {
    /// Range of numbers that pass, inclusive; an absent bound is open.
    #[derive(PartialEq)]
    pub struct NumericRuleInput {
        /// Smallest number that passes.
        min: Option<f64>,
        /// Largest number that passes.
        max: Option<f64>,
    }
}

impl From<Object<NumericRuleInput>> for NumericRule {
    fn from(Object(rule): Object<NumericRuleInput>) -> Self {
        Self { min: rule.min, max: rule.max }
    }
}

/// A possible answer of a question of type `choice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Choice {
    /// The answer.
    pub value: String,
    /// The answer in Arabic.
    pub value_ar: Option<String>,
    /// Whether the answer fails.
    pub fails: bool,
}

/// The possible answers of a question, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Choices(
    /// The answers.
    pub Vec<Choice>,
);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Choices);

impl Choices {
    /// The choice that a text names, in English or Arabic and in any case.
    pub(crate) fn find(&self, text: &str) -> Option<&Choice> {
        let text = text.to_lowercase();
        let is_it = |choice: &&Choice| {
            choice.value.to_lowercase() == text
                || choice.value_ar.as_ref().is_some_and(|arabic| arabic.to_lowercase() == text)
        };
        self.0.iter().find(is_it)
    }
}

input! {
    /// A possible answer of a question of type `choice`.
    pub struct ChoiceInput {
        /// The answer; unique in the question.
        value: Text<200>,
        /// The answer in Arabic.
        value_ar: Option<Text<200>>,
        /// Whether the answer fails; `false` if absent.
        fails: Option<bool>,
    }
}

impl Scalar for Choices {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let list = <NonEmptyList<ChoiceInput, 20> as Field>::take_field(Some(given))?;
        let choices: Vec<Choice> = list
            .0
            .into_iter()
            .map(|choice| Choice {
                value: choice.value.into(),
                value_ar: choice.value_ar.map(Into::into),
                fails: choice.fails.unwrap_or(false),
            })
            .collect();
        let (length, min, max) = (choices.len(), 2, 20);
        if length < min {
            let message = message!("must have {min} to {max} elements, not {length}", min, max, length);
            return Err(Invalid::value(message));
        }
        let texts = choices.iter().flat_map(|choice| {
            let arabic = choice.value_ar.as_ref().filter(|arabic| **arabic != choice.value);
            [Some(&choice.value), arabic].into_iter().flatten().map(|text| text.to_lowercase())
        });
        let texts: Vec<String> = texts.collect();
        let distinct: BTreeSet<&String> = texts.iter().collect();
        if distinct.len() < texts.len() {
            return Err(Invalid::value("must have different values"));
        }
        Ok(Self(choices))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use crate::input::Input;
        let list = utoipa::openapi::ArrayBuilder::new().items(<ChoiceInput as Input>::schema());
        list.min_items(Some(2)).max_items(Some(20)).into()
    }
}

/// Condition under which a question is asked: an earlier question has one of these answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShowIf {
    /// Position of the earlier question.
    pub item_order: i32,
    /// Its answers under which the question is asked. `pass` and `fail` also mean any answer that
    /// passes or fails.
    pub is: Vec<String>,
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(ShowIf);

input! {
    /// Condition under which a question is asked: an earlier question has one of these answers.
    #[derive(PartialEq)]
    pub struct ShowIfInput {
        /// Position of the earlier question.
        item_order: OrderIndex,
        /// Its answers under which the question is asked. `pass` and `fail` also mean any answer
        /// that passes or fails.
        is: ValueList<AnswerText, 1, 20>,
    }
}

impl From<Object<ShowIfInput>> for ShowIf {
    fn from(Object(condition): Object<ShowIfInput>) -> Self {
        let is = condition.is.0.into_iter().map(String::from).collect();
        Self { item_order: condition.item_order.into(), is }
    }
}

/// The questions of a checklist as a draft keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[serde(transparent)]
pub struct Questions(
    /// The questions, in order.
    pub Vec<Item>,
);

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Questions);

/// An answer as received: text or number, stored as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerText(pub(crate) String);

impl From<AnswerText> for String {
    fn from(text: AnswerText) -> Self {
        text.0
    }
}

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

/// A question of a checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::checklist_items, treat_none_as_null = true, treat_none_as_default_value = false)
)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option by itself, and a column")]
pub struct Item {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: ItemId,
    /// The checklist.
    pub template_id: TemplateId,
    /// Question, in the reader's language.
    pub question_text: String,
    /// Question in Arabic.
    pub question_text_ar: Option<String>,
    /// Type of the answer.
    pub answer_type: AnswerType,
    /// Trade that answers it; both trades if none.
    pub category: Option<Category>,
    /// Whether an answer is required.
    pub is_required: bool,
    /// Position; unique within the checklist.
    pub order_index: i32,
    /// Whether a failed answer makes the machine unsafe; such an answer requires a photo.
    pub critical_failure: bool,
    /// Range of numbers that pass.
    pub pass_fail_rule: Option<NumericRule>,
    /// Unit of the number.
    #[serde(default)]
    pub unit: Option<String>,
    /// Range of numbers without a warning, inside `pass_fail_rule`. A number outside it passes and
    /// is flagged.
    #[serde(default)]
    pub warning: Option<NumericRule>,
    /// Possible answers of a question of type `choice`.
    #[serde(default)]
    pub choices: Option<Choices>,
    /// Answer of type `yes_no` that fails.
    #[serde(default)]
    pub fails_on: Option<YesNo>,
    /// Whether `n/a` is an answer, which neither passes nor fails.
    #[serde(default)]
    pub allow_na: bool,
    /// Whether a failed answer requires a remark at submission.
    #[serde(default)]
    pub requires_comment_on_fail: bool,
    /// Condition under which the question is asked; always if none.
    #[serde(default)]
    pub show_if: Option<ShowIf>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
    /// Time at which the question was removed from the checklist. The row remains for the drafts
    /// that ask the question.
    #[serde(skip)]
    pub removed_at: Option<Instant>,
    /// First item of the line of copies; none if it is this one.
    #[serde(default)]
    pub lineage_id: Option<ItemId>,
}

crate::translated!(Item, "checklist_item", { question_text / question_text_ar });

impl crate::entity::Entity for Item {
    const NAME: &'static str = "checklist_item";
    const LABEL: &'static str = "checklist item";

    fn id(&self) -> i64 {
        self.id.get()
    }
}

impl Item {
    /// The same question after a change from `before`, or the first of a line of its own: another
    /// text or type of answer asks something else (§3).
    #[must_use]
    pub fn in_line_with(self, before: &Self) -> Self {
        if self.is_same_question(before) { self } else { Self { lineage_id: None, ..self } }
    }

    /// Whether another version of this item asks the same question.
    pub fn is_same_question(&self, other: &Self) -> bool {
        self.answer_type == other.answer_type && Key::is_same(&self.question_text, &other.question_text)
    }

    /// The line of copies it belongs to, named by its first item: the same question in all versions
    /// of a checklist (§3).
    pub fn lineage(&self) -> ItemId {
        self.lineage_id.unwrap_or(self.id)
    }

    /// Checks the invariants of every question by itself (§3). Conditions on other questions are
    /// checked by [`check_conditions`](super::check_conditions).
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        let mut check = |field: &'static str, is_wrong: bool, message: &'static str| {
            if is_wrong {
                errors.extend(Invalid::field(field, message));
            }
        };
        let is_numeric = self.answer_type == AnswerType::Numeric;
        let is_choice = self.answer_type == AnswerType::Choice;
        let numeric_only = "is for numeric questions only";
        check("pass_fail_rule", self.pass_fail_rule.is_some() && !is_numeric, numeric_only);
        check("unit", self.unit.is_some() && !is_numeric, numeric_only);
        check("warning", self.warning.is_some() && !is_numeric, numeric_only);
        for (field, range) in [("pass_fail_rule", self.pass_fail_rule), ("warning", self.warning)] {
            let is_reversed = range.is_some_and(NumericRule::is_reversed);
            check(field, is_numeric && is_reversed, "min may not be greater than max");
        }
        if let (Some(rule), Some(warning)) = (self.pass_fail_rule, self.warning) {
            let is_inside = [warning.min, warning.max].into_iter().flatten().all(|end| rule.admits(end));
            check("warning", !is_inside, "must lie inside pass_fail_rule");
        }
        check("choices", self.choices.is_some() && !is_choice, "is for choice questions only");
        check("choices", self.choices.is_none() && is_choice, "is required for choice questions");
        let is_yes_no = self.answer_type == AnswerType::YesNo;
        check("fails_on", self.fails_on.is_some() && !is_yes_no, "is for yes_no questions only");
        errors.into_result()
    }

    /// Whether the question differs in its meaning from the one that was answered (§3): in anything
    /// but its position and whether it is required.
    fn asks_other_than(&self, before: &Self) -> bool {
        let asked = |item: &Self| Self {
            is_required: before.is_required,
            order_index: before.order_index,
            updated_at: before.updated_at,
            removed_at: before.removed_at,
            ..item.clone()
        };
        asked(self) != asked(before)
    }

    /// Checks that the question may change to `after`: an answered question keeps its meaning (§3),
    /// and a question of a submitted inspection can only change its position.
    pub fn may_become(&self, after: &Self, history: History) -> Result<(), ChecklistRule> {
        match history {
            History::Answered if after.asks_other_than(self) => Err(ChecklistRule::ItemHasAnswers),
            History::HandedIn if after.asks_other_than(self) || after.is_required != self.is_required => {
                Err(ChecklistRule::ItemWasAsked)
            }
            History::None | History::Answered | History::HandedIn => Ok(()),
        }
    }

    /// Checks that the question may be deleted: it has no answers and no submitted inspection (§3).
    pub fn may_be_deleted(history: History) -> Result<(), ChecklistRule> {
        match history {
            History::None => Ok(()),
            History::Answered => Err(ChecklistRule::ItemHasAnswers),
            History::HandedIn => Err(ChecklistRule::ItemWasAsked),
        }
    }
}

/// Position of a question in its checklist, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderIndex(i32);

impl From<OrderIndex> for i32 {
    fn from(position: OrderIndex) -> Self {
        position.0
    }
}

impl crate::input::Scalar for OrderIndex {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        <i32 as crate::input::Scalar>::read(given)
            .ok()
            .filter(|position| *position >= 0)
            .map(Self)
            .ok_or_else(|| Invalid::value("must be a whole number from 0"))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        crate::input::object(utoipa::openapi::schema::Type::Integer).minimum(Some(0_i32)).into()
    }
}

/// Reasons for rejecting a change of a checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChecklistRule {
    /// Answered questions are part of the record (§3).
    #[error(
        "the question has answers and can't be changed or removed; create a new version of the checklist"
    )]
    ItemHasAnswers,
    /// Submitted inspections keep their questions, including those without an answer (§3).
    #[error(
        "the question is part of submitted inspections and can't be changed or removed; create a new version of the checklist"
    )]
    ItemWasAsked,
    /// Another question is asked only after certain answers to this one (§3).
    #[error("another question is asked only after certain answers to this one; change that question first")]
    IsCondition,
}

/// Use of a question so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// No answers.
    None,
    /// Answers in drafts only.
    Answered,
    /// Asked in a submitted inspection, with or without an answer.
    HandedIn,
}

impl Rule for ChecklistRule {
    fn code(&self) -> Code {
        Code::RuleViolation
    }
}

//! Checklists: versioned questions about a type of equipment (rule book §3).

mod answering;
mod conditions;
mod item;

use serde::Serialize;

pub use answering::NOT_APPLICABLE;
pub use conditions::{asked, check_conditions};
pub use item::{
    AnswerText, AnswerType, ChecklistRule, Choice, ChoiceInput, Choices, History, Item, NumericRule,
    NumericRuleInput, OrderIndex, Questions, ShowIf, ShowIfInput, YesNo,
};

use crate::{
    ids::{ItemId, TemplateId, UserId},
    input::{Change, Field, Invalid, NonEmptyList, Object, Patch, RawInput, RawValue, input, text_enum},
    key::Key,
    page::Sort,
    search::{SearchedKind, SearchedTexts},
    text::Text,
    time::Instant,
    users::Category,
};

/// A version of the checklist for a type of equipment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::checklist_templates, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct Template {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: TemplateId,
    /// Name, in the reader's language.
    pub name: String,
    /// Name in Arabic.
    pub name_ar: Option<String>,
    /// Type of equipment.
    pub equipment_type: String,
    /// Version; unique per type of equipment.
    pub version: String,
    /// Whether inspections can start from it.
    pub is_active: bool,
    /// User that created it.
    pub created_by_id: Option<UserId>,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::translated!(Template, "checklist_template", { name / name_ar });

impl crate::entity::Entity for Template {
    const NAME: &'static str = "checklist";

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn searched(&self) -> Option<SearchedTexts<'_>> {
        let texts = [Some(self.name.as_str()), self.name_ar.as_deref()];
        Some(SearchedTexts::new(SearchedKind::Checklist, texts))
    }
}

impl Template {
    /// The template in force in the line of a chosen one: the newest active one of its type. A line
    /// without an active template keeps the chosen one (§4).
    pub fn in_force<'a>(chosen: &'a Self, active: &'a [Self]) -> &'a Self {
        let line = active.iter().filter(|other| Key::is_same(&other.equipment_type, &chosen.equipment_type));
        line.max_by_key(|other| other.id).unwrap_or(chosen)
    }
}

input! {
    /// A question to add.
    pub struct NewItem {
        /// Question.
        question_text: Text<500>,
        /// Question in Arabic.
        question_text_ar: Option<Text<500>>,
        /// Type of the answer.
        answer_type: AnswerType,
        /// Trade that answers it; both trades if absent.
        category: Option<Category>,
        /// Whether an answer is required; `true` if absent.
        is_required: Option<bool>,
        /// Position, from 0; after the last question if absent.
        order_index | "order": Option<OrderIndex>,
        /// Whether a failed answer makes the machine unsafe; `false` if absent.
        critical_failure | "is_critical": Critical,
        /// Range of numbers that pass.
        pass_fail_rule: Option<Object<NumericRuleInput>>,
        /// Unit of the number.
        unit: Option<Text<20>>,
        /// Range of numbers without a warning, inside `pass_fail_rule`.
        warning: Option<Object<NumericRuleInput>>,
        /// Possible answers of a question of type `choice`: 2 to 20.
        choices: Option<Choices>,
        /// Answer of type `yes_no` that fails; `no` if absent.
        fails_on: Option<YesNo>,
        /// Whether `n/a` is an answer; `false` if absent.
        allow_na: Option<bool>,
        /// Whether a failed answer requires a remark at submission; `false` if absent.
        requires_comment_on_fail: Option<bool>,
        /// Condition under which the question is asked; always if absent.
        show_if: Option<Object<ShowIfInput>>,
    }
}

/// Whether a failed answer makes the machine unsafe. If the two names of the field disagree, it
/// does.
#[derive(Debug, Clone, Copy)]
pub struct Critical(bool);

impl Field for Critical {
    const REQUIRED: bool = false;
    const TAKES_NOTHING: bool = true;

    fn from_input(source: &mut RawInput, names: &[&str]) -> Result<Self, Invalid> {
        let values: Result<Vec<_>, _> =
            names.iter().map(|name| Option::<bool>::from_input(source, &[name])).collect();
        values.map(|values| Self(values.contains(&Some(true))))
    }

    fn take_field(given: Option<RawValue>) -> Result<Self, Invalid> {
        Option::<bool>::take_field(given).map(|value| Self(value.unwrap_or(false)))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <bool as crate::input::Scalar>::schema()
    }
}

input! {
    /// Changes of a question. A question with answers can change only its position and whether it
    /// is required; a question of a submitted inspection only its position.
    pub struct ItemChanges {
        /// Question.
        question_text | "question_text_en": Change<Text<500>>,
        /// Question in Arabic.
        question_text_ar: Patch<Text<500>>,
        /// Type of the answer.
        answer_type: Change<AnswerType>,
        /// Trade that answers it.
        category: Patch<Category>,
        /// Whether an answer is required.
        is_required: Change<bool>,
        /// Position.
        order_index | "order": Change<OrderIndex>,
        /// Whether a failed answer makes the machine unsafe.
        critical_failure | "is_critical": Change<bool>,
        /// Range of numbers that pass.
        pass_fail_rule: Patch<Object<NumericRuleInput>>,
        /// Unit of the number.
        unit: Patch<Text<20>>,
        /// Range of numbers without a warning, inside `pass_fail_rule`.
        warning: Patch<Object<NumericRuleInput>>,
        /// Possible answers of a question of type `choice`: 2 to 20.
        choices: Patch<Choices>,
        /// Answer of type `yes_no` that fails.
        fails_on: Patch<YesNo>,
        /// Whether `n/a` is an answer.
        allow_na: Change<bool>,
        /// Whether a failed answer requires a remark at submission.
        requires_comment_on_fail: Change<bool>,
        /// Condition under which the question is asked.
        show_if: Patch<Object<ShowIfInput>>,
    }
}

/// A version as received: text, or a whole number, which is stored as text. Other numbers lose
/// their last digits: `1.10` is received as `1.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(Text<20>);

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.0.into()
    }
}

impl crate::input::Scalar for Version {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        let text = match given {
            RawValue::Json(number @ serde_json::Value::Number(_)) => {
                crate::input::whole(&number)
                    .ok_or_else(|| Invalid::value("must be text or a whole number"))?;
                number.to_string()
            }
            other => other.text()?,
        };
        Text::new(&text).map(Self)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let number = crate::input::object(utoipa::openapi::schema::Type::Integer);
        let text = <Text<20> as crate::input::Scalar>::schema();
        utoipa::openapi::OneOfBuilder::new().item(text).item(number).into()
    }
}

input! {
    /// A checklist to create, with its first questions.
    pub struct NewTemplate {
        /// Name.
        name: Text<200>,
        /// Name in Arabic.
        name_ar: Option<Text<200>>,
        /// Type of equipment.
        equipment_type: Text<100>,
        /// Version; `1.0` if absent.
        version: Option<Version>,
        /// Whether inspections can start from it; `true` if absent.
        is_active: Option<bool>,
        /// Questions, in order.
        items: Option<ItemList>,
    }
}

input! {
    /// Changes of a checklist.
    pub struct TemplateChanges {
        /// Name.
        name | "name_en": Change<Text<200>>,
        /// Name in Arabic.
        name_ar: Patch<Text<200>>,
        /// Whether inspections can start from it.
        is_active: Change<bool>,
    }
}

input! {
    /// A new version of a checklist, with copies of its questions.
    pub struct NewVersion {
        /// Version; unique per type of equipment.
        version: Version,
    }
}

/// Questions of a new checklist; at most 500.
#[derive(Debug, Clone)]
pub struct ItemList(
    /// Questions, in order.
    pub Vec<NewItem>,
);

impl crate::input::Scalar for ItemList {
    fn read(given: RawValue) -> Result<Self, Invalid> {
        if matches!(&given, RawValue::Json(serde_json::Value::Array(list)) if list.is_empty()) {
            return Ok(Self(Vec::new()));
        }
        <NonEmptyList<NewItem, 500> as Field>::take_field(Some(given)).map(|list| Self(list.0))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        <NonEmptyList<NewItem, 500> as Field>::schema()
    }
}

text_enum! {
    /// Sort key of checklists.
    pub enum TemplateOrder {
        /// Primary key.
        Id = "id",
        /// Name.
        Name = "name",
        /// Type of equipment.
        EquipmentType = "equipment_type",
        /// Creation time.
        CreatedAt = "created_at",
    }
}

input! {
    /// Filter and order of a list of checklists.
    pub struct TemplateFilter {
        /// Filter by type of equipment.
        equipment_type: Option<Text<100>>,
        /// Filter by whether inspections can start from it.
        is_active: Option<bool>,
        /// Beginnings of words in the name, all of which must match.
        q | "search": Option<Text<100>>,
        /// Sort order; newest first if absent.
        sort: Option<Sort<TemplateOrder>>,
    }
}

impl NewItem {
    /// Builds the question, at position `next` unless the input has one.
    pub fn draft(self, template_id: TemplateId, next: i32, now: Instant) -> Result<Item, Invalid> {
        let item = Item {
            id: ItemId::UNSAVED,
            template_id,
            question_text: self.question_text.into(),
            question_text_ar: self.question_text_ar.map(Into::into),
            answer_type: self.answer_type,
            category: self.category,
            is_required: self.is_required.unwrap_or(true),
            order_index: self.order_index.map_or(next, Into::into),
            critical_failure: self.critical_failure.0,
            pass_fail_rule: self.pass_fail_rule.map(Into::into),
            unit: self.unit.map(Into::into),
            warning: self.warning.map(Into::into),
            choices: self.choices,
            fails_on: self.fails_on.or((self.answer_type == AnswerType::YesNo).then_some(YesNo::No)),
            allow_na: self.allow_na.unwrap_or(false),
            requires_comment_on_fail: self.requires_comment_on_fail.unwrap_or(false),
            show_if: self.show_if.map(Into::into),
            created_at: now,
            updated_at: now,
            removed_at: None,
            lineage_id: None,
        };
        item.validate().map(|()| item)
    }
}

impl Item {
    /// Applies the changes.
    pub fn changed(&self, changes: ItemChanges, now: Instant) -> Result<Self, Invalid> {
        let mut after = Self { updated_at: now, ..self.clone() };
        changes.question_text.apply_original(&mut after.question_text, self.question_text_ar.as_deref());
        changes.question_text_ar.apply(&mut after.question_text_ar);
        changes.answer_type.apply(&mut after.answer_type);
        changes.category.apply(&mut after.category);
        changes.is_required.apply(&mut after.is_required);
        changes.order_index.apply(&mut after.order_index);
        changes.critical_failure.apply(&mut after.critical_failure);
        changes.pass_fail_rule.apply(&mut after.pass_fail_rule);
        changes.unit.apply(&mut after.unit);
        changes.warning.apply(&mut after.warning);
        changes.choices.apply(&mut after.choices);
        if after.answer_type != self.answer_type {
            after.fails_on = None;
        }
        changes.fails_on.apply(&mut after.fails_on);
        if after.answer_type == AnswerType::YesNo {
            after.fails_on = after.fails_on.or(Some(YesNo::No));
        }
        changes.allow_na.apply(&mut after.allow_na);
        changes.requires_comment_on_fail.apply(&mut after.requires_comment_on_fail);
        changes.show_if.apply(&mut after.show_if);
        after.validate().map(|()| after)
    }
}

impl NewTemplate {
    /// Builds the checklist and its questions. Absent positions follow the order of the list;
    /// positions must not repeat (§3).
    pub fn draft(self, created_by: UserId, now: Instant) -> Result<(Template, Vec<Item>), Invalid> {
        let template = Template {
            id: TemplateId::UNSAVED,
            name: self.name.into(),
            name_ar: self.name_ar.map(Into::into),
            equipment_type: self.equipment_type.into(),
            version: self.version.map_or_else(|| "1.0".to_owned(), Into::into),
            is_active: self.is_active.unwrap_or(true),
            created_by_id: Some(created_by),
            created_at: now,
            updated_at: now,
        };
        let mut errors = Invalid::default();
        let mut items: Vec<Item> = Vec::new();
        for (n, new) in self.items.map(|list| list.0).unwrap_or_default().into_iter().enumerate() {
            let next = items.iter().map(|item| item.order_index.saturating_add(1)).max().unwrap_or(0);
            if let Some(item) = errors.collect(&format!("items[{n}]"), new.draft(template.id, next, now)) {
                if items.iter().any(|other| other.order_index == item.order_index) {
                    errors.extend(Invalid::field(
                        format!("items[{n}].order_index"),
                        "is taken by an earlier item",
                    ));
                }
                items.push(item);
            }
        }
        errors.into_result()?;
        check_conditions(&items, |n| format!("items[{n}].show_if"))?;
        Ok((template, items))
    }
}

impl Template {
    /// Applies the changes.
    #[must_use]
    pub fn changed(&self, changes: TemplateChanges, now: Instant) -> Self {
        let mut after = Self { updated_at: now, ..self.clone() };
        changes.name.apply_original(&mut after.name, self.name_ar.as_deref());
        changes.name_ar.apply(&mut after.name_ar);
        changes.is_active.apply(&mut after.is_active);
        after
    }

    /// Builds the next version, which is active and gets copies of the questions (§3).
    #[must_use]
    pub fn next_version(&self, new: NewVersion, created_by: UserId, now: Instant) -> Self {
        Self {
            id: TemplateId::UNSAVED,
            version: new.version.into(),
            is_active: true,
            created_by_id: Some(created_by),
            created_at: now,
            updated_at: now,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;

//! Conditions of questions on the answers to earlier ones (rule book §3).

use std::collections::BTreeSet;

use super::item::{AnswerType, Item};
use crate::{ids::ItemId, input::Invalid, message, message::Message};

/// Checks that the condition of a question names an earlier question of the checklist, asked of the
/// same inspectors, and answers that the earlier question can have.
fn validate(item: &Item, items: &[Item]) -> Result<(), Message> {
    let Some(condition) = &item.show_if else { return Ok(()) };
    let earlier = items.iter().find(|other| other.order_index == condition.item_order);
    let Some(earlier) = earlier.filter(|earlier| earlier.order_index < item.order_index) else {
        return Err(message!("must name the position of an earlier question"));
    };
    if earlier.category.is_some() && earlier.category != item.category {
        return Err(message!("names a question of another trade"));
    }
    if earlier.answer_type == AnswerType::Photo {
        return Err(message!("names a question that photos answer"));
    }
    match condition.is.iter().find(|text| !earlier.may_be_named(text)) {
        Some(text) => Err(message!("{text} is no answer to that question", text)),
        None => Ok(()),
    }
}

/// Checks the conditions of all questions of a checklist. `path` names the n-th question in the
/// input, for errors.
pub fn check_conditions(items: &[Item], path: impl Fn(usize) -> String) -> Result<(), Invalid> {
    let mut errors = Invalid::default();
    for (n, item) in items.iter().enumerate() {
        if let Err(message) = validate(item, items) {
            errors.extend(Invalid::field(path(n), message));
        }
    }
    errors.into_result()
}

/// The questions that are asked, in order: those without a condition, and those whose condition is
/// met by the answer to a question that is asked itself (§3). `value_of` is the stored answer.
pub fn asked<'a, 'v>(
    items: impl IntoIterator<Item = &'a Item>,
    value_of: impl Fn(ItemId) -> Option<&'v str>,
) -> Vec<&'a Item> {
    let mut ordered: Vec<&Item> = items.into_iter().collect();
    ordered.sort_by_key(|item| item.order_index);
    let mut shown: BTreeSet<i32> = BTreeSet::new();
    let mut asked = Vec::with_capacity(ordered.len());
    for item in &ordered {
        let is_asked = item.show_if.as_ref().is_none_or(|condition| {
            let earlier = ordered.iter().find(|other| other.order_index == condition.item_order);
            earlier.filter(|earlier| shown.contains(&earlier.order_index)).is_some_and(|earlier| {
                value_of(earlier.id).is_some_and(|value| earlier.meets(condition, value))
            })
        });
        if is_asked {
            shown.insert(item.order_index);
            asked.push(*item);
        }
    }
    asked
}

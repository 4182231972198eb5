//! Answers to a question: stored form, failure, warnings, and the condition under which another
//! question is asked (rule book §3, §5).

use super::item::{AnswerType, Choices, Item, NumericRule, ShowIf, YesNo};
use crate::{message, message::Message, number, time::Date};

/// Answer that neither passes nor fails, of questions that allow it.
pub const NOT_APPLICABLE: &str = "n/a";

impl Item {
    /// The answer in its stored form, or the reason for rejecting it (§5).
    pub fn accept(&self, text: &str) -> Result<String, Message> {
        let lower = text.to_lowercase();
        if self.allow_na && matches!(lower.as_str(), NOT_APPLICABLE | "na") {
            return Ok(NOT_APPLICABLE.to_owned());
        }
        match self.answer_type {
            AnswerType::PassFail if matches!(lower.as_str(), "pass" | "fail") => Ok(lower),
            AnswerType::PassFail => Err(message!("must be pass or fail")),
            AnswerType::YesNo if YesNo::parse(&lower).is_some() => Ok(lower),
            AnswerType::YesNo => Err(message!("must be yes or no")),
            AnswerType::Numeric => number::normalised(text).map_err(Message::from),
            AnswerType::Text => Ok(text.to_owned()),
            AnswerType::Date => Date::typed(text)
                .map(|date| date.to_string())
                .ok_or_else(|| message!("must be a date such as 2026-03-01")),
            AnswerType::Photo => Err(message!("must be absent, since photos are the answer")),
            AnswerType::Choice => self
                .choices
                .as_ref()
                .and_then(|choices| choices.find(text))
                .map(|choice| choice.value.clone())
                .ok_or_else(|| message!("must be one of the choices")),
        }
    }

    /// Whether a stored answer fails: `fail`, the answer of `fails_on`, a failing choice, or a
    /// number outside the range (§5).
    pub fn fails(&self, answer_value: &str) -> bool {
        match self.answer_type {
            AnswerType::PassFail => answer_value == "fail",
            AnswerType::YesNo => answer_value == self.fails_on.unwrap_or(YesNo::No).as_str(),
            AnswerType::Numeric => is_outside(self.pass_fail_rule, answer_value),
            AnswerType::Choice => {
                let chosen = |choices: &Choices| {
                    choices.0.iter().any(|choice| choice.value == answer_value && choice.fails)
                };
                self.choices.as_ref().is_some_and(chosen)
            }
            AnswerType::Text | AnswerType::Date | AnswerType::Photo => false,
        }
    }

    /// Whether a stored answer passes outside the warning range (§3).
    pub fn warns(&self, answer_value: &str) -> bool {
        self.answer_type == AnswerType::Numeric
            && is_outside(self.warning, answer_value)
            && !self.fails(answer_value)
    }

    /// Whether answers of this type pass or fail.
    const fn is_judged(&self) -> bool {
        !matches!(self.answer_type, AnswerType::Text | AnswerType::Date | AnswerType::Photo)
    }

    /// Whether a condition may name this text as an answer to the question: an answer in any form,
    /// or `pass` or `fail` if answers pass or fail.
    pub(super) fn may_be_named(&self, text: &str) -> bool {
        self.accept(text).is_ok() || self.is_judged() && outcome(text).is_some()
    }

    /// Whether a stored answer to this question meets a condition (§3).
    pub(super) fn meets(&self, condition: &ShowIf, answer_value: &str) -> bool {
        if answer_value.is_empty() {
            return false;
        }
        let is_same = |accepted: &str| {
            accepted == answer_value
                || self.answer_type == AnswerType::Numeric
                    && number::value(accepted).is_ok_and(|number| Ok(number) == number::value(answer_value))
        };
        condition.is.iter().any(|text| match self.accept(text) {
            Ok(accepted) => is_same(&accepted),
            Err(_) => {
                self.is_judged()
                    && answer_value != NOT_APPLICABLE
                    && outcome(text) == Some(self.fails(answer_value))
            }
        })
    }
}

/// Whether a text means any failing answer (`fail`) or any passing one (`pass`).
fn outcome(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "fail" => Some(true),
        "pass" => Some(false),
        _ => None,
    }
}

/// Whether a text is a number outside a range.
fn is_outside(range: Option<NumericRule>, text: &str) -> bool {
    match (range, number::value(text)) {
        (Some(range), Ok(number)) => !range.admits(number),
        _ => false,
    }
}

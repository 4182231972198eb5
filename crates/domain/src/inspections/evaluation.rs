//! Evaluation of the answers of an inspection: what is asked, missing and failed (rule book §5).

use serde::Serialize;

use super::answers::Answer;
use crate::{
    checklists::{Item, asked},
    ids::ItemId,
    text::Language,
};

/// A question that lacks something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MissingItem {
    /// The question.
    pub checklist_item_id: ItemId,
    /// Text of the question, in the reader's language.
    pub question_text: String,
    /// Text of the question in Arabic.
    pub question_text_ar: Option<String>,
}

impl MissingItem {
    fn many(items: &[&Item]) -> Vec<Self> {
        let missing = items.iter().map(|item| Self {
            checklist_item_id: item.id,
            question_text: item.question_text.clone(),
            question_text_ar: item.question_text_ar.clone(),
        });
        missing.collect()
    }
}

/// Progress of an inspection, over the questions that are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Number of questions in scope.
    pub total_items: usize,
    /// Number of answered questions.
    pub answered_items: usize,
    /// Number of required questions.
    pub required_items: usize,
    /// Number of answered required questions.
    pub answered_required: usize,
    /// Whether every required question has an answer.
    pub is_complete: bool,
    /// Answered questions in percent, 0 to 100, rounded.
    pub progress_percentage: u8,
    /// Answered questions in percent, 0 to 100, rounded.
    pub percentage: u8,
    /// Whether nothing is missing for the submission.
    pub can_submit: bool,
    /// Required questions without an answer.
    pub missing_answers: Vec<MissingItem>,
    /// Failed critical questions without a photo.
    pub missing_photos: Vec<MissingItem>,
    /// Failed questions without the remark that they require.
    pub missing_comments: Vec<MissingItem>,
}

crate::shows!(Progress {});

impl Progress {
    /// The progress with the questions in the reader's language.
    #[must_use]
    pub fn in_language(mut self, language: Language) -> Self {
        let missing = [&mut self.missing_answers, &mut self.missing_photos, &mut self.missing_comments];
        for item in missing.into_iter().flatten() {
            let text = language.choose(&item.question_text, item.question_text_ar.as_deref()).to_owned();
            item.question_text = text;
        }
        self
    }
}

/// The asked, missing and failed questions. Answers to questions that are not asked don't count.
#[derive(Debug)]
pub(super) struct Evaluation<'a> {
    /// The questions that are asked, in order.
    asked: Vec<&'a Item>,
    /// Number of answered questions.
    answered: usize,
    /// Required questions without an answer.
    pub(super) unanswered: Vec<&'a Item>,
    /// Failed questions.
    pub(super) failed: Vec<&'a Item>,
    /// Failed critical questions without a photo.
    pub(super) without_photo: Vec<&'a Item>,
    /// Failed questions without the remark that they require.
    pub(super) without_comment: Vec<&'a Item>,
    /// Number of answers outside their warning range.
    pub(super) warnings: i64,
}

/// The primary keys of questions.
pub(super) fn ids(items: &[&Item]) -> Vec<ItemId> {
    items.iter().map(|item| item.id).collect()
}

impl<'a> Evaluation<'a> {
    /// Evaluates the answers to the questions in scope.
    pub(super) fn of(scope: Vec<&'a Item>, answers: &[Answer]) -> Self {
        let answer_to = |id: ItemId| answers.iter().find(|answer| answer.checklist_item_id == id);
        let asked = asked(scope, |id| answer_to(id).map(|answer| answer.answer_value.as_str()));
        let lacks = |item: &&&Item, has: fn(&Answer) -> bool| !answer_to(item.id).is_some_and(has);
        let is_answered = |item: &Item| answer_to(item.id).is_some_and(|answer| answer.settles(item));
        let judged = |judge: fn(&Item, &str) -> bool| -> Vec<&'a Item> {
            let is_so =
                |item: &&&Item| answer_to(item.id).is_some_and(|answer| judge(item, &answer.answer_value));
            asked.iter().filter(is_so).copied().collect()
        };
        let failed = judged(Item::fails);
        let critical = failed.iter().filter(|item| item.critical_failure);
        let without_photo = critical.filter(|item| lacks(item, Answer::has_photo)).copied().collect();
        let explained = failed.iter().filter(|item| item.requires_comment_on_fail);
        let has_comment = |answer: &Answer| answer.comment.is_some();
        let without_comment = explained.filter(|item| lacks(item, has_comment)).copied().collect();
        Self {
            answered: asked.iter().filter(|item| is_answered(item)).count(),
            unanswered: asked.iter().filter(|item| item.is_required && !is_answered(item)).copied().collect(),
            warnings: i64::try_from(judged(Item::warns).len()).unwrap_or(i64::MAX),
            asked,
            failed,
            without_photo,
            without_comment,
        }
    }

    /// The progress (§5).
    pub(super) fn progress(&self) -> Progress {
        let (total_items, answered_items) = (self.asked.len(), self.answered);
        let required_items = self.asked.iter().filter(|item| item.is_required).count();
        let is_complete = self.unanswered.is_empty();
        let percent = (answered_items * 100 + total_items / 2).checked_div(total_items).unwrap_or(100);
        let percentage = u8::try_from(percent).unwrap_or(100);
        Progress {
            total_items,
            answered_items,
            required_items,
            answered_required: required_items - self.unanswered.len(),
            is_complete,
            progress_percentage: percentage,
            percentage,
            can_submit: is_complete && self.without_photo.is_empty() && self.without_comment.is_empty(),
            missing_answers: MissingItem::many(&self.unanswered),
            missing_photos: MissingItem::many(&self.without_photo),
            missing_comments: MissingItem::many(&self.without_comment),
        }
    }
}

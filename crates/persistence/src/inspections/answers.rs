//! Answers to the questions of a draft (§5).

use diesel::{prelude::*, upsert::excluded};
use inspection_domain::{
    audit::{AuditAction, Changes},
    checklists::Item,
    files::{Relation, StoredFile},
    ids::{AnswerId, FileId, InspectionId, ItemId},
    input::Invalid,
    inspections::{
        Answer, Inspection, InspectionCommand, InspectionRule, InspectionStatus, NewAnswer, NewPhotos,
        Progress,
    },
    rule::NotFound,
    schema::{checklist_items as items, inspection_answers as answers},
    time::Instant,
};

use crate::{
    DbConnection, Result, Tx,
    checklists::rows as checklist_rows,
    db::error::ConcurrentUpdate,
    files::{self, rows as file_rows},
    inspections::rows,
};

/// The answers of an inspection, in the order of the questions.
pub(crate) fn list(conn: &mut DbConnection, id: InspectionId) -> Result<Vec<Answer>> {
    Ok(with_conn!(conn, |c| answers::table
        .inner_join(items::table)
        .filter(answers::inspection_id.eq(id))
        .order(items::order_index)
        .select(Answer::as_select())
        .load(c))?)
}

/// Record type of answers in `evidence`: their photos but the first, which the answer refers to.
const EVIDENCE: &str = "inspection_answer";

/// Answers questions of a draft, all of them or none; fields that are absent keep their value.
/// After the submission, the author of an answer adds photos in this way (§5). `path` names the
/// n-th answer in the input, for errors. Locks the inspection, the questions (shared) and the
/// photos.
pub fn answer(
    tx: &mut Tx<'_>,
    id: InspectionId,
    given: Vec<NewAnswer>,
    path: impl Fn(usize) -> Option<String>,
) -> Result<(Vec<Answer>, Progress)> {
    let inspection = rows::lock_for_actor(tx, id)?;
    let late: Option<Vec<_>> =
        given.iter().map(|new| Some((new.checklist_item_id, new.photos_only()?))).collect();
    if let (Some(late), true) = (late, inspection.status != InspectionStatus::Draft) {
        return add_late_photos(tx, &inspection, late, path);
    }
    inspection.status.after(InspectionCommand::Answer)?;
    let questions = checklist_rows::questions_of(tx.conn, &inspection)?;
    let before = list(tx.conn, id)?;
    let are_lists: Vec<bool> = given.iter().map(|answer| answer.photo_file_ids.is_given()).collect();
    let rows = read(tx, &inspection, (&questions, &before), given, &path)?;
    let photos: Vec<(String, FileId)> = rows
        .iter()
        .enumerate()
        .flat_map(|(n, row)| {
            let of = path(n).map_or_else(String::new, |path| path + ".");
            let old = find(&before, row).map(|old| old.photo_file_ids.0.as_slice()).unwrap_or_default();
            let new = row.photo_file_ids.0.iter().enumerate().filter(|(_, id)| !old.contains(id));
            let is_list = are_lists.get(n).copied().unwrap_or_default();
            let field = move |(place, id): (usize, &FileId)| {
                let field = if is_list { format!("photo_file_ids[{place}]") } else { "photo_file_id".into() };
                (of.clone() + &field, *id)
            };
            new.map(field).collect::<Vec<_>>()
        })
        .collect();
    let fits = |file: &StoredFile| file.may_prove_answer(&inspection, &before);
    files::attach(tx, Relation::Inspection(id), &photos, fits)?;
    let saved = save(tx, &inspection, &before, &rows)?;
    let progress = progress_with(&inspection, &questions, before, &saved);
    Ok((saved, progress))
}

/// Adds photos to answers of a submitted inspection, which is locked (§5). Locks the photos.
fn add_late_photos(
    tx: &mut Tx<'_>,
    inspection: &Inspection,
    late: Vec<(ItemId, Vec<FileId>)>,
    path: impl Fn(usize) -> Option<String>,
) -> Result<(Vec<Answer>, Progress)> {
    inspection.may_get_photos_at(tx.happened_at().unwrap_or(tx.now))?;
    let questions = checklist_rows::questions_of(tx.conn, inspection)?;
    let before = list(tx.conn, inspection.id)?;
    let actor = tx.actor()?.clone();
    let mut rows: Vec<Answer> = Vec::new();
    for (n, (item, photos)) in late.into_iter().enumerate() {
        let at = |wrong: Invalid| match path(n) {
            Some(path) => wrong.at(&path),
            None => wrong,
        };
        let known = before.iter().find(|answer| answer.checklist_item_id == item);
        let missing = || at(Invalid::field("checklist_item_id", "has no answer in this inspection"));
        let old = known.ok_or_else(missing)?;
        inspection.may_get_photos_from(&actor, old)?;
        let row = old.with_more_photos(&photos).map_err(at)?;
        if find(&rows, &row).is_some() {
            return Err(at(Invalid::field("checklist_item_id", "is answered twice")).into());
        }
        let is_new = |id: &&FileId| !old.photo_file_ids.0.contains(*id);
        let field = path(n).map_or_else(String::new, |path| path + ".") + "photo_file_ids";
        let named: Vec<(String, FileId)> =
            row.photo_file_ids.0.iter().filter(is_new).map(|id| (field.clone(), *id)).collect();
        let fits = |file: &StoredFile| file.may_come_late(old.id, actor.id);
        files::attach(tx, Relation::InspectionAnswer(old.id), &named, fits)?;
        rows.push(row);
    }
    let saved = save(tx, inspection, &before, &rows)?;
    let progress = progress_with(inspection, &questions, before, &saved);
    Ok((saved, progress))
}

/// Adds photos to an answer of a draft, or of a submitted inspection, beside those that it has
/// (§5). Locks the inspection and the photos.
pub fn add_photos(tx: &mut Tx<'_>, id: InspectionId, new: NewPhotos) -> Result<(Answer, Progress)> {
    let inspection = rows::lock_for_actor(tx, id)?;
    let present = match inspection.status {
        InspectionStatus::Draft => {
            let known = list(tx.conn, id)?;
            let known = known.into_iter().find(|answer| answer.checklist_item_id == new.checklist_item_id);
            known.map(|answer| answer.photo_file_ids.0).unwrap_or_default()
        }
        InspectionStatus::Submitted | InspectionStatus::Reviewed => Vec::new(),
    };
    answer_one(tx, id, new.beside(&present)?)
}

/// One answer.
pub fn get_answer(conn: &mut DbConnection, id: AnswerId) -> Result<Answer> {
    let found: Option<Answer> =
        with_conn!(conn, |c| answers::table.find(id).select(Answer::as_select()).first(c)).optional()?;
    Ok(found.ok_or(NotFound("answer"))?)
}

/// The answers of several inspections.
pub(super) fn list_of_all(conn: &mut DbConnection, ids: &[InspectionId]) -> Result<Vec<Answer>> {
    Ok(with_conn!(conn, |c| answers::table
        .inner_join(items::table)
        .filter(answers::inspection_id.eq_any(ids))
        .order((items::order_index, answers::id))
        .select(Answer::as_select())
        .load(c))?)
}

/// Progress of an inspection after some of its answers were saved.
fn progress_with(
    inspection: &Inspection,
    questions: &[Item],
    mut answers: Vec<Answer>,
    saved: &[Answer],
) -> Progress {
    answers.retain(|answer| find(saved, answer).is_none());
    answers.extend(saved.iter().cloned());
    inspection.progress(questions, &answers)
}

/// The answer to the same question.
fn find<'a>(answers: &'a [Answer], of: &Answer) -> Option<&'a Answer> {
    answers.iter().find(|answer| answer.checklist_item_id == of.checklist_item_id)
}

/// Writes and records answers, with the photos that they depend on.
fn save(tx: &mut Tx<'_>, inspection: &Inspection, before: &[Answer], rows: &[Answer]) -> Result<Vec<Answer>> {
    let saved = upsert(tx, rows)?;
    let mut changes = Changes::none();
    for row in &saved {
        let old = find(before, row);
        tx.translate(old, row);
        changes
            .0
            .insert(format!("item_{}", row.checklist_item_id), serde_json::json!({"old": old, "new": row}));
        let photos = |answer: &Answer| answer.photo_file_ids.0.get(1..).unwrap_or_default().to_vec();
        if old.map(photos).unwrap_or_default() != photos(row) {
            file_rows::remove_evidence(tx, EVIDENCE, &[row.id.get()])?;
            file_rows::add_evidence(tx, EVIDENCE, row.id.get(), &photos(row))?;
        }
    }
    tx.record_with(AuditAction::Answer, Some(inspection), Some(inspection), changes);
    Ok(saved)
}

/// Frees the photos of answers that are deleted.
pub(super) fn release_photos(tx: &mut Tx<'_>, answers: &[Answer]) -> Result<()> {
    let several = answers.iter().filter(|answer| answer.photo_file_ids.0.len() > 1);
    let ids: Vec<i64> = several.map(|answer| answer.id.get()).collect();
    if ids.is_empty() { Ok(()) } else { file_rows::remove_evidence(tx, EVIDENCE, &ids) }
}

/// Answers one question of a draft, as [`answer`] does (§5).
pub fn answer_one(tx: &mut Tx<'_>, id: InspectionId, given: NewAnswer) -> Result<(Answer, Progress)> {
    let (mut saved, progress) = answer(tx, id, vec![given], |_| None)?;
    Ok((saved.pop().ok_or(ConcurrentUpdate)?, progress))
}

/// Checks that a submission that was refused may be carried out as of this time: no answer is newer
/// (§15).
pub fn may_submit_as_of(conn: &mut DbConnection, id: InspectionId, at: Instant) -> Result<()> {
    let at = at.max(rows::get(conn, id)?.started_at);
    let newest = list(conn, id)?.into_iter().map(|answer| answer.answered_at).max();
    if newest > Some(at) { Err(InspectionRule::AnsweredSince.into()) } else { Ok(()) }
}

/// Answers one question as of the time at which it was answered offline. The flag says whether the
/// answer on record is newer: it stays, and is returned (§15). Locks as [`answer`] does.
pub fn answer_dated(
    tx: &mut Tx<'_>,
    id: InspectionId,
    given: NewAnswer,
) -> Result<((Answer, Progress), bool)> {
    let inspection = rows::lock_for_actor(tx, id)?;
    let present = list(tx.conn, id)?;
    let at = tx.happened_after([Some(inspection.started_at)]);
    let same = |answer: &&Answer| answer.checklist_item_id == given.checklist_item_id;
    let newer = present.iter().find(same).filter(|answer| at < answer.answered_at);
    let Some(newer) = newer.cloned() else { return Ok((answer_one(tx, id, given)?, false)) };
    if let Some(rest) = inspection.beneath(given, &newer) {
        return Ok((answer_one(tx, id, rest)?, false));
    }
    let questions = checklist_rows::questions_of(tx.conn, &inspection)?;
    let progress = inspection.progress(&questions, &present);
    Ok(((newer, progress), true))
}

/// Applies the answers to their questions and to the present answers. The questions are locked, so
/// that none loses its history while it is answered.
fn read(
    tx: &mut Tx<'_>,
    inspection: &Inspection,
    (questions, before): (&[Item], &[Answer]),
    given: Vec<NewAnswer>,
    path: &impl Fn(usize) -> Option<String>,
) -> Result<Vec<Answer>> {
    let ids: Vec<ItemId> = given.iter().map(|answer| answer.checklist_item_id).collect();
    checklist_rows::lock_items_shared(tx.conn, &ids)?;
    let actor = tx.actor()?.id;
    let mut errors = Invalid::default();
    let mut rows: Vec<Answer> = Vec::new();
    for (n, new) in given.into_iter().enumerate() {
        let item = questions.iter().find(|item| item.id == new.checklist_item_id);
        let old = before.iter().find(|answer| answer.checklist_item_id == new.checklist_item_id);
        let at = tx.happened_after([Some(inspection.started_at), old.map(|answer| answer.answered_at)]);
        let answer = match inspection.answer(new, item, old, actor, at) {
            Ok(row) if find(&rows, &row).is_some() => {
                Err(Invalid::field("checklist_item_id", "is answered twice"))
            }
            other => other,
        };
        match (answer, path(n)) {
            (Ok(row), _) => rows.push(row),
            (Err(wrong), Some(path)) => errors.extend(wrong.at(&path)),
            (Err(wrong), None) => errors.extend(wrong),
        }
    }
    errors.into_result()?;
    Ok(rows)
}

fn upsert(tx: &mut Tx<'_>, rows: &[Answer]) -> Result<Vec<Answer>> {
    Ok(with_conn!(&mut *tx.conn, |c| diesel::insert_into(answers::table)
        .values(rows)
        .on_conflict((answers::inspection_id, answers::checklist_item_id))
        .do_update()
        .set((
            answers::answer_value.eq(excluded(answers::answer_value)),
            answers::comment.eq(excluded(answers::comment)),
            answers::photo_path.eq(excluded(answers::photo_path)),
            answers::photo_file_id.eq(excluded(answers::photo_file_id)),
            answers::photo_file_ids.eq(excluded(answers::photo_file_ids)),
            answers::answered_by_id.eq(excluded(answers::answered_by_id)),
            answers::answered_at.eq(excluded(answers::answered_at)),
        ))
        .returning(Answer::as_returning())
        .get_results(c))?)
}

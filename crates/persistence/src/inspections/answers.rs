//! Answers to the questions of a draft (§5).

use diesel::{prelude::*, upsert::excluded};
use inspection_domain::{
    audit::{AuditAction, Changes},
    files::{Relation, StoredFile},
    ids::{FileId, InspectionId, ItemId},
    input::Invalid,
    inspections::{Answer, Inspection, InspectionCommand, NewAnswer, Progress},
    schema::{checklist_items as items, inspection_answers as answers},
};

use crate::{
    DbConnection, Result, Tx, checklists::rows as checklist_rows, db::error::ConcurrentUpdate, files,
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

/// Answers questions of a draft, all of them or none; a second answer to a question replaces the
/// first (§5). `path` names the n-th answer in the input, for errors. Locks the inspection, the
/// questions (shared) and the photos.
pub fn answer(
    tx: &mut Tx<'_>,
    id: InspectionId,
    given: Vec<NewAnswer>,
    path: impl Fn(usize) -> Option<String>,
) -> Result<(Vec<Answer>, Progress)> {
    let inspection = rows::lock_for_actor(tx, id)?;
    inspection.status.after(InspectionCommand::Answer)?;
    let answered: Vec<ItemId> = given.iter().map(|answer| answer.checklist_item_id).collect();
    let rows = read(tx, &inspection, given, &path)?;
    let photos: Vec<(String, FileId)> = rows
        .iter()
        .enumerate()
        .filter_map(|(n, row)| {
            let field = path(n).map_or_else(String::new, |path| path + ".") + "photo_file_id";
            Some((field, row.photo_file_id?))
        })
        .collect();
    let before = list(tx.conn, id)?;
    let fits = |file: &StoredFile| file.may_prove_answer(&inspection, &before);
    files::attach(tx, Relation::Inspection(id), &photos, fits)?;
    let saved = upsert(tx, &rows)?;
    let mut changes = Changes::none();
    for row in &saved {
        let old = before.iter().find(|answer| answer.checklist_item_id == row.checklist_item_id);
        tx.translate(old, row);
        changes
            .0
            .insert(format!("item_{}", row.checklist_item_id), serde_json::json!({"old": old, "new": row}));
    }
    tx.record_with(AuditAction::Answer, Some(&inspection), Some(&inspection), changes);
    let questions = checklist_rows::questions(tx.conn, inspection.template_id)?;
    let all: Vec<Answer> = before
        .into_iter()
        .filter(|answer| !answered.contains(&answer.checklist_item_id))
        .chain(saved.iter().cloned())
        .collect();
    let progress = inspection.progress(&questions, &all);
    Ok((saved, progress))
}

/// Answers one question of a draft, as [`answer`] does (§5).
pub fn answer_one(tx: &mut Tx<'_>, id: InspectionId, given: NewAnswer) -> Result<(Answer, Progress)> {
    let (mut saved, progress) = answer(tx, id, vec![given], |_| None)?;
    Ok((saved.pop().ok_or(ConcurrentUpdate)?, progress))
}

/// Checks the answers against their questions, which are locked against changes.
fn read(
    tx: &mut Tx<'_>,
    inspection: &Inspection,
    given: Vec<NewAnswer>,
    path: &impl Fn(usize) -> Option<String>,
) -> Result<Vec<Answer>> {
    let ids: Vec<ItemId> = given.iter().map(|answer| answer.checklist_item_id).collect();
    let asked = checklist_rows::lock_items_shared(tx.conn, &ids)?;
    let (actor, now) = (tx.actor()?.id, tx.now);
    let mut errors = Invalid::default();
    let mut rows: Vec<Answer> = Vec::new();
    for (n, new) in given.into_iter().enumerate() {
        let item = asked.iter().find(|item| item.id == new.checklist_item_id);
        let answer = match inspection.answer(new, item, actor, now) {
            Ok(row) if rows.iter().any(|other| other.checklist_item_id == row.checklist_item_id) => {
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
            answers::answered_by_id.eq(excluded(answers::answered_by_id)),
            answers::answered_at.eq(excluded(answers::answered_at)),
        ))
        .returning(Answer::as_returning())
        .get_results(c))?)
}

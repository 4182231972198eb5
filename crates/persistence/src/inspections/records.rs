//! The complete record of an inspection, as a printed document shows it (§5).

use std::collections::HashMap;

use inspection_domain::{
    assessments::Assessment,
    checklists::{Item, Template, asked},
    defects::Defect,
    equipment::Equipment,
    files::StoredFile,
    ids::{FileId, InspectionId, UserId},
    inspections::{Answer, Inspection},
    ratings::Rating,
    users::User,
};

use super::{answers, rows};
use crate::{
    DbConnection, Result, assessments::rows as assessment_rows, checklists::rows as checklist_rows,
    defects::rows as defect_rows, equipment::rows as equipment_rows, files::rows as file_rows,
    ratings::rows as rating_rows, users,
};

/// The record of an inspection, or of both halves of its assignment.
#[derive(Debug)]
pub struct InspectionRecord {
    /// The machine.
    pub machine: Equipment,
    /// The checklist.
    pub template: Template,
    /// The inspections, the mechanical half first.
    pub inspections: Vec<RecordedInspection>,
    /// The verdicts on the machine, if there are any.
    pub assessment: Option<Assessment>,
    /// The defects that the inspections found, by id.
    pub defects: Vec<Defect>,
    /// The photos of the answers.
    pub files: HashMap<FileId, StoredFile>,
    /// The users that the record names.
    pub people: HashMap<UserId, User>,
}

/// An inspection of a record.
#[derive(Debug)]
pub struct RecordedInspection {
    /// The inspection.
    pub inspection: Inspection,
    /// The questions that it asks, in order.
    pub items: Vec<Item>,
    /// The answers given.
    pub answers: Vec<Answer>,
    /// The rating, if the reader may see it.
    pub rating: Option<Rating>,
}

/// The record of an inspection, and of the other half of its assignment, if the actor may see them.
/// A fixed number of statements.
pub fn get_record(
    conn: &mut DbConnection,
    actor: &User,
    id: InspectionId,
    with_ratings: bool,
) -> Result<InspectionRecord> {
    let inspection = rows::get(conn, id)?;
    inspection.may_be_seen_by(actor)?;
    let template = checklist_rows::get(conn, inspection.template_id)?;
    let machine = equipment_rows::get(conn, inspection.equipment_id)?;
    let (halves, assessment) = match inspection.assignment_id {
        None => (vec![inspection], None),
        Some(assignment) => {
            (rows::halves(conn, assignment)?, assessment_rows::find_by_assignment(conn, assignment)?)
        }
    };
    let seen: Vec<Inspection> =
        halves.into_iter().filter(|half| half.id == id || half.may_be_seen_by(actor).is_ok()).collect();
    let ids: Vec<InspectionId> = seen.iter().map(|inspection| inspection.id).collect();
    let given = answers::list_of_all(conn, &ids)?;
    let mut inspections = Vec::with_capacity(seen.len());
    for inspection in seen {
        let rating = if with_ratings { rating_rows::find_by_inspection(conn, inspection.id)? } else { None };
        let is_own = |answer: &&Answer| answer.inspection_id == inspection.id;
        let answers: Vec<Answer> = given.iter().filter(is_own).cloned().collect();
        let mut items = checklist_rows::questions_of(conn, &inspection)?;
        items.retain(|item| inspection.covers(item));
        let value_of = |id| {
            let answer = answers.iter().find(|answer: &&Answer| answer.checklist_item_id == id);
            answer.map(|answer| answer.answer_value.as_str())
        };
        let items = asked(&items, value_of).into_iter().cloned().collect();
        inspections.push(RecordedInspection { inspection, items, answers, rating });
    }
    let assessment = assessment.filter(|assessment| assessment.may_be_seen_by(actor).is_ok());
    let photos = given.iter().flat_map(|answer| answer.photo_file_ids.0.iter().copied());
    let files = file_rows::by_ids(conn, photos)?;
    let defects = defect_rows::list_by_inspections(conn, &ids)?;
    let people = users::by_ids(conn, named(&inspections, assessment.as_ref(), &files))?;
    Ok(InspectionRecord { machine, template, inspections, assessment, defects, files, people })
}

/// The users that a record names.
fn named(
    inspections: &[RecordedInspection],
    assessment: Option<&Assessment>,
    files: &HashMap<FileId, StoredFile>,
) -> Vec<UserId> {
    let of_inspections = inspections.iter().flat_map(|recorded| {
        let Inspection { technician_id, reviewed_by_id, .. } = recorded.inspection;
        let rated_by = recorded.rating.as_ref().map(|rating| rating.rated_by_id);
        [Some(technician_id), reviewed_by_id, rated_by]
    });
    let of_assessment = assessment.into_iter().flat_map(|assessment| {
        let [mechanical, electrical] = assessment.inspectors();
        [Some(mechanical), Some(electrical), assessment.decided_by_id]
    });
    let of_files = files.values().map(|file| Some(file.uploaded_by_id));
    of_inspections.chain(of_assessment).chain(of_files).flatten().collect()
}

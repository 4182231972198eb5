//! Records of evidence files: access, lists and units of work (§14). The bytes are in the file
//! store under the key: they are stored before the row is inserted, and removed after it is
//! deleted.

pub(crate) mod rows;

use std::collections::HashSet;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    entity::Entity,
    files::{FileRule, NewFile, Purpose, RelatedType, Relation, StoredFile, Subject},
    ids::{AnswerId, DefectId, FileId, InspectionId},
    input::Invalid,
    inspections::Inspection,
    jobs::JobRule,
    page::{Page, PageRequest},
    schema::{defect_occurrences as occurrences, evidence, files, inspection_answers as answers},
    sessions::SessionRef,
    users::User,
};

pub use rows::get;

use crate::{
    DbConnection, Error, Result, Tx, assessments::rows as assessment_rows,
    assignments::rows as assignment_rows, defects::rows as defect_rows, equipment::rows as equipment_rows,
    inspections::rows as inspection_rows, jobs::rows as job_rows, quality_reviews::rows as review_rows,
    sessions,
};

/// The object a file belongs to, as far as it decides who sees the file; the object must exist.
fn subject_of(conn: &mut DbConnection, relation: Relation) -> Result<Subject> {
    Ok(match relation {
        Relation::Inspection(id) => Subject::Inspection(Box::new(inspection_rows::get(conn, id)?)),
        Relation::InspectionAnswer(id) => Subject::Inspection(Box::new(inspection_of(conn, id)?)),
        Relation::Assessment(id) => Subject::Assessment(Box::new(assessment_rows::get(conn, id)?)),
        Relation::Defect(id) => defect_rows::get(conn, id).map(|_| Subject::Open)?,
        Relation::Equipment(id) => equipment_rows::get(conn, id).map(|_| Subject::Open)?,
        Relation::Assignment(id) => assignment_rows::get(conn, id).map(|_| Subject::Open)?,
        Relation::Job(id) | Relation::Cleaning(id) => Subject::Job(Box::new(job_rows::get(conn, id)?)),
        Relation::QualityReview(id) => Subject::QualityReview(Box::new(review_rows::get(conn, id)?)),
    })
}

/// The inspection of an answer.
fn inspection_of(conn: &mut DbConnection, answer: AnswerId) -> Result<Inspection> {
    let id: Option<InspectionId> =
        with_conn!(&mut *conn, |c| answers::table.find(answer).select(answers::inspection_id).first(c))
            .optional()?;
    inspection_rows::get(conn, id.ok_or_else(Error::not_found::<Inspection>)?)
}

/// Checks that the actor may see an object and its files.
fn check_subject(conn: &mut DbConnection, actor: &User, relation: Relation) -> Result<()> {
    subject_of(conn, relation)?.may_be_seen_by(actor)?;
    match relation {
        Relation::Defect(id) => check_revealed(conn, actor, &[id]),
        _ => Ok(()),
    }
}

/// Checks that the actor has entered the planned time of the repair of one of the defects, whose
/// findings the owner doesn't see before (§7).
fn check_revealed(conn: &mut DbConnection, actor: &User, defects: &[DefectId]) -> Result<()> {
    let hidden = job_rows::unplanned_defects(conn, actor.id, defects)?;
    if defects.iter().all(|id| hidden.contains(id)) {
        return Err(JobRule::PlannedTimeRequired.into());
    }
    Ok(())
}

/// The defects that a file shows: its own, and those found by an answer whose photo it is (§6).
fn defects_shown(conn: &mut DbConnection, file: &StoredFile) -> Result<Vec<DefectId>> {
    let of_answer = match file.relation() {
        Some(Relation::Defect(id)) => return Ok(vec![id]),
        Some(Relation::InspectionAnswer(id)) => Some(id.get()),
        _ => None,
    };
    let proves = evidence::table
        .filter(evidence::file_id.eq(file.id))
        .filter(evidence::record_type.eq(RelatedType::InspectionAnswer.as_str()))
        .select(evidence::record_id);
    let mut shown: Vec<i64> = with_conn!(&mut *conn, |c| proves.load(c))?;
    shown.extend(of_answer);
    let is_its = answers::inspection_id
        .nullable()
        .eq(occurrences::inspection_id)
        .and(answers::checklist_item_id.nullable().eq(occurrences::checklist_item_id));
    let found = occurrences::table
        .inner_join(answers::table.on(is_its))
        .filter(answers::photo_file_id.eq(file.id).or(answers::id.nullable().eq_any(shown)))
        .select(occurrences::defect_id);
    Ok(with_conn!(conn, |c| found.load(c))?)
}

/// Whether the actor may upload for this purpose: they must see the related object, if any (§14).
pub fn may_upload(conn: &mut DbConnection, actor: &User, purpose: &Purpose) -> Result<()> {
    match purpose.relation {
        Some(relation) => Ok(subject_of(conn, relation)?.may_be_seen_by(actor)?),
        None => Ok(()),
    }
}

/// A page of the files of an object the actor may see, or of the actor's own files, newest first.
pub fn list(
    conn: &mut DbConnection,
    actor: &User,
    relation: Option<Relation>,
    page: PageRequest,
) -> Result<Page<StoredFile>> {
    if let Some(relation) = relation {
        check_subject(conn, actor, relation)?;
    }
    paged!(
        conn,
        page,
        StoredFile,
        || {
            let query = files::table.into_boxed::<Backend>();
            match relation.map(Relation::parts) {
                Some((kind, id)) => query.filter(files::related_type.eq(kind).and(files::related_id.eq(id))),
                None => query.filter(files::uploaded_by_id.eq(actor.id)),
            }
        },
        files by desc [id]
    )
}

/// One file, if the actor may see it (§14).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: FileId) -> Result<StoredFile> {
    let file = rows::get(conn, id)?;
    check_visible(conn, actor, &file)?;
    Ok(file)
}

/// One file that the actor may see, for a link; records its creation (§14).
pub fn create_link(tx: &mut Tx<'_>, id: FileId) -> Result<StoredFile> {
    let actor = tx.actor()?.clone();
    let file = get_visible(tx.conn, &actor, id)?;
    tx.audit(AuditAction::CreateLink, StoredFile::NAME, id.get(), Changes::none());
    Ok(file)
}

/// One file, by a link of this session, which must be valid; records the use (§14).
pub fn open_link(tx: &mut Tx<'_>, session: &SessionRef, id: FileId) -> Result<StoredFile> {
    let owner = sessions::authenticate(tx.conn, session, tx.now)?;
    let file = rows::get(tx.conn, id)?;
    let changes = Changes::none().with("link_of", owner.id.get());
    tx.audit(AuditAction::OpenLink, StoredFile::NAME, id.get(), changes);
    Ok(file)
}

fn check_visible(conn: &mut DbConnection, actor: &User, file: &StoredFile) -> Result<()> {
    if file.may_be_seen_by(actor, None).is_ok() {
        return Ok(());
    }
    if let Some(relation) = file.relation()
        && check_subject(conn, actor, relation).is_ok()
    {
        return Ok(());
    }
    match defects_shown(conn, file)?.as_slice() {
        // The files of a missing object are visible to their uploaders and admins only.
        [] => Ok(file.may_be_seen_by(actor, None)?),
        defects => check_revealed(conn, actor, defects),
    }
}

/// Records files whose bytes are in the store (§14).
pub fn record(tx: &mut Tx<'_>, new: Vec<NewFile>, purpose: &Purpose) -> Result<Vec<StoredFile>> {
    let actor = tx.actor()?.clone();
    may_upload(tx.conn, &actor, purpose)?;
    let new: Vec<StoredFile> = new.into_iter().map(|file| file.record(purpose, actor.id, tx.now)).collect();
    rows::insert(tx, &new)
}

/// Deletes the row of a file that no record depends on; the caller removes the bytes afterwards
/// (§14). Locks the file exclusively.
pub fn delete(tx: &mut Tx<'_>, id: FileId) -> Result<StoredFile> {
    let file = rows::lock_exclusively(tx.conn, id)?;
    file.may_be_deleted_by(tx.actor()?)?;
    let answers = answers::table.filter(answers::photo_file_id.eq(id));
    let records = evidence::table.filter(evidence::file_id.eq(id));
    let is_used: bool = with_conn!(&mut *tx.conn, |c| {
        let by_answers: bool = diesel::select(diesel::dsl::exists(answers)).get_result(c)?;
        by_answers || diesel::select(diesel::dsl::exists(records)).get_result(c)?
    });
    if is_used {
        return Err(FileRule::InUse.into());
    }
    rows::delete(tx, &file)?;
    Ok(file)
}

/// Attaches files to an object if all of them fit; a file without a relation is related to the
/// object from then on. `named` has each file with the input field that names it. Locks the files.
pub(crate) fn attach(
    tx: &mut Tx<'_>,
    to: Relation,
    named: &[(String, FileId)],
    fits: impl Fn(&StoredFile) -> Result<(), Invalid>,
) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let ids: Vec<FileId> = named.iter().map(|(_, id)| *id).collect();
    let found = rows::lock_all(tx.conn, &ids)?;
    let actor = tx.actor()?.clone();
    let mut errors = Invalid::default();
    for (field, id) in named {
        let outcome = match found.iter().find(|file| file.id == *id) {
            None => Err(Invalid::value("names no existing file")),
            // A file the actor may not see is reported as missing.
            Some(file) if check_visible(tx.conn, &actor, file).is_err() => {
                Err(Invalid::value("names no existing file"))
            }
            Some(file) => fits(file),
        };
        errors.collect(field, outcome);
    }
    errors.into_result()?;
    for file in &found {
        let after = file.proving(to);
        if after != *file {
            rows::write(tx, file, &after)?;
        }
    }
    Ok(())
}

/// The files of the input list `file_ids`, each with its field.
pub(crate) fn named(ids: &[FileId]) -> Vec<(String, FileId)> {
    ids.iter().enumerate().map(|(n, id)| (format!("file_ids[{n}]"), *id)).collect()
}

/// Up to `limit` files with ids above `last`, by id: for reading all files in batches.
pub fn after(conn: &mut DbConnection, last: Option<FileId>, limit: u32) -> Result<Vec<StoredFile>> {
    Ok(with_conn!(conn, |c| files::table
        .filter(files::id.gt(last.map_or(0, FileId::get)))
        .order(files::id)
        .limit(limit.into())
        .select(StoredFile::as_select())
        .load(c))?)
}

/// Those of these keys that belong to a file.
pub fn known_keys(conn: &mut DbConnection, keys: &[String]) -> Result<HashSet<String>> {
    let known: Vec<String> =
        with_conn!(conn, |c| files::table.filter(files::key.eq_any(keys)).select(files::key).load(c))?;
    Ok(known.into_iter().collect())
}

/// Number of files, and the sum of their sizes in bytes.
pub fn usage(conn: &mut DbConnection) -> Result<(i64, i64)> {
    use diesel::{
        dsl::{count_star, sql},
        sql_types::{BigInt, Nullable},
    };

    // PostgreSQL sums `bigint` as `numeric`.
    let bytes = sql::<Nullable<BigInt>>("CAST(SUM(file_size) AS BIGINT)");
    let (count, bytes): (i64, Option<i64>) =
        with_conn!(conn, |c| files::table.select((count_star(), bytes)).get_result(c))?;
    Ok((count, bytes.unwrap_or_default()))
}

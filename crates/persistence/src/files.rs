//! What is known of evidence files: reads, and units of work. Their bytes are in the store, under the key: they are
//! there before the row is, and go after it.

use std::collections::HashSet;

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    files::{FileRule, NewFile, Purpose, Relation, StoredFile, Subject},
    ids::FileId,
    input::Invalid,
    page::{Page, PageRequest},
    rule::NotFound,
    schema::{evidence, files, inspection_answers as answers},
    users::User,
};

use crate::{
    DbConnection, Result, Tx, assessments, assignments, db::database::one_row, defects, equipment,
    inspections, jobs, quality_reviews,
};

/// What of the object a file belongs to decides who sees the file; the object must be there.
fn subject_of(conn: &mut DbConnection, relation: Relation) -> Result<Subject> {
    Ok(match relation {
        Relation::Inspection(id) => Subject::Inspection(inspections::get(conn, id)?),
        Relation::Assessment(id) => Subject::Assessment(Box::new(assessments::get(conn, id)?)),
        Relation::Defect(id) => defects::get(conn, id).map(|_| Subject::Open)?,
        Relation::Equipment(id) => equipment::get(conn, id).map(|_| Subject::Open)?,
        Relation::Assignment(id) => assignments::get(conn, id).map(|_| Subject::Open)?,
        Relation::Job(id) | Relation::Cleaning(id) => Subject::Job(Box::new(jobs::get(conn, id)?)),
        Relation::QualityReview(id) => Subject::QualityReview(Box::new(quality_reviews::get(conn, id)?)),
    })
}

/// Whether the actor may upload for this purpose: they must see the object, if there is one (§14).
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
        subject_of(conn, relation)?.may_be_seen_by(actor)?;
    }
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let query = files::table.into_boxed::<Backend>();
            match relation.map(Relation::parts) {
                Some((kind, id)) => query.filter(files::related_type.eq(kind).and(files::related_id.eq(id))),
                None => query.filter(files::uploaded_by_id.eq(actor.id)),
            }
        };
        let items = filtered()
            .order(files::id.desc())
            .select(StoredFile::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}

/// One file, whoever's it is: for those who show a signed link to it.
pub fn get(conn: &mut DbConnection, id: FileId) -> Result<StoredFile> {
    with_conn!(conn, |c| files::table.find(id).select(StoredFile::as_select()).first(c))
        .optional()?
        .ok_or_else(|| NotFound("file").into())
}

/// One file, if the actor may see it (§14).
pub fn get_visible(conn: &mut DbConnection, actor: &User, id: FileId) -> Result<StoredFile> {
    let file = get(conn, id)?;
    check_visible(conn, actor, &file)?;
    Ok(file)
}

fn check_visible(conn: &mut DbConnection, actor: &User, file: &StoredFile) -> Result<()> {
    if file.may_be_seen_by(actor, None).is_ok() {
        return Ok(());
    }
    // An object that is gone shows its files to nobody else.
    let subject = file.relation().and_then(|relation| subject_of(conn, relation).ok());
    Ok(file.may_be_seen_by(actor, subject.as_ref())?)
}

/// Records files whose bytes are in the store (§14).
pub fn record(tx: &mut Tx<'_>, new: Vec<NewFile>, purpose: &Purpose) -> Result<Vec<StoredFile>> {
    let actor = tx.actor()?.clone();
    may_upload(tx.conn, &actor, purpose)?;
    let rows: Vec<StoredFile> = new.into_iter().map(|file| file.record(purpose, actor.id, tx.now)).collect();
    let stored: Vec<StoredFile> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(files::table)
        .values(&rows)
        .returning(StoredFile::as_returning())
        .get_results(c))?;
    for file in &stored {
        tx.audit(AuditAction::Create, "file", file.id.get(), Changes::between(None, Some(file)));
    }
    Ok(stored)
}

/// Removes what is known of a file that no record rests on; whoever calls removes the bytes afterwards (§14).
pub fn delete(tx: &mut Tx<'_>, id: FileId) -> Result<StoredFile> {
    // Stronger than other locks: nothing can come to rest on it meanwhile.
    let found: Option<StoredFile> =
        lock_rows!(&mut *tx.conn, files::table.find(id).select(StoredFile::as_select()), for_update, first)
            .optional()?;
    let file = found.ok_or(NotFound("file"))?;
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
    one_row(with_conn!(&mut *tx.conn, |c| diesel::delete(files::table.find(id)).execute(c))?)?;
    tx.audit(AuditAction::Delete, "file", id.get(), Changes::between(Some(&file), None));
    Ok(file)
}

/// The files of these numbers, locked until the transaction ends, so that none goes meanwhile.
fn held(tx: &mut Tx<'_>, ids: &[FileId]) -> Result<Vec<StoredFile>> {
    Ok(lock_rows!(
        &mut *tx.conn,
        files::table.filter(files::id.eq_any(ids)).order(files::id).select(StoredFile::as_select()),
        load
    )?)
}

/// Lets files go with an object, if they are fit to: those that belonged to nothing belong to it from now on. `named`
/// are the files, each with the place in the input that names it.
pub(crate) fn attach(
    tx: &mut Tx<'_>,
    to: Relation,
    named: &[(String, FileId)],
    is_fit: impl Fn(&StoredFile) -> Result<(), Invalid>,
) -> Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    let ids: Vec<FileId> = named.iter().map(|(_, id)| *id).collect();
    let found = held(tx, &ids)?;
    let actor = tx.actor()?.clone();
    let mut errors = Invalid::default();
    for (place, id) in named {
        let fits = match found.iter().find(|file| file.id == *id) {
            None => Err(Invalid::value("there is no such file")),
            // What somebody may not see is not there for them.
            Some(file) if check_visible(tx.conn, &actor, file).is_err() => {
                Err(Invalid::value("there is no such file"))
            }
            Some(file) => is_fit(file),
        };
        errors.collect(place, fits);
    }
    errors.into_result()?;
    for file in &found {
        let after = file.proving(to);
        if after != *file {
            with_conn!(&mut *tx.conn, |c| diesel::update(files::table.find(file.id)).set(&after).execute(c))?;
            tx.audit(AuditAction::Update, "file", file.id.get(), Changes::between(Some(file), Some(&after)));
        }
    }
    Ok(())
}

/// The files of a list in the field `file_ids`, each with its place.
pub(crate) fn named(ids: &[FileId]) -> Vec<(String, FileId)> {
    ids.iter().enumerate().map(|(n, id)| (format!("file_ids[{n}]"), *id)).collect()
}

/// Lets a record rest on files, which can't be deleted from then on.
pub(crate) fn rest_on(tx: &mut Tx<'_>, kind: &'static str, record: i64, ids: &[FileId]) -> Result<()> {
    let rows: Vec<_> = ids
        .iter()
        .map(|id| (evidence::file_id.eq(*id), evidence::record_type.eq(kind), evidence::record_id.eq(record)))
        .collect();
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(evidence::table)
        .values(&rows)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// The files a record rests on, in order.
pub fn evidence_of(conn: &mut DbConnection, kind: &'static str, record: i64) -> Result<Vec<FileId>> {
    Ok(with_conn!(conn, |c| evidence::table
        .filter(evidence::record_type.eq(kind).and(evidence::record_id.eq(record)))
        .order(evidence::file_id)
        .select(evidence::file_id)
        .load(c))?)
}

/// So many files with a greater number than this one, in order: for whoever goes through all of them.
pub fn after(conn: &mut DbConnection, last: Option<FileId>, limit: u32) -> Result<Vec<StoredFile>> {
    Ok(with_conn!(conn, |c| files::table
        .filter(files::id.gt(last.map_or(0, FileId::get)))
        .order(files::id)
        .limit(limit.into())
        .select(StoredFile::as_select())
        .load(c))?)
}

/// Which of these keys belong to a file.
pub fn known_keys(conn: &mut DbConnection, keys: &[String]) -> Result<HashSet<String>> {
    let known: Vec<String> =
        with_conn!(conn, |c| files::table.filter(files::key.eq_any(keys)).select(files::key).load(c))?;
    Ok(known.into_iter().collect())
}

/// How many files there are, and their bytes.
pub fn usage(conn: &mut DbConnection) -> Result<(i64, i64)> {
    use diesel::{
        dsl::{count_star, sql},
        sql_types::{BigInt, Nullable},
    };

    // PostgreSQL's sum of such numbers is of another type.
    let bytes = sql::<Nullable<BigInt>>("CAST(SUM(file_size) AS BIGINT)");
    let (count, bytes): (i64, Option<i64>) =
        with_conn!(conn, |c| files::table.select((count_star(), bytes)).get_result(c))?;
    Ok((count, bytes.unwrap_or_default()))
}

//! Rows of `files` and `evidence`: lookups, locks, inserts, writes, and the records that depend on
//! files.

use std::collections::HashMap;

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    files::StoredFile,
    ids::FileId,
    schema::{evidence, files},
};

use crate::db::{
    connection::DbConnection,
    error::{Error, Result},
    tx::Tx,
};

/// One file, without a check of the reader: for signed links.
pub fn get(conn: &mut DbConnection, id: FileId) -> Result<StoredFile> {
    find_row!(conn, files, StoredFile, id)?.ok_or_else(Error::not_found::<StoredFile>)
}

/// One file, locked for deletion: no record can start to depend on it meanwhile.
pub(crate) fn lock_exclusively(conn: &mut DbConnection, id: FileId) -> Result<StoredFile> {
    lock_row!(conn, files, StoredFile, id, for_update)?.ok_or_else(Error::not_found::<StoredFile>)
}

/// These files by id. One statement, none for no ids.
pub(crate) fn by_ids(
    conn: &mut DbConnection,
    ids: impl IntoIterator<Item = FileId>,
) -> Result<HashMap<FileId, StoredFile>> {
    let ids: Vec<FileId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<StoredFile> = with_conn!(conn, |c| files::table
        .filter(files::id.eq_any(ids))
        .select(StoredFile::as_select())
        .load(c))?;
    Ok(found.into_iter().map(|file| (file.id, file)).collect())
}

/// The files with these ids, locked until the transaction ends, so that none is deleted meanwhile.
pub(crate) fn lock_all(conn: &mut DbConnection, ids: &[FileId]) -> Result<Vec<StoredFile>> {
    Ok(lock_rows!(
        conn,
        files::table.filter(files::id.eq_any(ids)).order(files::id).select(StoredFile::as_select()),
        load
    )?)
}

/// The files a record depends on, by id. `record_type` is the record's type in `evidence`.
pub(crate) fn list_evidence(
    conn: &mut DbConnection,
    record_type: &'static str,
    record: i64,
) -> Result<Vec<FileId>> {
    Ok(with_conn!(conn, |c| evidence::table
        .filter(evidence::record_type.eq(record_type).and(evidence::record_id.eq(record)))
        .order(evidence::file_id)
        .select(evidence::file_id)
        .load(c))?)
}

/// Makes a record depend on files, which can't be deleted from then on. Idempotent.
pub(crate) fn add_evidence(
    tx: &mut Tx<'_>,
    record_type: &'static str,
    record: i64,
    ids: &[FileId],
) -> Result<()> {
    let rows: Vec<_> = ids
        .iter()
        .map(|id| {
            let record_type = evidence::record_type.eq(record_type);
            (evidence::file_id.eq(*id), record_type, evidence::record_id.eq(record))
        })
        .collect();
    with_conn!(&mut *tx.conn, |c| diesel::insert_into(evidence::table)
        .values(&rows)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Makes records of a type depend on no files.
pub(crate) fn remove_evidence(tx: &mut Tx<'_>, record_type: &'static str, records: &[i64]) -> Result<()> {
    let found = evidence::table
        .filter(evidence::record_type.eq(record_type))
        .filter(evidence::record_id.eq_any(records));
    with_conn!(&mut *tx.conn, |c| diesel::delete(found).execute(c))?;
    Ok(())
}

/// Inserts and records files.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &[StoredFile]) -> Result<Vec<StoredFile>> {
    let stored: Vec<StoredFile> = with_conn!(&mut *tx.conn, |c| diesel::insert_into(files::table)
        .values(new)
        .returning(StoredFile::as_returning())
        .get_results(c))?;
    for file in &stored {
        tx.record(AuditAction::Create, None, Some(file));
    }
    Ok(stored)
}

/// Writes and records a file, which is locked.
pub(crate) fn write(tx: &mut Tx<'_>, before: &StoredFile, after: &StoredFile) -> Result<()> {
    update_row!(tx, files, before, after)?;
    tx.record(AuditAction::Update, Some(before), Some(after));
    Ok(())
}

/// Deletes and records a file, which is locked exclusively.
pub(crate) fn delete(tx: &mut Tx<'_>, file: &StoredFile) -> Result<()> {
    delete_row!(tx, files[file.id])?;
    tx.record(AuditAction::Delete, Some(file), None);
    Ok(())
}

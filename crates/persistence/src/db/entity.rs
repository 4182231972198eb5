//! Building blocks of `<feature>/rows.rs`: lookup, lock, insert, guarded update and deletion of one
//! row.

/// Loads the row with this primary key: `Result<Option<Row>>`.
macro_rules! find_row {
    ($conn:expr, $table:ident, $row:ty, $id:expr) => {{
        let found: ::diesel::QueryResult<$row> =
            with_conn!($conn, |c| $table::table.find($id).select(<$row>::as_select()).first(c));
        ::diesel::OptionalExtension::optional(found).map_err($crate::Error::from)
    }};
}

/// Loads the row with this primary key and locks it until the transaction ends:
/// `Result<Option<Row>>`.
macro_rules! lock_row {
    ($conn:expr, $table:ident, $row:ty, $id:expr) => {
        lock_row!($conn, $table, $row, $id, for_no_key_update)
    };
    ($conn:expr, $table:ident, $row:ty, $id:expr, $lock:ident) => {{
        let found: ::diesel::QueryResult<$row> =
            lock_rows!($conn, $table::table.find($id).select(<$row>::as_select()), $lock, first);
        ::diesel::OptionalExtension::optional(found).map_err($crate::Error::from)
    }};
}

/// Inserts a row and returns it as stored, with its id: `Result<Row>`.
macro_rules! insert_row {
    ($tx:expr, $table:ident, $row:ty, $new:expr) => {{
        let inserted: ::diesel::QueryResult<$row> =
            with_conn!(&mut *$tx.conn, |c| ::diesel::insert_into($table::table)
                .values($new)
                .returning(<$row>::as_returning())
                .get_result(c));
        inserted.map_err($crate::Error::from)
    }};
}

/// Writes `after` over the row of `before`, or over the row with a primary key (`table[key]`), if
/// the guards still hold: `Result<()>`. Zero affected rows mean a concurrent update (`CONFLICT`).
macro_rules! update_row {
    ($tx:expr, $table:ident, $before:expr, $after:expr $(, $guard:expr)* $(,)?) => {
        update_row!($tx, $table[$before.id], $after $(, $guard)*)
    };
    ($tx:expr, $table:ident[$id:expr], $after:expr $(, $guard:expr)* $(,)?) => {{
        let guarded = $table::table.find($id)$(.filter($guard))*;
        with_conn!(&mut *$tx.conn, |c| ::diesel::update(guarded).set($after).execute(c))
            .map_err($crate::Error::from)
            .and_then($crate::db::database::one_row)
    }};
}

/// Deletes the row with this primary key: `Result<()>`. Zero affected rows mean a concurrent update
/// (`CONFLICT`).
macro_rules! delete_row {
    ($tx:expr, $table:ident[$id:expr]) => {{
        let found = $table::table.find($id);
        with_conn!(&mut *$tx.conn, |c| ::diesel::delete(found).execute(c))
            .map_err($crate::Error::from)
            .and_then($crate::db::database::one_row)
    }};
}

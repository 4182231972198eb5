//! The index of searches: the words of each object, in a GIN index of PostgreSQL and in a full-text
//! table of SQLite. Words come from the domain, so both find the same objects.

use std::collections::BTreeMap;

use diesel::{
    expression::{AppearsOnTable, Expression, ValidGrouping},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::{BigInt, Bool, Text},
};
use inspection_domain::{
    checklists::Template,
    defects::Defect,
    entity::Entity,
    equipment::Equipment,
    schema::{checklist_templates, defects, equipment, search_fills, users},
    search::{Search, SearchedKind},
    users::User,
};

use crate::{DbConnection, Result};

/// Words of objects, or their removal from the index.
pub(crate) type Entries = BTreeMap<(SearchedKind, i64), Option<String>>;

/// The condition that an object is found by a search.
#[derive(Debug, Clone)]
pub(crate) struct Found<C> {
    /// Column of the object's id.
    column: C,
    search: Conditions,
}

/// A search in the languages of both databases.
#[derive(Debug, Clone)]
struct Conditions {
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "for another database"))]
    postgres: String,
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "for another database"))]
    sqlite: String,
}

/// The condition that the object whose id is in a column is found by a search for a text.
pub(crate) fn found<C>(column: C, kind: SearchedKind, text: &str) -> Found<C> {
    let search = Search::new(kind, text);
    // Words consist of letters and digits, so nothing in them needs to be escaped.
    let condition = |[before, after]: [&str; 2], or: &str, and: &str| {
        let word = |word: &String| format!("{before}{word}{after}");
        let group =
            |words: &Vec<String>| format!("({})", words.iter().map(word).collect::<Vec<_>>().join(or));
        search.groups.iter().map(group).collect::<Vec<_>>().join(and)
    };
    let postgres = condition(["'", "':*"], " | ", " & ");
    let sqlite = condition(["\"", "\" *"], " OR ", " AND ");
    Found { column, search: Conditions { postgres, sqlite } }
}

impl<C> QueryId for Found<C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression> Expression for Found<C> {
    type SqlType = Bool;
}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Found<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: AppearsOnTable<From>, From> AppearsOnTable<From> for Found<C> {}

#[cfg(feature = "postgres")]
impl<C: QueryFragment<diesel::pg::Pg>> QueryFragment<diesel::pg::Pg> for Found<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        if self.search.postgres.is_empty() {
            out.push_sql("1=0");
            return Ok(());
        }
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT id FROM search_entries WHERE words @@ CAST(");
        out.push_bind_param::<Text, _>(&self.search.postgres)?;
        out.push_sql(" AS tsquery))");
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
impl<C: QueryFragment<diesel::sqlite::Sqlite>> QueryFragment<diesel::sqlite::Sqlite> for Found<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        if self.search.sqlite.is_empty() {
            out.push_sql("1=0");
            return Ok(());
        }
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT rowid >> 3 FROM search_entries WHERE search_entries MATCH ");
        out.push_bind_param::<Text, _>(&self.search.sqlite)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Notes the words of an entity that has changed, unless they are as before.
pub(crate) fn note<T: Entity>(entries: &mut Entries, before: Option<&T>, after: Option<&T>) {
    let earlier = before.and_then(Entity::searched);
    match after.and_then(|after| Some((after.id(), after.searched()?))) {
        Some((_, texts)) if earlier.as_ref() == Some(&texts) => {}
        Some((id, texts)) => drop(entries.insert((texts.kind, id), Some(texts.words()))),
        None => {
            if let (Some(before), Some(texts)) = (before, earlier) {
                entries.insert((texts.kind, before.id()), None);
            }
        }
    }
}

/// Writes entries into the index, in place of those of the same objects.
pub(crate) fn write(conn: &mut DbConnection, entries: &Entries) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    by_backend!(
        conn,
        postgres(c) => postgres::write(c, entries)?,
        sqlite(c) => sqlite::write(c, entries)?,
    );
    Ok(())
}

#[cfg(feature = "postgres")]
mod postgres {
    use diesel::{PgConnection, sql_types::Array};

    use super::{super::query::BATCH, *};

    pub(super) fn write(c: &mut PgConnection, entries: &Entries) -> QueryResult<()> {
        let all: Vec<_> = entries.iter().collect();
        for batch in all.chunks(BATCH) {
            let (mut kinds, mut ids, mut words) = (Vec::new(), Vec::new(), Vec::new());
            for ((kind, id), text) in batch {
                kinds.push(kind.as_str());
                ids.push(*id);
                words.push(text.as_deref().unwrap_or_default());
            }
            // An object without words stays in the index: it is found by no search.
            let statement = "INSERT INTO search_entries (kind, id, words) \
                SELECT kind, id, array_to_tsvector(string_to_array(words, ' ')) \
                FROM unnest($1, $2, $3) AS new (kind, id, words) \
                ON CONFLICT (kind, id) DO UPDATE SET words = EXCLUDED.words";
            sql_query(statement)
                .bind::<Array<Text>, _>(&kinds)
                .bind::<Array<BigInt>, _>(&ids)
                .bind::<Array<Text>, _>(&words)
                .execute(c)?;
        }
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::SqliteConnection;

    use super::*;

    pub(super) fn write(c: &mut SqliteConnection, entries: &Entries) -> QueryResult<()> {
        for ((kind, id), words) in entries {
            let row = (id << 3) | kind.number();
            sql_query("INSERT OR REPLACE INTO search_entries (rowid, words) VALUES (?, ?)")
                .bind::<BigInt, _>(row)
                .bind::<Text, _>(words.as_deref().unwrap_or_default())
                .execute(c)?;
        }
        Ok(())
    }
}

/// Rows of one transaction that fills the index.
const FILLED_AT_ONCE: i64 = 500;

/// Whether objects from before the index may be missing in it.
pub(crate) fn is_incomplete(conn: &mut DbConnection) -> Result<bool> {
    let open = search_fills::table.select(search_fills::kind);
    let next: Option<SearchedKind> = with_conn!(conn, |c| open.first(c).optional())?;
    Ok(next.is_some())
}

/// Adds some of the objects from before the index to it, behind those of the last time, in a
/// transaction. Returns whether others may be left.
pub(crate) fn fill_some(conn: &mut DbConnection) -> Result<bool> {
    let open =
        search_fills::table.order(search_fills::kind).select((search_fills::kind, search_fills::after_id));
    let next: Option<(SearchedKind, i64)> = lock_rows!(&mut *conn, open, first).optional()?;
    let Some((kind, after)) = next else { return Ok(false) };
    macro_rules! some_of {
        ($table:ident, $row:ty) => {{
            let some = $table::table.filter($table::id.gt(after)).order($table::id).limit(FILLED_AT_ONCE);
            let rows: Vec<$row> = lock_rows!(&mut *conn, some.select(<$row>::as_select()), load)?;
            let mut entries = Entries::new();
            for row in &rows {
                note(&mut entries, None, Some(row));
            }
            (rows.last().map(Entity::id), entries)
        }};
    }
    let (last, entries) = match kind {
        SearchedKind::Checklist => some_of!(checklist_templates, Template),
        SearchedKind::Defect => some_of!(defects, Defect),
        SearchedKind::Equipment => some_of!(equipment, Equipment),
        SearchedKind::User => some_of!(users, User),
    };
    write(conn, &entries)?;
    let of_kind = search_fills::table.find(kind);
    match last {
        Some(last) => {
            with_conn!(conn, |c| diesel::update(of_kind).set(search_fills::after_id.eq(last)).execute(c))?
        }
        None => with_conn!(conn, |c| diesel::delete(of_kind).execute(c))?,
    };
    Ok(true)
}

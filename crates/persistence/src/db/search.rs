//! The index of searches: the words of each object, in a GIN index of PostgreSQL and in a full-text
//! table of SQLite. Words come from the domain, so both find the same objects.

use std::{collections::BTreeMap, sync::Arc};

use diesel::{
    backend::Backend,
    expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping},
    prelude::*,
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use inspection_domain::{
    checklists::Template,
    defects::Defect,
    entity::Entity,
    equipment::Equipment,
    page::PageRequest,
    schema::{checklist_templates, defects, equipment, search_fills, users},
    search::{Search, SearchedKind},
    users::User,
};

use super::search_plan::{Plan, SAMPLED, Sample, begins};
use crate::{DbConnection, Result};

/// Characters of an object's words that a sample reads.
const LONGEST_SAMPLED: i64 = 2000;

/// Words of objects, or their removal from the index.
pub(crate) type Entries = BTreeMap<(SearchedKind, i64), Option<String>>;

/// The condition that an object is found by a search.
#[derive(Debug, Clone)]
pub(crate) struct Found<C> {
    /// Column of the object's id.
    column: C,
    kind: SearchedKind,
    /// Looked up in the index; none if the objects are read along their list.
    indexed: Option<Conditions>,
    /// Tested with the words of an object.
    tested: Conditions,
}

/// Groups of words in the languages of both databases.
#[derive(Debug, Clone)]
struct Conditions {
    #[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "for another database"))]
    postgres: String,
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "for another database"))]
    sqlite: String,
    /// The words of each group, with a blank before each.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "for another database"))]
    begins: Vec<Vec<String>>,
}

impl Conditions {
    fn new(groups: &[Vec<String>]) -> Self {
        // Words consist of letters and digits, so nothing in them needs to be escaped.
        let condition = |[before, after]: [&str; 2], or: &str, and: &str| {
            let word = |word: &String| format!("{before}{word}{after}");
            let group =
                |words: &Vec<String>| format!("({})", words.iter().map(word).collect::<Vec<_>>().join(or));
            groups.iter().map(group).collect::<Vec<_>>().join(and)
        };
        Self {
            postgres: condition(["'", "':*"], " | ", " & "),
            sqlite: condition(["\"", "\" *"], " OR ", " AND "),
            begins: groups.iter().map(|words| begins(words)).collect(),
        }
    }
}

impl Plan {
    /// The condition that the object whose id is in a column is found, from the index.
    pub(crate) fn by_index<C>(&self, kind: SearchedKind, column: C) -> Found<C> {
        let (indexed, tested) = (Conditions::new(&self.indexed), Conditions::new(&self.tested));
        Found { column, kind, indexed: Some(indexed), tested }
    }

    /// The same condition as a column `hit` of a list, which is not read in another order for it.
    pub(crate) fn hit<C>(&self, kind: SearchedKind, column: C) -> Hit<C> {
        let groups = [self.indexed.as_slice(), self.tested.as_slice()].concat();
        Hit(Found { column, kind, indexed: None, tested: Conditions::new(&groups) })
    }
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
        let Some(indexed) = &self.indexed else {
            // Not a condition with EXISTS, which may be computed for all objects first.
            out.push_sql("COALESCE((SELECT words @@ CAST(");
            out.push_bind_param::<Text, _>(&self.tested.postgres)?;
            out.push_sql(" AS tsquery) FROM search_entries WHERE kind = ");
            out.push_bind_param::<Text, _>(self.kind.as_str())?;
            out.push_sql(" AND search_entries.id = ");
            self.column.walk_ast(out.reborrow())?;
            out.push_sql("), FALSE)");
            return Ok(());
        };
        if indexed.postgres.is_empty() {
            out.push_sql("1=0");
            return Ok(());
        }
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT id FROM search_entries WHERE words @@ CAST(");
        out.push_bind_param::<Text, _>(&indexed.postgres)?;
        out.push_sql(" AS tsquery)");
        if !self.tested.postgres.is_empty() {
            // The function of the operator, which is not looked up in the index.
            out.push_sql(" AND ts_match_vq(words, CAST(");
            out.push_bind_param::<Text, _>(&self.tested.postgres)?;
            out.push_sql(" AS tsquery))");
        }
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
impl<C: QueryFragment<diesel::sqlite::Sqlite>> QueryFragment<diesel::sqlite::Sqlite> for Found<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        let Some(indexed) = &self.indexed else {
            out.push_sql("COALESCE((SELECT TRUE");
            self.tested.test(out.reborrow())?;
            out.push_sql(" FROM search_entries WHERE rowid = (");
            self.column.walk_ast(out.reborrow())?;
            out.push_sql(" << 3 | ");
            out.push_sql(&self.kind.number().to_string());
            out.push_sql(")), FALSE)");
            return Ok(());
        };
        if indexed.sqlite.is_empty() {
            out.push_sql("1=0");
            return Ok(());
        }
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT rowid >> 3 FROM search_entries WHERE search_entries MATCH ");
        out.push_bind_param::<Text, _>(&indexed.sqlite)?;
        self.tested.test(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
impl Conditions {
    /// Tests the words of an entry. A full-text condition would read the index for each row.
    fn test<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        for group in &self.begins {
            out.push_sql(" AND (FALSE");
            for word in group {
                out.push_sql(" OR INSTR(' ' || words, ");
                out.push_bind_param::<Text, _>(word)?;
                out.push_sql(") > 0");
            }
            out.push_sql(")");
        }
        Ok(())
    }
}

/// Whether an object is found, as a selected column of the name `hit`.
#[derive(Debug, Clone)]
pub(crate) struct Hit<C>(Found<C>);

impl<C> QueryId for Hit<C> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<C: Expression> Expression for Hit<C> {
    type SqlType = Bool;
}

impl<C: ValidGrouping<G>, G> ValidGrouping<G> for Hit<C> {
    type IsAggregate = C::IsAggregate;
}

impl<C: AppearsOnTable<From>, From> AppearsOnTable<From> for Hit<C> {}

impl<C: SelectableExpression<From>, From> SelectableExpression<From> for Hit<C> {}

impl<C, DB: Backend> QueryFragment<DB> for Hit<C>
where
    Found<C>: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" AS hit");
        Ok(())
    }
}

/// The words at an id of a sample, if it has an object.
#[derive(QueryableByName)]
struct Sampled {
    #[diesel(sql_type = Nullable<Text>)]
    words: Option<String>,
    #[diesel(sql_type = BigInt)]
    span: i64,
}

/// The plan of a page of a search among the objects of a kind. Reads a sample of their words, which
/// the connection remembers for a minute.
pub(crate) fn plan(
    conn: &mut DbConnection,
    kind: SearchedKind,
    text: &str,
    request: &PageRequest,
) -> Result<Plan> {
    let remembered = conn.estimates().sample(kind);
    let sample = if let Some(sample) = remembered {
        sample
    } else {
        let statement = sampling(kind, conn.is_postgres());
        let rows: Vec<Sampled> = with_conn!(&mut *conn, |c| sql_query(&statement).load(c))?;
        let span = rows.first().map_or(0, |row| row.span);
        let sample = Arc::new(Sample::new(rows.into_iter().map(|row| row.words), span));
        conn.estimates().insert_sample(kind, Arc::clone(&sample));
        sample
    };
    Ok(Plan::new(Search::new(kind, text), &sample, request.offset().saturating_add(request.limit())))
}

/// The statement that reads a sample. The ids are the multiples of the golden ratio, which are
/// spread evenly and have no period in common with the objects. Of long texts, it reads the
/// beginning.
fn sampling(kind: SearchedKind, is_postgres: bool) -> String {
    let table = match kind {
        SearchedKind::Checklist => "checklist_templates",
        SearchedKind::Defect => "defects",
        SearchedKind::Equipment => "equipment",
        SearchedKind::User => "users",
    };
    let id = "CAST(low + (n * 618033989 % 1000000000) / 1000000000.0 * span AS BIGINT)";
    let (name, number) = (kind.as_str(), kind.number());
    let (words, numbers) = if is_postgres {
        (
            format!(
                "LEFT(ARRAY_TO_STRING(TSVECTOR_TO_ARRAY(words), ' '), {LONGEST_SAMPLED}) \
                 FROM search_entries WHERE kind = '{name}' AND id = {id}"
            ),
            format!("GENERATE_SERIES(1::BIGINT, {SAMPLED}) AS numbers (n)"),
        )
    } else {
        (
            format!(
                "SUBSTR(words, 1, {LONGEST_SAMPLED}) FROM search_entries WHERE rowid = ({id} << 3 | {number})"
            ),
            format!(
                "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n < {SAMPLED}) SELECT n FROM numbers) AS numbers"
            ),
        )
    };
    let least = format!("(SELECT MIN(id) FROM {table})");
    let most = format!("(SELECT MAX(id) FROM {table})");
    format!(
        "SELECT (SELECT {words}) AS words, span FROM \
         (SELECT {least} AS low, COALESCE({most} - {least}, 0) AS span) AS ids, \
         {numbers}"
    )
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

    use super::*;

    /// Objects of one statement.
    const BATCH: usize = 1000;

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

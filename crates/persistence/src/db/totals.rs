//! Totals of lists: exact up to a bound, which takes a fixed time, and an estimate beyond.

use std::{
    collections::{BTreeMap, HashMap},
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::{
    backend::Backend,
    connection::Connection,
    expression::SqlLiteral,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::RunQueryDsl,
    result::QueryResult,
    serialize::ToSql,
    sql_types::{BigInt, HasSqlType, Integer},
};
use inspection_domain::{
    page::{COUNTED_EXACTLY, Counting, PageRequest, Total},
    search::SearchedKind,
};

use super::search_plan::Sample;

/// Time for which an estimate is used again.
const ESTIMATE_LIFETIME: Duration = Duration::from_mins(1);

/// Maximum number of lists whose estimates a connection remembers.
const MOST_ESTIMATES: usize = 200;

/// The estimates that a connection has made.
#[derive(Debug, Default)]
pub struct Estimates {
    /// Totals, by statement and parameters. They save the bounded count: a list that exceeds the
    /// bound hardly ever falls below it within the lifetime.
    totals: HashMap<String, (Instant, i64)>,
    /// The samples of words from which searches are planned.
    samples: BTreeMap<SearchedKind, (Instant, Arc<Sample>)>,
}

impl Estimates {
    fn get(&self, list: &str) -> Option<i64> {
        self.totals.get(list).filter(|(at, _)| at.elapsed() < ESTIMATE_LIFETIME).map(|(_, number)| *number)
    }

    fn insert(&mut self, list: String, number: i64) {
        if self.totals.len() >= MOST_ESTIMATES {
            self.totals.clear();
        }
        self.totals.insert(list, (Instant::now(), number));
    }

    /// The sample of the words of a kind, unless it is too old.
    pub(crate) fn sample(&self, kind: SearchedKind) -> Option<Arc<Sample>> {
        let (at, sample) = self.samples.get(&kind)?;
        (at.elapsed() < ESTIMATE_LIFETIME).then(|| Arc::clone(sample))
    }

    /// Remembers a sample.
    pub(crate) fn insert_sample(&mut self, kind: SearchedKind, sample: Arc<Sample>) {
        self.samples.insert(kind, (Instant::now(), sample));
    }
}

/// The selection of a query whose rows are only counted.
pub(crate) fn one() -> SqlLiteral<Integer> {
    diesel::dsl::sql("1")
}

/// The rows of a list, selected by [`one`].
pub(crate) type Rows<'a, DB> = &'a dyn QueryFragment<DB>;

/// A statement around the query of a list.
struct Around<'a, DB, ST> {
    before: &'static str,
    rows: Rows<'a, DB>,
    after: &'static str,
    sql_type: PhantomData<ST>,
}

impl<'a, DB, ST> Around<'a, DB, ST> {
    fn new(before: &'static str, rows: Rows<'a, DB>, after: &'static str) -> Self {
        Self { before, rows, after, sql_type: PhantomData }
    }
}

impl<DB, ST> QueryId for Around<'_, DB, ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB, ST> Query for Around<'_, DB, ST> {
    type SqlType = ST;
}

impl<DB, ST, Conn> RunQueryDsl<Conn> for Around<'_, DB, ST> {}

impl<DB: Backend, ST> QueryFragment<DB> for Around<'_, DB, ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.before);
        self.rows.walk_ast(out.reborrow())?;
        out.push_sql(self.after);
        Ok(())
    }
}

/// Whether a list has conditions.
pub(crate) fn is_filtered<DB>(rows: Rows<'_, DB>) -> bool
where
    DB: Backend + Default,
    DB::QueryBuilder: Default,
{
    diesel::debug_query::<DB, _>(&Around::<_, BigInt>::new("", rows, "")).to_string().contains(" WHERE ")
}

/// The rows among those of a list that are found by a search, in the order of the list.
pub(crate) struct Walked<'a, Q> {
    rows: &'a Q,
    limit: i64,
    offset: i64,
}

impl<'a, Q> Walked<'a, Q> {
    /// A page of the rows of a list, whose column `hit` is true for those that are found.
    pub(crate) fn new(rows: &'a Q, page: &PageRequest) -> Self {
        Self { rows, limit: page.limit(), offset: page.offset() }
    }
}

impl<Q> QueryId for Walked<'_, Q> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<Q: Query> Query for Walked<'_, Q> {
    type SqlType = Q::SqlType;
}

impl<Q, Conn> RunQueryDsl<Conn> for Walked<'_, Q> {}

impl<DB, Q> QueryFragment<DB> for Walked<'_, Q>
where
    DB: Backend + HasSqlType<BigInt>,
    Q: QueryFragment<DB>,
    i64: ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("SELECT * FROM (");
        self.rows.walk_ast(out.reborrow())?;
        out.push_sql(") AS walked WHERE hit LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(" OFFSET ");
        out.push_bind_param::<BigInt, _>(&self.offset)
    }
}

/// The rows of a list that is searched, in three ways.
pub(crate) struct SearchedRows<'a, DB> {
    /// All, of which those with a true `hit` are found, up to a window.
    pub(crate) walked: Rows<'a, DB>,
    /// Number of rows of the window.
    pub(crate) window: i64,
    /// All.
    pub(crate) all: Rows<'a, DB>,
    /// The rows that are found, from the index.
    pub(crate) indexed: Rows<'a, DB>,
}

/// A connection that counts the rows of lists.
pub(crate) trait CountRows: Connection {
    /// The number of rows, as it was asked for.
    fn total(
        &mut self,
        estimates: &mut Estimates,
        rows: Rows<'_, Self::Backend>,
        how: Option<Counting>,
    ) -> QueryResult<Total>;

    /// The number of rows that a search finds, and whether the list has no rows behind the window.
    fn searched_total(
        &mut self,
        estimates: &mut Estimates,
        rows: &SearchedRows<'_, Self::Backend>,
        how: Option<Counting>,
    ) -> QueryResult<(Total, bool)>;

    /// The exact number of rows.
    fn count_rows(&mut self, rows: Rows<'_, Self::Backend>) -> QueryResult<i64>;
}

macro_rules! count_rows {
    ($connection:ty, $backend:ty, $estimate:ident) => {
        impl CountRows for $connection {
            fn total(
                &mut self,
                estimates: &mut Estimates,
                rows: Rows<'_, $backend>,
                how: Option<Counting>,
            ) -> QueryResult<Total> {
                match how {
                    Some(Counting::None) => return Ok(Total::NOT_COUNTED),
                    Some(Counting::Exact) => return count(self, rows, ") AS counted").map(Total::exact),
                    None => {}
                }
                if let Some(total) = remembered(estimates, rows) {
                    return Ok(total);
                }
                let counted = count(self, rows, " LIMIT 10001) AS counted")?;
                if counted <= COUNTED_EXACTLY {
                    return Ok(Total::exact(counted));
                }
                let number = $estimate(self, rows)?;
                estimates.insert(key(rows), number);
                Ok(Total::estimated(number))
            }

            fn searched_total(
                &mut self,
                estimates: &mut Estimates,
                rows: &SearchedRows<'_, $backend>,
                how: Option<Counting>,
            ) -> QueryResult<(Total, bool)> {
                if how.is_some() {
                    return Ok((self.total(estimates, rows.indexed, how)?, false));
                }
                if let Some(total) = remembered(estimates, rows.indexed) {
                    return Ok((total, false));
                }
                let numbers = "SELECT COUNT(*), COUNT(CASE WHEN hit THEN 1 END) FROM (";
                let numbers = Around::<_, (BigInt, BigInt)>::new(numbers, rows.walked, ") AS walked");
                let (walked, hits): (i64, i64) = numbers.get_result(self)?;
                if walked < rows.window {
                    return Ok((Total::exact(hits), true));
                }
                if hits <= COUNTED_EXACTLY {
                    return Ok((self.total(estimates, rows.indexed, how)?, false));
                }
                let all = $estimate(self, rows.all)?;
                let number = all.saturating_mul(hits).checked_div(walked).unwrap_or(all);
                estimates.insert(key(rows.indexed), number);
                Ok((Total::estimated(number), false))
            }

            fn count_rows(&mut self, rows: Rows<'_, $backend>) -> QueryResult<i64> {
                count(self, rows, ") AS counted")
            }
        }

        /// A list as its statement and its parameters.
        fn key(rows: Rows<'_, $backend>) -> String {
            diesel::debug_query::<$backend, _>(&Around::<_, BigInt>::new("", rows, "")).to_string()
        }

        fn remembered(estimates: &Estimates, rows: Rows<'_, $backend>) -> Option<Total> {
            let number = if estimates.totals.is_empty() { None } else { estimates.get(&key(rows)) };
            number.map(Total::estimated)
        }

        fn count(c: &mut $connection, rows: Rows<'_, $backend>, after: &'static str) -> QueryResult<i64> {
            Around::<_, BigInt>::new("SELECT COUNT(*) FROM (", rows, after).get_result(c)
        }
    };
}

/// PostgreSQL: the estimate of its planner, from the statistics of the table.
#[cfg(feature = "postgres")]
mod postgres {
    use diesel::{PgConnection, pg::Pg, sql_types::Text};

    use super::*;

    count_rows!(PgConnection, Pg, planned);

    fn planned(c: &mut PgConnection, rows: Rows<'_, Pg>) -> QueryResult<i64> {
        let plan: String = Around::<_, Text>::new("EXPLAIN (FORMAT JSON) ", rows, "").get_result(c)?;
        let plan: serde_json::Value = serde_json::from_str(&plan)
            .map_err(|error| diesel::result::Error::DeserializationError(Box::new(error)))?;
        let rows = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_i64);
        rows.ok_or_else(|| {
            diesel::result::Error::DeserializationError("a plan without a number of rows".into())
        })
    }
}

/// SQLite has no estimates; counting a million rows of an index takes it a few milliseconds.
#[cfg(feature = "sqlite")]
mod sqlite {
    use diesel::{SqliteConnection, sqlite::Sqlite};

    use super::*;

    count_rows!(SqliteConnection, Sqlite, counted);

    fn counted(c: &mut SqliteConnection, rows: Rows<'_, Sqlite>) -> QueryResult<i64> {
        count(c, rows, ") AS counted")
    }
}

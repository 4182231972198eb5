//! Totals of lists: exact up to a bound, which takes a fixed time, and an estimate beyond.

use std::{
    collections::HashMap,
    marker::PhantomData,
    time::{Duration, Instant},
};

use diesel::{
    backend::Backend,
    connection::Connection,
    expression::SqlLiteral,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::RunQueryDsl,
    result::QueryResult,
    sql_types::{BigInt, Integer},
};
use inspection_domain::page::{COUNTED_EXACTLY, Counting, Total};

/// How long the estimate of a list is used again.
const ESTIMATE_LIFETIME: Duration = Duration::from_mins(1);

/// Maximum number of lists whose estimates a connection remembers.
const MOST_ESTIMATES: usize = 200;

/// The estimates that a connection has made, by statement and parameters. They save the bounded
/// count: a list that exceeds the bound hardly ever falls below it within the lifetime.
#[derive(Debug, Default)]
pub struct Estimates(HashMap<String, (Instant, i64)>);

impl Estimates {
    fn get(&self, list: &str) -> Option<i64> {
        self.0.get(list).filter(|(at, _)| at.elapsed() < ESTIMATE_LIFETIME).map(|(_, number)| *number)
    }

    fn insert(&mut self, list: String, number: i64) {
        if self.0.len() >= MOST_ESTIMATES {
            self.0.clear();
        }
        self.0.insert(list, (Instant::now(), number));
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

/// A connection that counts the rows of lists.
pub(crate) trait CountRows: Connection {
    /// The number of rows, as it was asked for.
    fn total(
        &mut self,
        estimates: &mut Estimates,
        rows: Rows<'_, Self::Backend>,
        how: Option<Counting>,
    ) -> QueryResult<Total>;
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
                let list = || {
                    let rows = Around::<_, BigInt>::new("", rows, "");
                    diesel::debug_query::<$backend, _>(&rows).to_string()
                };
                if !estimates.0.is_empty()
                    && let Some(number) = estimates.get(&list())
                {
                    return Ok(Total::estimated(number));
                }
                let counted = count(self, rows, " LIMIT 10001) AS counted")?;
                if counted <= COUNTED_EXACTLY {
                    return Ok(Total::exact(counted));
                }
                let number = $estimate(self, rows)?;
                estimates.insert(list(), number);
                Ok(Total::estimated(number))
            }
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

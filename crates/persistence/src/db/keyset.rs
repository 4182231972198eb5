//! Expressions that order a list and continue it after a position.

use diesel::{
    backend::Backend,
    expression::{
        AppearsOnTable, AsExpression, Expression, SelectableExpression, TypedExpressionType, ValidGrouping,
    },
    query_builder::{AstPass, QueryFragment, QueryId},
    result::QueryResult,
    sql_types::{Bool, SqlType},
};

/// Compares rows of values: `(a, b) > (x, y)`, which both databases find in an index on `(a, b)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compared<L, R> {
    /// Columns.
    pub(crate) columns: L,
    /// Values.
    pub(crate) values: R,
    /// ` > ` or ` < `.
    pub(crate) operator: &'static str,
}

impl<L, R> QueryId for Compared<L, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<L: Expression, R: Expression> Expression for Compared<L, R> {
    type SqlType = Bool;
}

impl<L: ValidGrouping<G>, R, G> ValidGrouping<G> for Compared<L, R> {
    type IsAggregate = L::IsAggregate;
}

impl<L, R, From> AppearsOnTable<From> for Compared<L, R>
where
    L: AppearsOnTable<From>,
    R: AppearsOnTable<From>,
{
}

impl<L, R, DB: Backend> QueryFragment<DB> for Compared<L, R>
where
    L: QueryFragment<DB>,
    R: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("(");
        self.columns.walk_ast(out.reborrow())?;
        out.push_sql(")");
        out.push_sql(self.operator);
        out.push_sql("(");
        self.values.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// A date or time that may be absent, in an order: absent ones come before all others. By
/// themselves, PostgreSQL puts them last and SQLite first. An index on the same expression has this
/// order.
#[derive(Debug, Clone, Copy, QueryId)]
pub(crate) struct AbsentFirst<E>(pub(crate) E);

impl<E: Expression> Expression for AbsentFirst<E> {
    type SqlType = E::SqlType;
}

impl<E: ValidGrouping<G>, G> ValidGrouping<G> for AbsentFirst<E> {
    type IsAggregate = E::IsAggregate;
}

impl<E: AppearsOnTable<From>, From> AppearsOnTable<From> for AbsentFirst<E> {}

impl<E: SelectableExpression<From>, From> SelectableExpression<From> for AbsentFirst<E> {}

impl<E: QueryFragment<DB>, DB: Backend> QueryFragment<DB> for AbsentFirst<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("COALESCE(");
        self.0.walk_ast(out.reborrow())?;
        // SQLite compares texts, of which this one precedes all dates.
        out.push_sql(", '-infinity')");
        Ok(())
    }
}

/// A parameter of the type of a column.
pub(crate) fn bound<C, V>(_: &C, value: V) -> V::Expression
where
    C: Expression,
    C::SqlType: SqlType + TypedExpressionType,
    V: AsExpression<C::SqlType>,
{
    value.as_expression()
}

/// The expression of a key of an order: `column`, `(absent_first column)` or `(column = of)`, in
/// which `of` reads the value from a row that has no field of the name of the column.
macro_rules! key_column {
    ($table:ident, (absent_first $column:ident)) => {
        $crate::db::keyset::AbsentFirst($table::$column)
    };
    ($table:ident, ($column:ident = $of:expr)) => {
        $table::$column
    };
    ($table:ident, $column:ident) => {
        $table::$column
    };
}

/// The function that reads the value of a key from a row.
macro_rules! key_of_row {
    ($row:ty, (absent_first $column:ident)) => {
        |row: &$row| row.$column.clone()
    };
    ($row:ty, ($column:ident = $of:expr)) => {
        $of
    };
    ($row:ty, $column:ident) => {
        |row: &$row| row.$column.clone()
    };
}

/// The value of a key at a position, as a parameter.
macro_rules! key_bound {
    ($position:ident, $n:expr, $row:ty, $table:ident, (absent_first $column:ident)) => {
        $crate::db::keyset::AbsentFirst(key_bound!($position, $n, $row, $table, $column))
    };
    ($position:ident, $n:expr, $row:ty, $table:ident, $key:tt) => {
        $crate::db::keyset::bound(&key_column!($table, $key), $position.value($n, key_of_row!($row, $key))?)
    };
}

/// Orders a boxed query by keys, all ascending or all descending, and continues it after a
/// position. In `{a, !b, id}`, the second key has the opposite direction of the others.
macro_rules! by_keys {
    ($query:ident, $after:ident, $row:ty, $table:ident, asc, $keys:tt) => {
        by_keys!(@ $query, $after, $row, $table, (asc, desc), (" > ", ge, gt, lt), $keys)
    };
    ($query:ident, $after:ident, $row:ty, $table:ident, desc, $keys:tt) => {
        by_keys!(@ $query, $after, $row, $table, (desc, asc), (" < ", le, lt, gt), $keys)
    };
    (@ $query:ident, $after:ident, $row:ty, $table:ident, ($up:ident, $down:ident),
        ($operator:literal, $from:ident, $beyond:ident, $before:ident), [$($key:tt),+ $(,)?]) => {{
        let query = $query.order(($(key_column!($table, $key).$up(),)+));
        match $after {
            None => query,
            Some(position) => {
                let mut columns = 0..;
                query.filter($crate::db::keyset::Compared {
                    columns: ($(key_column!($table, $key),)+),
                    values: ($(
                        key_bound!(position, columns.next().unwrap_or_default(), $row, $table, $key),
                    )+),
                    operator: $operator,
                })
            }
        }
    }};
    (@ $query:ident, $after:ident, $row:ty, $table:ident, ($up:ident, $down:ident),
        ($operator:literal, $from:ident, $beyond:ident, $before:ident), {$a:tt, !$b:tt, $c:tt}) => {{
        let query = $query.order((
            key_column!($table, $a).$up(),
            key_column!($table, $b).$down(),
            key_column!($table, $c).$up(),
        ));
        match $after {
            None => query,
            Some(position) => {
                let first = position.value(0, key_of_row!($row, $a))?;
                let second = position.value(1, key_of_row!($row, $b))?;
                let third = position.value(2, key_of_row!($row, $c))?;
                let (a, b, c) = (key_column!($table, $a), key_column!($table, $b), key_column!($table, $c));
                let within = b.$before(second.clone()).or(b.eq(second).and(c.$beyond(third)));
                // The first condition is a range of the index, which an `OR` isn't.
                query.filter(a.$from(first.clone()).and(a.$beyond(first).or(within)))
            }
        }
    }};
}

/// The function that reads the values of all keys from a row.
macro_rules! keys_of_row {
    ($row:ty, [$($key:tt),+ $(,)?]) => {
        |row: &$row| vec![$(
            ::inspection_domain::page::position_value(&(key_of_row!($row, $key))(row)),
        )+]
    };
    ($row:ty, {$a:tt, !$b:tt, $c:tt}) => {
        keys_of_row!($row, [$a, $b, $c])
    };
}

/// Orders a boxed query of a list, and continues it after a position if there is one:
/// `asc [keys]`, `desc [keys]`, or by a [`Sort`](inspection_domain::page::Sort) that chooses the
/// keys: `sort {Order::Name => [name, id], …}`. The last key is unique.
macro_rules! order_by {
    ($query:ident, $after:ident, $row:ty, $table:ident, asc $keys:tt) => {
        by_keys!($query, $after, $row, $table, asc, $keys)
    };
    ($query:ident, $after:ident, $row:ty, $table:ident, desc $keys:tt) => {
        by_keys!($query, $after, $row, $table, desc, $keys)
    };
    ($query:ident, $after:ident, $row:ty, $table:ident, $sort:ident { $($by:pat => $keys:tt),+ $(,)? }) => {
        match ($sort.by, $sort.descending) {
            $(
                ($by, false) => by_keys!($query, $after, $row, $table, asc, $keys),
                ($by, true) => by_keys!($query, $after, $row, $table, desc, $keys),
            )+
        }
    };
}

/// The values of a row in the columns of an order, as [`order_by!`] writes it.
macro_rules! position_of {
    ($row:ty, asc $keys:tt) => {
        keys_of_row!($row, $keys)
    };
    ($row:ty, desc $keys:tt) => {
        keys_of_row!($row, $keys)
    };
    ($row:ty, $sort:ident { $($by:pat => $keys:tt),+ $(,)? }) => {
        match $sort.by {
            $($by => (keys_of_row!($row, $keys)) as fn(&$row) -> Vec<::serde_json::Value>,)+
        }
    };
}

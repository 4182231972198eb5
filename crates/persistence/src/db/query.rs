//! Building blocks of list queries: filters, orders, text search and pages.

/// Orders a boxed query by one of several columns, ascending or descending; ties are broken by id.
macro_rules! order_by {
    ($query:expr, $sort:expr, $id:expr, { $($by:pat => $column:expr),+ $(,)? }) => {
        match ($sort.by, $sort.descending) {
            $(
                ($by, false) => $query.order(($column.asc(), $id.asc())),
                ($by, true) => $query.order(($column.desc(), $id.desc())),
            )+
        }
    };
}

/// Adds an equality to a boxed query for every filter that is set.
macro_rules! filter_by {
    ($query:ident, { $($column:expr => $value:expr),+ $(,)? }) => {
        $( if let Some(value) = $value { $query = $query.filter($column.eq(value)); } )+
    };
}

/// Adds a condition to a boxed query for every filter that has values: the column has one of them.
macro_rules! filter_any {
    ($query:ident, { $($column:expr => $filter:expr),+ $(,)? }) => {
        $( match $filter.values() {
            [] => {}
            // With an equality, the database can read an index in the order of the list.
            [one] => $query = $query.filter($column.eq(*one)),
            many => $query = $query.filter($column.eq_any(many.to_vec())),
        } )+
    };
}

/// Loads one page of a list and the total number of its rows: two statements, as
/// `Result<Page<Row>>`.
///
/// `paged!(conn, page, Row, || filtered, |query| ordered)`: `filtered` builds the query with all
/// filters and is evaluated twice; `ordered` adds the order to the first of them. `Row` is selected
/// by `Row::as_select()`; `Row = selection` selects something else. Both expressions are compiled
/// for each database, with `Backend` as in `with_conn!`.
macro_rules! paged {
    ($conn:expr, $page:expr, $row:ty, || $filtered:expr, |$query:ident| $ordered:expr $(,)?) => {
        paged!($conn, $page, $row = <$row>::as_select(), || $filtered, |$query| $ordered)
    };
    ($conn:expr, $page:expr, $row:ty = $selection:expr, || $filtered:expr, |$query:ident| $ordered:expr $(,)?) => {{
        let request: ::inspection_domain::page::PageRequest = $page;
        let loaded: ::diesel::QueryResult<(Vec<$row>, i64)> = with_conn!($conn, |c| {
            let filtered = || $filtered;
            let $query = filtered();
            ($ordered)
                .select($selection)
                .limit(request.per_page.into())
                .offset(request.offset())
                .load(c)
                .and_then(|items| Ok((items, filtered().count().get_result(c)?)))
        });
        loaded
            .map(|(items, total)| ::inspection_domain::page::Page { items, total, request })
            .map_err($crate::Error::from)
    }};
}

/// Rows of one `INSERT`, so that its parameters stay below the limits of both databases.
pub(crate) const BATCH: usize = 1000;

diesel::define_sql_function! {
    /// Lower case, as far as the database knows the letters.
    fn lower(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// The pattern that matches a text anywhere in a column:
/// `lower(column).like(anywhere(text)).escape('\\')`. The database lowers both sides, so they match
/// even where it doesn't know the lower case of a letter.
pub(crate) fn anywhere(text: &str) -> lower<String> {
    lower(pattern(text))
}

fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

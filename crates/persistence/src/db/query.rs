//! Building blocks of list queries: filters, text search and pages.

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

/// Loads one page of a list, and the total number of its rows: two statements, or one if the rows
/// aren't counted, as `Result<Page<Row>>`.
///
/// `paged!(conn, page, Row, || filtered, table by order)`: `filtered` builds the boxed query with
/// all filters and is evaluated twice; `order` is written as for `order_by!`. `Row` is selected by
/// `Row::as_select()`; `Row = selection` selects something else. The expressions are compiled for
/// each database, with `Backend` as in `with_conn!`.
macro_rules! paged {
    ($conn:expr, $page:expr, $row:ty, || $filtered:expr, $table:ident by $($order:tt)+) => {
        paged!($conn, $page, $row = <$row>::as_select(), || $filtered, $table by $($order)+)
    };
    ($conn:expr, $page:expr, $row:ty = $selection:expr, || $filtered:expr, $table:ident by $($order:tt)+) => {{
        let request: ::inspection_domain::page::PageRequest = $page;
        let (rows, total) = with_conn!($conn, |c, estimates| {
            let filtered = || $filtered;
            let query = filtered();
            let after = request.after.as_ref();
            let rows: Vec<$row> = (order_by!(query, after, $row, $table, $($order)+))
                .select($selection)
                .limit(request.limit())
                .offset(request.offset())
                .load(c)?;
            let all = filtered().select($crate::db::totals::one());
            let total = $crate::db::totals::CountRows::total(c, estimates, &all, request.count)?;
            // The remembered estimate of a list that has shrunk is corrected by its end.
            let total = request.total_at_end(rows.len()).unwrap_or(total);
            (rows, total)
        });
        let position = position_of!($row, $($order)+);
        let page = ::inspection_domain::page::Page::new(request, rows, total, position);
        Ok::<_, $crate::Error>(page)
    }};
}

/// Rows of one `INSERT`, so that its parameters stay below the limits of both databases.
pub(crate) const BATCH: usize = 1000;

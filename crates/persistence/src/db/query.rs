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

/// Loads one page of a list that may be searched, as [`paged!`] does. `search` is the kind of the
/// objects and an optional text, whose condition is added to the query.
macro_rules! searched {
    ($conn:expr, $page:expr, $row:ty, search($kind:expr, $text:expr), || $filtered:expr,
        $table:ident by $($order:tt)+) => {{
        let conn: &mut $crate::DbConnection = $conn;
        let request: ::inspection_domain::page::PageRequest = $page;
        let kind: ::inspection_domain::search::SearchedKind = $kind;
        let text: Option<&str> = $text;
        let plan = text.map(|text| $crate::db::search::plan(conn, kind, text, &request)).transpose()?;
        let (rows, total) = with_conn!(conn, |c, estimates| {
            use $crate::db::totals::{CountRows, SearchedRows, Walked, one};
            let filtered = || $filtered;
            let found = || match &plan {
                Some(plan) => filtered().filter(plan.by_index(kind, $table::id)),
                None => filtered(),
            };
            let after = request.after.as_ref();
            let ordered = || {
                let query = filtered();
                Ok::<_, $crate::Error>(order_by!(query, after, $row, $table, $($order)+))
            };
            let (mut rows, mut total) = (None::<Vec<$row>>, None);
            if let Some(plan) = &plan && let Some(walk) = plan.walk {
                let hit = || plan.hit(kind, $table::id);
                let (all, window) = (filtered().select(one()), walk.counted);
                let (known, is_whole) = match walk.total.filter(|_| request.count.is_none()) {
                    Some(total) if !$crate::db::totals::is_filtered::<Backend>(&all) => (total, false),
                    _ => {
                        let walked = filtered().select(hit()).limit(window);
                        let indexed = found().select(one());
                        let rows = SearchedRows { walked: &walked, window, all: &all, indexed: &indexed };
                        CountRows::searched_total(c, estimates, &rows, request.count)?
                    }
                };
                total = Some(known);
                let window = if is_whole { window } else { walk.window };
                let walked = ordered()?.select((<$row>::as_select(), hit())).limit(window);
                let page: Vec<($row, bool)> = Walked::new(&walked, &request).load(c)?;
                // A page with fewer rows than asked for is the end of the list, or of the window.
                let is_filled = i64::try_from(page.len()).is_ok_and(|rows| rows >= request.limit());
                if is_filled
                    || is_whole
                    || CountRows::count_rows(c, &ordered()?.select(one()).limit(window))? < window
                {
                    rows = Some(page.into_iter().map(|(row, _)| row).collect());
                }
            }
            let rows = match rows {
                Some(rows) => rows,
                None => {
                    let query = ordered()?;
                    let query = match &plan {
                        Some(plan) => query.filter(plan.by_index(kind, $table::id)),
                        None => query,
                    };
                    query
                        .select(<$row>::as_select())
                        .limit(request.limit())
                        .offset(request.offset())
                        .load(c)?
                }
            };
            let at_end = request.total_at_end(rows.len());
            // A search with few matches is on one page, so nothing is left to count.
            let total = match at_end.filter(|_| plan.is_some()).or(total) {
                Some(total) => total,
                None => CountRows::total(c, estimates, &found().select(one()), request.count)?,
            };
            let total = at_end.unwrap_or(total);
            (rows, total)
        });
        let position = position_of!($row, $($order)+);
        Ok::<_, $crate::Error>(::inspection_domain::page::Page::new(request, rows, total, position))
    }};
}

/// Rows of one `INSERT`, so that its parameters stay below the limits of both databases.
pub(crate) const BATCH: usize = 1000;

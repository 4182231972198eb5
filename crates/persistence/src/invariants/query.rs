//! One query for both databases: SQL in which expressions in brackets stand for what differs
//! between them, or a function over rows.

use diesel::{QueryableByName, RunQueryDsl, prelude::*, sql_query, sql_types::BigInt};
use inspection_domain::{
    schema::task_runs as runs,
    tasks::{TaskName, TaskOutcome},
    time::{Instant, SiteTimeZone},
};

use crate::{Context, DbConnection, Result};

/// The query of an invariant, for the ids of the objects that violate it.
pub(super) enum Query {
    /// SQL with the column `id`, in which these expressions are replaced:
    ///
    /// - `[second x]`: the whole seconds of an instant.
    /// - `[ago n]`: the instant n seconds ago.
    /// - `[each x q]`: the elements of a JSON array, as `q.value`.
    /// - `[text x name]`: a member of a JSON object, as text.
    /// - `[new x name]`: the new value of a field in changes of the audit trail, as text.
    Sql(&'static str),
    /// A function over rows.
    Rows(fn(&mut DbConnection, &Setting) -> Result<Vec<i64>>),
}

/// The time by which invariants are judged.
pub(super) struct Setting {
    /// Now.
    pub(super) now: Instant,
    /// The calendar of the site.
    pub(super) calendar: SiteTimeZone,
    /// Start of the latest run that ended and began leaves.
    pub(super) leaves_updated_at: Option<Instant>,
}

impl Setting {
    pub(super) fn read(conn: &mut DbConnection, context: &Context) -> Result<Self> {
        let latest = runs::table
            .filter(runs::task.eq(TaskName::CheckBacklog))
            .filter(runs::outcome.eq(TaskOutcome::Succeeded))
            .order(runs::scheduled_for.desc())
            .select(runs::started_at);
        let leaves_updated_at = with_conn!(conn, |c| latest.first(c)).optional()?;
        Ok(Self { now: context.clock.now(), calendar: context.calendar.clone(), leaves_updated_at })
    }
}

#[derive(QueryableByName)]
struct Offending {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Query {
    /// The number of objects that violate the invariant, and the first ids.
    pub(super) fn offending(
        &self,
        conn: &mut DbConnection,
        setting: &Setting,
        most: usize,
    ) -> Result<(i64, Vec<i64>)> {
        match self {
            Self::Sql(text) => {
                let found = rendered(text, conn.is_postgres(), setting.now);
                let statement = format!(
                    "WITH offending AS (SELECT DISTINCT id FROM ({found}) AS found) \
                     SELECT id, (SELECT COUNT(*) FROM offending) AS number FROM offending \
                     ORDER BY id LIMIT {most}"
                );
                let rows: Vec<Offending> = with_conn!(conn, |c| sql_query(statement).load(c))?;
                let number = rows.first().map_or(0, |row| row.number);
                Ok((number, rows.into_iter().map(|row| row.id).collect()))
            }
            Self::Rows(find) => {
                let mut ids = find(conn, setting)?;
                ids.sort_unstable();
                ids.dedup();
                let number = i64::try_from(ids.len()).unwrap_or(i64::MAX);
                ids.truncate(most);
                Ok((number, ids))
            }
        }
    }
}

/// The SQL of a database.
fn rendered(text: &str, is_postgres: bool, now: Instant) -> String {
    let mut sql = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, expression)) = rest.split_once('[') {
        let (expression, after) = expression.split_once(']').unwrap_or((expression, ""));
        sql.push_str(before);
        sql.push_str(&replaced(expression, is_postgres, now));
        rest = after;
    }
    sql + rest
}

/// The SQL that an expression in brackets stands for.
fn replaced(expression: &str, is_postgres: bool, now: Instant) -> String {
    let words: Vec<&str> = expression.split(' ').collect();
    match (words.as_slice(), is_postgres) {
        (["second", instant], true) => format!("CAST(floor(extract(epoch FROM {instant})) AS BIGINT)"),
        (["second", instant], false) => format!("CAST(strftime('%s', {instant}) AS INTEGER)"),
        (["ago", seconds], _) => {
            let seconds: i64 = seconds.parse().unwrap_or_default();
            format!("'{}'", now.plus_seconds(-seconds))
        }
        (["each", array, name], true) => {
            format!("LATERAL jsonb_array_elements(CAST({array} AS jsonb)) AS {name}(value)")
        }
        (["each", array, name], false) => format!("json_each({array}) AS {name}"),
        (["text", object, member], true) => format!("({object} ->> '{member}')"),
        (["text", object, member], false) => {
            format!("CAST(json_extract({object}, '$.{member}') AS TEXT)")
        }
        (["new", changes, field], true) => {
            format!("(CAST({changes} AS jsonb) -> '{field}' ->> 'new')")
        }
        (["new", changes, field], false) => {
            format!("CAST(json_extract({changes}, '$.{field}.new') AS TEXT)")
        }
        // The database refuses what isn't known here.
        _ => format!("[{expression}]"),
    }
}

//! Holidays of the site: lists and units of work (§4).

pub(crate) mod rows;

use diesel::prelude::*;
use inspection_domain::{
    holidays::{Holiday, HolidayFilter, Holidays, NewHoliday},
    ids::HolidayId,
    page::{Page, PageRequest},
    schema::holidays,
    time::Date,
};

use crate::{DbConnection, Result, Tx};

/// A page of holidays, the earliest first.
pub fn list(conn: &mut DbConnection, filter: &HolidayFilter, page: PageRequest) -> Result<Page<Holiday>> {
    paged!(
        conn,
        page,
        Holiday,
        || {
            let mut query = holidays::table.into_boxed::<Backend>();
            if let Some(from) = filter.date_from {
                query = query.filter(holidays::date.ge(from));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(holidays::date.le(to));
            }
            query
        },
        holidays by asc [date, id]
    )
}

/// The holidays that decide whether routines run on a date.
pub(crate) fn deciding(conn: &mut DbConnection, date: Date) -> Result<Holidays> {
    let dates: Vec<Date> = with_conn!(conn, |c| holidays::table
        .filter(holidays::date.between(Holidays::first_for(date), date))
        .select(holidays::date)
        .load(c))?;
    Ok(dates.into_iter().collect())
}

/// Adds a holiday (§4).
pub fn create(tx: &mut Tx<'_>, new: NewHoliday) -> Result<Holiday> {
    let holiday = new.draft(tx.actor()?.id, tx.now);
    rows::insert(tx, &holiday)
}

/// Removes a holiday; existing lists stay unchanged. Locks it.
pub fn delete(tx: &mut Tx<'_>, id: HolidayId) -> Result<()> {
    let holiday = rows::lock(tx.conn, id)?;
    rows::delete(tx, &holiday)
}

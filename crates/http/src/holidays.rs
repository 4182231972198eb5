//! Holidays of the site, on which routines may rest.

use inspection_auth::permissions::{ManageRoutines, SignedIn};
use inspection_domain::{
    holidays::{Holiday, HolidayFilter, NewHoliday},
    ids::HolidayId,
    text::Language,
};
use inspection_persistence::holidays;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{Body, ListQuery, Path},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Created, Done, Paged},
    routes::Routes,
};

/// Endpoints of holidays.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("holidays", "Holidays of the site, on which routines may rest");
    routes.get("/api/holidays", "holidays.list", list, "List holidays, the earliest first");
    routes.post(
        "/api/holidays",
        "holidays.create",
        create,
        "Add a holiday; existing daily lists are unchanged",
    );
    routes.delete(
        "/api/holidays/{id}",
        "holidays.delete",
        delete,
        "Remove a holiday; existing daily lists are unchanged",
    );
}

inspection_domain::shows!(HolidayView {});

/// A holiday.
#[derive(Debug, Serialize, ToSchema)]
struct HolidayView {
    #[serde(flatten)]
    holiday: Holiday,
    /// The name, as entered.
    name_en: String,
}

impl HolidayView {
    /// The holiday, with its name in the reader's language.
    fn new(mut holiday: Holiday, language: Language) -> Self {
        let name_en = holiday.name;
        holiday.name = language.choose(&name_en, holiday.name_ar.as_deref()).to_owned();
        Self { holiday, name_en }
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<HolidayFilter>,
) -> Result<Paged<HolidayView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = holidays::list(conn, &filter, page)?;
        Ok(page.map(|holiday| HolidayView::new(holiday, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageRoutines>,
    body: Body<NewHoliday>,
) -> Result<Rendered<Created<HolidayView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        Ok(Created::with(HolidayView::new(holidays::create(tx, new)?, caller.language), "holiday added"))
    })
    .await
}

async fn delete(
    app: App,
    permit: Permit<ManageRoutines>,
    id: Path<HolidayId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        holidays::delete(tx, id)?;
        Ok(Done("holiday removed"))
    })
    .await
}

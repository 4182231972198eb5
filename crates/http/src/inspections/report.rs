//! The printed record of an inspection.

mod content;
mod photos;

use inspection_auth::permissions::{Permission, RateInspections, SignedIn};
use inspection_domain::ids::InspectionId;
use inspection_persistence::inspections;
use inspection_storage::Requester;

use self::{
    content::Printout,
    photos::{load, numbered},
};
use crate::{
    printing::InBoth,
    web::{app::App, generated::Pdf, input::Path, permit::Permit, problem::Problem, reply::Plain},
};

/// `GET /api/inspections/{id}/report.pdf`.
pub(super) async fn report(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<InspectionId>,
    both: InBoth,
) -> Result<Pdf, Problem> {
    let Plain((id, record, caller)) = app
        .read(permit, id, |conn, caller, id| {
            let with_ratings = RateInspections::is_granted_to(&caller.user);
            let record = inspections::get_record(conn, &caller.user, id, with_ratings)?;
            Ok(Plain((id, record, caller.clone())))
        })
        .await?;
    let photos = numbered(&record);
    let files = photos.iter().map(|photo| photo.file.clone()).collect();
    let requester = Requester::User(caller.user.id.get());
    let printout = Printout {
        id,
        record,
        photos,
        languages: both.languages(caller.language),
        calendar: app.context().calendar.clone(),
        app_url: app.settings().app_url.clone(),
        printed_by: caller.user.full_name,
        now: app.now(),
    };
    let made = app.make_document(load(&app, files, requester), move |loaded| printout.to_pdf(loaded));
    Ok(Pdf { name: format!("inspection-{id}.pdf"), bytes: made.await?? })
}

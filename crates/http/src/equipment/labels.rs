//! Labels and QR codes of machines.

use std::future::ready;

use inspection_auth::permissions::SignedIn;
use inspection_documents::{Error, Label, Text, isolate, isolate_ltr, print_labels};
use inspection_domain::{
    equipment::{Equipment, LabelFilter},
    ids::EquipmentId,
    time::Instant,
};
use inspection_persistence::equipment;

use crate::{
    printing::{Languages, code_of, properties},
    web::{
        app::App,
        generated::{Pdf, Svg},
        input::{Path, QueryParams},
        permit::Permit,
        problem::Problem,
        reply::Plain,
    },
};

/// `GET /api/equipment/labels.pdf`.
pub(super) async fn labels(
    app: App,
    permit: Permit<SignedIn>,
    query: QueryParams<LabelFilter>,
) -> Result<Pdf, Problem> {
    let Plain(machines) =
        app.read(permit, query, |conn, _, filter| Ok(Plain(equipment::labelled(conn, &filter)?))).await?;
    let (app_url, now) = (app.settings().app_url.clone(), app.now());
    let made = app.make_document(ready(machines), move |machines| sheet(&machines, app_url.as_deref(), now));
    Ok(Pdf { name: "labels.pdf".to_owned(), bytes: made.await?? })
}

fn sheet(machines: &[Equipment], app_url: Option<&str>, now: Instant) -> Result<Vec<u8>, Error> {
    let label = |machine: &Equipment| {
        let mut name = Text::ltr(isolate(&machine.name));
        if let Some(arabic) = machine.name_ar.as_deref().filter(|arabic| *arabic != machine.name) {
            name = name.and(Text::rtl(isolate(arabic)));
        }
        let location = machine.location.as_deref().unwrap_or_default();
        Ok(Label {
            code: code_of(machine, app_url)?,
            name,
            lines: vec![
                Text::ltr(isolate_ltr(&machine.serial_number)),
                Languages::BOTH.either(location, machine.location_ar.as_deref()),
            ],
        })
    };
    let labels: Result<Vec<Label>, Error> = machines.iter().map(label).collect();
    print_labels(&properties("Labels".to_owned(), Languages::BOTH, now), labels?)
}

/// `GET /api/equipment/{id}/qr.svg`.
pub(super) async fn qr_code(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<EquipmentId>,
) -> Result<Svg, Problem> {
    let app_url = app.settings().app_url.clone();
    let Plain(code) = app
        .read(permit, id, move |conn, _, id| {
            let machine = equipment::get(conn, id)?;
            Ok(Plain(code_of(&machine, app_url.as_deref()).map(|code| code.to_svg())))
        })
        .await?;
    Ok(Svg(code?))
}

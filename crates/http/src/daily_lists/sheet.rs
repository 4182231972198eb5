//! The daily list as a sheet to hang up.

use std::{collections::HashMap, future::ready};

use inspection_auth::permissions::SignedIn;
use inspection_documents::{
    Block, Cell, Column, Document, Error, Facts, Table, Text, Tone, isolate, isolate_ltr,
};
use inspection_domain::{
    assignments::{Assignment, AssignmentStatus},
    daily_lists::InspectionList,
    equipment::Equipment,
    ids::{ListId, UserId},
    message,
    time::{Instant, SiteTimeZone},
    users::User,
};
use inspection_persistence::{daily_lists, users};

use crate::{
    printing::{InBoth, Languages, properties},
    web::{app::App, generated::Pdf, input::Path, permit::Permit, problem::Problem, reply::Plain},
};

/// A list to print.
struct Printout {
    list: InspectionList,
    rows: Vec<(Assignment, Equipment)>,
    people: HashMap<UserId, User>,
    languages: Languages,
    calendar: SiteTimeZone,
    printed_by: String,
    now: Instant,
}

/// `GET /api/inspection-assignments/lists/{id}/sheet.pdf`.
pub(super) async fn sheet(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<ListId>,
    both: InBoth,
) -> Result<Pdf, Problem> {
    let (calendar, now) = (app.context().calendar.clone(), app.now());
    let Plain(printout) = app
        .read(permit, id, move |conn, caller, id| {
            let list = daily_lists::get(conn, id)?;
            let rows = daily_lists::assignments_of(conn, &[id])?;
            let teams = rows.iter().flat_map(|(assignment, _)| assignment.team()).flatten();
            let people = users::by_ids(conn, teams)?;
            let (languages, printed_by) = (both.languages(caller.language), caller.user.full_name.clone());
            Ok(Plain(Printout { list, rows, people, languages, calendar, printed_by, now }))
        })
        .await?;
    let name = format!("list-{}-{}.pdf", printout.list.target_date, printout.list.shift.as_str());
    let made = app.make_document(ready(printout), |printout| printout.to_pdf());
    Ok(Pdf { name, bytes: made.await?? })
}

impl Printout {
    fn to_pdf(&self) -> Result<Vec<u8>, Error> {
        let (list, languages) = (&self.list, self.languages);
        let title = message!("Daily list of {date}", date = isolate_ltr(&list.target_date.to_string()));
        let progress = format!("{} / {}", list.completed_assets, list.total_assets);
        let facts = vec![
            (languages.text("Shift"), languages.text(list.shift.as_str().to_owned())),
            (languages.text("Completed"), languages.value(&progress)),
        ];
        let columns = [
            ("No.", 0.8),
            ("Berth", 1.2),
            ("Machine", 3.6),
            ("Serial number", 2.0),
            ("Mechanical", 2.2),
            ("Electrical", 2.2),
            ("Status", 1.8),
        ];
        let columns =
            columns.iter().map(|(head, width)| Column::new(languages.text(*head), *width)).collect();
        let rows = (1_usize..).zip(&self.rows).map(|(number, row)| self.row(number, row)).collect();
        let footer = message!(
            "Printed by {name} on {time}",
            name = isolate(&self.printed_by),
            time = isolate_ltr(&self.calendar.local_time(self.now)),
        );
        let document = Document {
            properties: properties(format!("Daily list of {}", list.target_date), languages, self.now),
            direction: languages.direction(),
            footer: languages.text(footer),
            numbering: languages.text("Page {page} of {pages}"),
            blocks: vec![
                Block::Title(languages.text(title)),
                Block::Facts(Facts { rows: facts, code: None }),
                Block::Table(Table { columns, rows }),
            ],
        };
        document.to_pdf()
    }

    fn row(&self, number: usize, (assignment, machine): &(Assignment, Equipment)) -> Vec<Cell> {
        let languages = self.languages;
        let name = |id: Option<UserId>| {
            let person = id.and_then(|id| self.people.get(&id));
            Cell::from(person.map_or_else(Text::default, |person| languages.user(&person.full_name)))
        };
        let berth = assignment.berth.as_deref().or(machine.berth.as_deref()).unwrap_or_default();
        let tone = if assignment.status == AssignmentStatus::Completed { Tone::Good } else { Tone::Plain };
        vec![
            languages.value(&number.to_string()).into(),
            languages.value(berth).into(),
            languages.either(&machine.name, machine.name_ar.as_deref()).into(),
            languages.value(&machine.serial_number).into(),
            name(assignment.mechanical_inspector_id),
            name(assignment.electrical_inspector_id),
            Cell::new(languages.text(assignment.status.as_str().to_owned()), tone),
        ]
    }
}

//! `seed --demo`: an invented site with three months of history, made through the same units of work as real
//! use. Everything follows from the day it is run on and a fixed sequence, so that it is the same every time.

mod chance;
mod site;
mod story;

use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inspection_domain::{
    equipment::EquipmentFilter,
    input::{Input, Invalid},
    page::PageRequest,
    users::UserFilter,
};
use inspection_persistence::{Context, Database, DbConnection, equipment, users};

pub(super) use site::{DOMAIN, PASSWORD};

use super::{say, table};
use crate::config::Profile;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// An invented site: people of every role, 40 machines, checklists, three months of inspections.
    #[arg(long, required = true)]
    demo: bool,
}

/// Days of history.
const DAYS: u16 = 90;

pub(super) fn run(args: &Args, profile: Profile, database: &Database, context: &Context) -> Result<()> {
    debug_assert!(args.demo, "there is nothing else to fill in");
    ensure!(profile != Profile::Production, "a demo site has no place in production (APP_ENV=production)");
    ensure!(
        database.read(is_fresh)?,
        "the database is in use: it has equipment, or people beside the first admin; use an empty one (DATABASE_URL)"
    );
    let bar = ProgressBar::with_draw_target(Some(DAYS.into()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} days") {
        bar.set_style(style);
    }
    bar.set_message("telling the story");
    bar.enable_steady_tick(Duration::from_millis(200));
    let end = context.calendar.start_of(context.today());
    let told = story::tell(database, &context.calendar, end, DAYS, |day| bar.set_position(day));
    bar.finish_and_clear();
    let told = told?;
    say(format!(
        "{} people, {} machines, {} inspections and {} defects are there now.\n",
        told.people.len(),
        told.machines,
        told.inspections,
        told.defects,
    ))?;
    let heading = ["e-mail", "role", "badge", "name"].map(String::from).to_vec();
    let lines = told
        .people
        .into_iter()
        .map(|person| vec![person.email, person.role.to_string(), person.role_id, person.full_name]);
    say(table(&std::iter::once(heading).chain(lines).collect::<Vec<_>>()))?;
    say(format!("\nEverybody's password: {}", site::PASSWORD))?;
    Ok(())
}

/// Whether there is nothing that a demo would be mixed with: no machine, and nobody but a first admin.
fn is_fresh(conn: &mut DbConnection) -> inspection_persistence::Result<bool> {
    let one = PageRequest::first(1);
    let machines = equipment::list(conn, &everything::<EquipmentFilter>()?, one)?.total;
    let active = users::list(conn, &everything::<UserFilter>()?, one)?.total;
    let former = users::list(conn, &UserFilter { is_active: Some(false), ..everything()? }, one)?.total;
    let admins = users::admins(conn)?.len();
    Ok(machines == 0
        && former == 0
        && active <= 1
        && i64::try_from(admins).is_ok_and(|admins| admins == active))
}

/// A filter that lets everything through.
fn everything<T: Input>() -> Result<T, Invalid> {
    T::from_pairs(Vec::new())
}

#[cfg(test)]
mod tests;

//! `seed --demo`: fills an empty database with the demo site.

use anyhow::{Result, ensure};
use inspection_demo::{DAYS, PASSWORD};
use inspection_persistence::{Context, Database};

use super::output::{progress, say, table};
use crate::config::Profile;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Generate a demo site: people of every role, 40 machines, three months of inspections.
    #[arg(long, required = true)]
    demo: bool,
}

pub(super) fn run(args: &Args, profile: Profile, database: &Database, context: &Context) -> Result<()> {
    debug_assert!(args.demo, "there is no other seed");
    refuse_production(profile)?;
    let bar = progress(Some(DAYS.into()), "{msg} {wide_bar} {pos}/{len} days");
    bar.set_message("generating the demo site");
    let end = context.calendar.start_of(context.today());
    let site = inspection_demo::generate(database, &context.calendar, end, DAYS, |day| bar.set_position(day));
    bar.finish_and_clear();
    let site = site?;
    say(format!(
        "Generated {} people, {} machines, {} inspections and {} defects.\n",
        site.people.len(),
        site.machines,
        site.inspections,
        site.defects,
    ))?;
    let heading = ["e-mail", "role", "badge", "name"].map(String::from).to_vec();
    let lines = site
        .people
        .into_iter()
        .map(|person| vec![person.email, person.role.to_string(), person.role_id, person.full_name]);
    say(table(&std::iter::once(heading).chain(lines).collect::<Vec<_>>()))?;
    Ok(say(format!("\nPassword of all accounts: {PASSWORD}"))?)
}

fn refuse_production(profile: Profile) -> Result<()> {
    ensure!(profile != Profile::Production, "a demo site is refused in production (APP_ENV=production)");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn production_is_refused() {
        let refused = refuse_production(Profile::Production).expect_err("refused").to_string();
        assert!(refused.contains("production"), "{refused}");
        refuse_production(Profile::Development).expect("allowed");
    }
}

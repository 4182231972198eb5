//! `seed --demo`: fills an empty database with the demo site.

use std::time::Duration;

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use inspection_demo::{DAYS, PASSWORD};
use inspection_persistence::{Context, Database};

use super::{say, table};
use crate::config::Profile;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Generate a demo site: people of every role, 40 machines, three months of inspections.
    #[arg(long, required = true)]
    demo: bool,
}

pub(super) fn run(args: &Args, profile: Profile, database: &Database, context: &Context) -> Result<()> {
    debug_assert!(args.demo, "there is no other seed");
    ensure!(profile != Profile::Production, "a demo site is refused in production (APP_ENV=production)");
    let bar = ProgressBar::with_draw_target(Some(DAYS.into()), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} days") {
        bar.set_style(style);
    }
    bar.set_message("generating the demo site");
    bar.enable_steady_tick(Duration::from_millis(200));
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
    say(format!("\nPassword of all accounts: {PASSWORD}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::testing::scratch;

    #[test]
    fn production_is_refused() {
        let (_folder, database, context) = scratch();
        let refused = run(&Args { demo: true }, Profile::Production, &database, &context);
        assert!(refused.expect_err("refused").to_string().contains("production"));
    }
}

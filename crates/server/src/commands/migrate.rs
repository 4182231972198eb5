//! `migrate`: migrates the database schema.

use anyhow::Result;
use clap::Subcommand;
use inspection_persistence::{Database, migrations};

use super::output::say;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Apply the pending migrations.
    Up,
    /// Revert the newest migration, including its data.
    Down,
    /// List the migrations and whether they are applied.
    Status,
    /// Revert the newest migration and apply it again.
    Redo,
}

pub(super) fn run(action: &Action, database: &Database) -> Result<()> {
    match action {
        Action::Up => up(database),
        Action::Down => down(database),
        Action::Status => status(database),
        Action::Redo => down(database).and_then(|()| up(database)),
    }
}

fn up(database: &Database) -> Result<()> {
    let applied = migrations::up(database)?;
    if applied.is_empty() {
        say("nothing to do: the database is up to date")?;
    }
    for name in applied {
        say(format!("applied    {name}"))?;
    }
    Ok(())
}

fn down(database: &Database) -> Result<()> {
    Ok(say(format!("reverted   {}", migrations::down(database)?))?)
}

fn status(database: &Database) -> Result<()> {
    let all = migrations::status(database)?;
    for migration in &all {
        say(format!("{}  {}", if migration.applied { "applied  " } else { "pending  " }, migration.name))?;
    }
    let pending = all.iter().filter(|migration| !migration.applied).count();
    if pending > 0 {
        say(format!("{pending} pending; run `inspection-server migrate up`"))?;
    }
    Ok(())
}

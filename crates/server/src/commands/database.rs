//! The database of commands, with its schema up to date.

use anyhow::{Result, bail};
use inspection_persistence::{Context, Database, migrations};

use crate::{config::Config, wire};

/// The database, with its schema up to date.
pub(super) fn opened(config: &Config) -> Result<(Database, Context)> {
    let database = wire::one_connection(config)?;
    migrate_or_refuse(&database, config.auto_migrate)?;
    Ok((database, wire::context(config)))
}

/// Applies pending migrations, or refuses to continue if that isn't allowed.
pub(super) fn migrate_or_refuse(database: &Database, apply: bool) -> Result<()> {
    if !migrations::is_pending(database)? {
        return Ok(());
    }
    if !apply {
        bail!(
            "the database is not up to date; run `inspection-server migrate up` first, \
             or set AUTO_MIGRATE=true (`serve` also accepts --migrate)"
        );
    }
    for name in migrations::up(database)? {
        tracing::info!(name, "migration applied");
    }
    Ok(())
}

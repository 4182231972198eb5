//! The settings that all operations on backups share.

use std::{fmt, path::PathBuf};

use inspection_domain::time::Instant;
use inspection_persistence::Context;
use secrecy::{ExposeSecret, SecretString};

use super::{
    address::Address,
    list::{BackupList, Summary, list},
    manifest::DatabaseKind,
};
use crate::{
    Result,
    error::{Context as _, bail},
};

/// The database and the folder that backups connect.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite://path` or `postgres://…`, with its password.
    pub database_url: SecretString,
    /// Folder of the backups; need not exist yet.
    pub folder: PathBuf,
    /// Folder of `pg_dump` and `pg_restore`; `PATH` and `/usr/lib/postgresql` are searched if
    /// absent.
    pub pg_bin: Option<PathBuf>,
}

impl Settings {
    pub(super) fn url(&self) -> &str {
        self.database_url.expose_secret()
    }

    pub(super) fn location(&self) -> Result<DatabaseLocation> {
        Ok(match self.url().strip_prefix("sqlite://") {
            Some(path) => DatabaseLocation::Sqlite(path.into()),
            None => DatabaseLocation::PostgreSql(Address::parse(self.url())?),
        })
    }

    /// The backup of this name, or else the newest.
    pub(super) fn choose(&self, name: Option<&str>) -> Result<Summary> {
        let folder = self.folder.display();
        let BackupList { backups, unreadable } = list(&self.folder)?;
        let Some(name) = name else {
            let none = || format!("there is no backup in {folder}; create one with `backup create`");
            return backups.into_iter().next().with_context(none);
        };
        if let Some((_, reason)) = unreadable.iter().find(|(unreadable, _)| unreadable == name) {
            bail!("{name} can't be used: {reason}");
        }
        let found = backups.into_iter().find(|backup| backup.name == name);
        found.with_context(|| format!("there is no backup {name} in {folder}"))
    }
}

/// The database that is backed up or restored.
#[derive(Debug)]
pub(super) enum DatabaseLocation {
    PostgreSql(Address),
    Sqlite(PathBuf),
}

impl DatabaseLocation {
    pub(super) fn kind(&self) -> DatabaseKind {
        match self {
            Self::PostgreSql(_) => DatabaseKind::PostgreSql,
            Self::Sqlite(_) => DatabaseKind::Sqlite,
        }
    }
}

impl fmt::Display for DatabaseLocation {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PostgreSql(address) => f.write_str(&address.public()),
            Self::Sqlite(path) => path.display().fmt(f),
        }
    }
}

/// Milliseconds since an instant.
pub(super) fn milliseconds(context: &Context, since: Instant) -> u64 {
    u64::try_from(context.clock.now().as_millisecond() - since.as_millisecond()).unwrap_or(0)
}

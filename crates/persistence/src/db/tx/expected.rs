//! The version of a resource that a unit of work expects (§15).

use inspection_domain::{
    entity::Entity,
    versions::{NamedTags, PreconditionRule, Version},
};
use serde::Serialize;

use crate::{DbConnection, Error, Result};

/// The version of a resource in this state.
pub fn version_of(state: &impl Serialize) -> Result<Version> {
    Version::of(state).map_err(Error::unserializable)
}

/// The present version of a resource.
#[derive(Debug)]
pub(crate) enum Present {
    /// It may change until the unit of work locks the row.
    Read(Version),
    /// It stays until the transaction ends: its row is locked.
    Held(Version),
}

/// A resource that a request is about.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Name of its entity.
    pub(crate) entity: &'static str,
    /// Primary key.
    pub(crate) id: i64,
    /// Reads the present version.
    pub(crate) read: fn(&mut DbConnection, i64) -> Result<Present>,
}

/// The resource of a unit of work, and the versions in which its client has seen it.
pub(super) struct Expected {
    target: Target,
    tags: NamedTags,
    /// The outcome of the comparison with the locked row; none while the row may still change.
    outcome: Option<Result<()>>,
}

impl Expected {
    /// Compares the present version, ahead of the unit of work. Only `*` matches a resource that
    /// has no version.
    pub(super) fn new(
        conn: &mut DbConnection,
        target: Option<Target>,
        tags: NamedTags,
    ) -> Result<Option<Self>> {
        let Some(target) = target else {
            return if tags == NamedTags::Any { Ok(None) } else { Err(PreconditionRule::Changed.into()) };
        };
        match (target.read)(conn, target.id)? {
            Present::Read(version) => {
                tags.expect(&version)?;
                Ok(Some(Self { target, tags, outcome: None }))
            }
            Present::Held(version) => {
                tags.expect(&version)?;
                Ok(None)
            }
        }
    }

    /// Compares the state of the locked row, if the entity is the resource. Only the first change
    /// counts: the unit of work sees its own changes.
    pub(super) fn compare<T: Entity + Serialize>(&mut self, before: &T) {
        if self.outcome.is_none() && self.target.entity == T::NAME && self.target.id == before.id() {
            let version = version_of(before);
            self.outcome = Some(version.and_then(|version| Ok(self.tags.expect(&version)?)));
        }
    }

    /// The outcome. A unit of work that has not changed the row itself is compared with the row as
    /// it is now.
    pub(super) fn outcome(self, conn: &mut DbConnection) -> Result<()> {
        match self.outcome {
            Some(outcome) => outcome,
            None => match (self.target.read)(conn, self.target.id)? {
                Present::Read(version) | Present::Held(version) => Ok(self.tags.expect(&version)?),
            },
        }
    }
}

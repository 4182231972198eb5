//! The version of a resource that a unit of work expects (§15).

use inspection_domain::{
    entity::Entity,
    rule::{Code, ErrorKind},
    versions::{Precondition, PreconditionRule, Version},
};
use serde::Serialize;

use crate::{DbConnection, Error, Result};

/// The version of a resource in this state.
pub fn version_of(state: &impl Serialize) -> Result<Version> {
    Version::of(state).map_err(Error::unserializable)
}

/// The version of an entity, which is the whole state of its resource.
pub fn version_of_entity<T: Entity + Clone + Serialize>(entity: &T) -> Result<Version> {
    version_of(entity.own_state().as_ref())
}

/// A resource that a request is about.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Names of the entities of its rows. Each row has the primary key of the resource.
    pub(crate) entities: &'static [&'static str],
    /// Primary key.
    pub(crate) id: i64,
    /// Reads the present versions of its rows, one for each entity.
    pub(crate) read: fn(&mut DbConnection, i64) -> Result<Vec<Option<Version>>>,
    /// Locks the first row, if the state has rows of other primary keys. Otherwise, the rows are
    /// compared as the unit of work records their change.
    pub(crate) lock: Option<fn(&mut DbConnection, i64) -> Result<()>>,
}

impl Target {
    /// Compares the present version.
    fn compare(&self, conn: &mut DbConnection, condition: &Precondition) -> Result<()> {
        let present = Version::of_rows(&(self.read)(conn, self.id)?);
        Ok(condition.validate(Some(&present))?)
    }
}

/// Whether a refusal says that the actor may not see or change the resource, or must try again.
fn is_of_access(code: Code) -> bool {
    match code.kind() {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Changed => true,
        ErrorKind::Invalid | ErrorKind::Conflict => false,
    }
}

/// The resource of a unit of work, and the versions in which its client has seen it.
pub(super) struct Expected {
    target: Option<Target>,
    condition: Precondition,
    /// The outcome of the comparison; none while the row may still change.
    outcome: Option<Result<(), PreconditionRule>>,
    /// An error of the comparison with a recorded change.
    failure: Option<Error>,
}

impl Expected {
    /// Compares the present version, ahead of the unit of work. Another version is no error yet: a
    /// unit of work that the actor may not run is refused as without a condition. Only an actor
    /// that knows the present version locks the row.
    pub(super) fn new(
        conn: &mut DbConnection,
        target: Option<Target>,
        condition: Precondition,
    ) -> Result<Option<Self>> {
        if condition.is_any() {
            return Ok(None);
        }
        let mut expected = Self { target, condition, outcome: None, failure: None };
        let Some(target) = target else {
            expected.outcome = Some(expected.condition.validate(None));
            return Ok(Some(expected));
        };
        let mut present = target.compare(conn, &expected.condition);
        if present.is_ok()
            && let Some(lock) = target.lock
        {
            lock(conn, target.id)?;
            present = target.compare(conn, &expected.condition);
        }
        expected.outcome = match present {
            Ok(()) => target.lock.map(|_| Ok(())),
            Err(Error::Rule(rule)) if rule.code() == Code::PreconditionFailed => {
                Some(Err(PreconditionRule::Changed))
            }
            // The unit of work refuses a missing resource.
            Err(Error::Rule(_)) => None,
            Err(other) => return Err(other),
        };
        Ok(Some(expected))
    }

    /// Compares the state before a recorded change, if the entity belongs to the resource. Only the
    /// first change counts: the unit of work sees its own changes.
    pub(super) fn compare<T: Entity + Clone + Serialize>(
        &mut self,
        conn: &mut DbConnection,
        before: Option<&T>,
        id: i64,
    ) {
        let Some(target) = self.target.filter(|target| target.id == id && self.outcome.is_none()) else {
            return;
        };
        if let Some(place) = target.entities.iter().position(|name| *name == T::NAME) {
            match self.compare_row(conn, target, place, before) {
                Ok(outcome) => self.outcome = Some(outcome),
                Err(error) => {
                    self.failure.get_or_insert(error);
                }
            }
        }
    }

    /// Compares the rows before one of them was changed. The others are stable, since the unit of
    /// work has locked the first.
    fn compare_row<T: Entity + Clone + Serialize>(
        &self,
        conn: &mut DbConnection,
        target: Target,
        place: usize,
        before: Option<&T>,
    ) -> Result<Result<(), PreconditionRule>> {
        let before = before.map(version_of_entity).transpose()?;
        let mut rows = if target.entities.len() > 1 { (target.read)(conn, target.id)? } else { vec![None] };
        if let Some(row) = rows.get_mut(place) {
            *row = before;
        }
        Ok(self.condition.validate(Some(&Version::of_rows(&rows))))
    }

    /// The outcome. A unit of work that has not changed the row itself is compared with the row as
    /// it is now.
    pub(super) fn outcome(self, conn: &mut DbConnection) -> Result<()> {
        match (self.failure, self.outcome, self.target) {
            (Some(failure), ..) => Err(failure),
            (None, Some(outcome), _) => Ok(outcome?),
            (None, None, Some(target)) => target.compare(conn, &self.condition),
            (None, None, None) => Ok(()),
        }
    }

    /// The error of a unit of work that has failed with this one. Who may not change the resource
    /// learns that; others learn first that they have seen another version.
    pub(super) fn refusal(&self, error: Error) -> Error {
        match (&self.outcome, error) {
            (Some(Err(changed)), Error::Rule(rule)) if !is_of_access(rule.code()) => (*changed).into(),
            (_, error) => error,
        }
    }
}

/// Checks the present version of a resource that no unit of work locks.
pub fn validate(conn: &mut DbConnection, target: Option<Target>, condition: &Precondition) -> Result<()> {
    match target {
        Some(target) if !condition.is_any() => target.compare(conn, condition),
        _ => Ok(condition.validate(None)?),
    }
}

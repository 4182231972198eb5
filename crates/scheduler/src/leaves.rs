//! Leaves that begin and end because a day does (rule book §16).

use inspection_domain::{ids::LeaveId, rule::Code};
use inspection_persistence::{Database, Error, Origin, Result, Tx, World, leaves};

/// What a day has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turned {
    /// Leaves that have begun.
    pub begun: usize,
    /// Leaves that are over.
    pub ended: usize,
}

/// Ends the leaves whose last day is past, and marks the people whose leaves have begun. Each leave is a transaction of
/// its own; again on the same day changes nothing.
pub fn turn(database: &Database, world: &World) -> Result<Turned> {
    let today = world.today();
    let expired = database.read(|conn| leaves::expired(conn, today))?;
    let ended = each(database, world, &expired, |tx, id| leaves::end(tx, id).map(drop))?;
    let starting = database.read(|conn| leaves::starting(conn, today))?;
    let begun = each(database, world, &starting, leaves::begin)?;
    Ok(Turned { begun, ended })
}

/// Carries something out for each leave; what somebody else has done meanwhile is left as it is.
fn each(
    database: &Database,
    world: &World,
    ids: &[LeaveId],
    work: impl Fn(&mut Tx<'_>, LeaveId) -> Result<()>,
) -> Result<usize> {
    let mut done = 0;
    for id in ids {
        match database.write(world, Origin::default(), |tx| work(tx, *id)) {
            Ok(()) => done += 1,
            Err(Error::Rule(rule)) if matches!(rule.code(), Code::InvalidState | Code::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

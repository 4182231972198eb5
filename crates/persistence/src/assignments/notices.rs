//! Notifications of the people that get or lose a seat on a team.

use std::collections::{BTreeMap, BTreeSet};

use inspection_domain::{
    assignments::Assignment,
    ids::UserId,
    notifications::{Notice, NotificationType},
    time::Date,
};

use crate::{Result, Tx, equipment::rows as equipment_rows, users};

/// Notifies the people that get or lose a seat by these changes; `None` stands for a removed
/// assignment. Each person gets one notification for all gains of a day, and one for all losses
/// (§4). Two statements.
pub(crate) fn seats_changed(tx: &mut Tx<'_>, changes: &[(&Assignment, Option<&Assignment>)]) -> Result<()> {
    let mut gained: BTreeMap<(UserId, Date), Vec<(&Assignment, UserId)>> = BTreeMap::new();
    let mut lost: BTreeMap<(UserId, Date), Vec<&Assignment>> = BTreeMap::new();
    for (before, after) in changes {
        let old: BTreeSet<UserId> = before.team().into_iter().flatten().collect();
        let new = after.map(Assignment::team).unwrap_or_default();
        for member in old.iter().filter(|member| !new.contains(&Some(**member))) {
            lost.entry((*member, before.target_date)).or_default().push(before);
        }
        let [Some(mechanical), Some(electrical)] = new else { continue };
        let Some(after) = after else { continue };
        if before.team() == after.team() {
            continue;
        }
        for (member, partner) in [(mechanical, electrical), (electrical, mechanical)] {
            gained.entry((member, after.target_date)).or_default().push((after, partner));
        }
    }
    if gained.is_empty() && lost.is_empty() {
        return Ok(());
    }
    let machines = equipment_rows::by_ids(tx.conn, changes.iter().map(|(before, _)| before.equipment_id))?;
    let partners = users::by_ids(tx.conn, gained.values().flatten().map(|(_, partner)| *partner))?;
    let machine_of = |assignment: &Assignment| {
        machines.get(&assignment.equipment_id).map(|machine| machine.name.as_str()).unwrap_or_default()
    };
    for ((member, date), seats) in gained {
        let Some((first, partner)) = seats.first() else { continue };
        let partner = partners.get(partner).map(|person| person.full_name.as_str()).unwrap_or_default();
        let notice = match i64::try_from(seats.len()).unwrap_or(i64::MAX) {
            1 => Notice::new(NotificationType::InspectionAssigned)
                .with("equipment", machine_of(first))
                .about(*first),
            count => Notice::new(NotificationType::InspectionsAssigned).with("count", &count),
        };
        tx.notify([member], &notice.with("date", &date).with("partner", partner));
    }
    for ((member, date), seats) in lost {
        let Some(first) = seats.first() else { continue };
        let notice = match i64::try_from(seats.len()).unwrap_or(i64::MAX) {
            1 => Notice::new(NotificationType::InspectionUnassigned).with("equipment", machine_of(first)),
            count => Notice::new(NotificationType::InspectionsUnassigned).with("count", &count),
        };
        tx.notify([member], &notice.with("date", &date));
    }
    Ok(())
}

//! Seats on the days of a leave (rule book §4, §10).

use crate::{
    assignments::{Assignment, AssignmentStatus},
    leaves::Leave,
    users::Category,
};

/// A seat on a team, on a day of a leave of its inspector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatConflict {
    /// The assignment, before anything is freed.
    pub assignment: Assignment,
    /// Half whose inspector is on leave.
    pub seat: Category,
    /// Whether the team was withdrawn.
    pub is_freed: bool,
}

impl Assignment {
    /// Seat of the person of a leave, if their half is not submitted and the leave concerns the
    /// shift (§10).
    pub fn conflict_with(&self, leave: &Leave) -> Option<Category> {
        let seat = Category::ALL.iter().copied().find(|half| self.inspector(*half) == Some(leave.user_id))?;
        let is_open =
            AssignmentStatus::UNFINISHED.contains(&self.status) && self.completed_half() != Some(seat);
        (is_open && leave.absence_from(self.target_date, self.shift).is_some()).then_some(seat)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        leaves::HalfDay,
        testing::{assignment, id, leave},
        users::Shift,
    };

    #[test]
    fn the_grid_of_seats_in_conflict_with_a_leave() {
        let mut grid = String::new();
        for &status in AssignmentStatus::ALL {
            for (place, person) in ["mechanical", "electrical", "no"].iter().zip([1, 2, 3]) {
                let is_free = status == AssignmentStatus::Unassigned;
                let seated = Assignment {
                    status,
                    mechanical_inspector_id: (!is_free).then(|| id(1)),
                    electrical_inspector_id: (!is_free).then(|| id(2)),
                    ..assignment()
                };
                let day = seated.target_date;
                let away = Leave { user_id: id(person), ..leave(day, day.plus_days(1)) };
                let found = seated.conflict_with(&away);
                let freed = seated.is_without_submission();
                if found.is_some() {
                    grid += &format!("{status}, {place} seat: conflict, can be freed: {freed}\n");
                }
                let elsewhere = leave(day.plus_days(1), day.plus_days(2));
                assert_eq!(seated.conflict_with(&Leave { user_id: id(person), ..elsewhere }), None);
            }
        }
        insta::assert_snapshot!(grid, @r"
        assigned, mechanical seat: conflict, can be freed: true
        assigned, electrical seat: conflict, can be freed: true
        in_progress, mechanical seat: conflict, can be freed: true
        in_progress, electrical seat: conflict, can be freed: true
        mech_complete, electrical seat: conflict, can be freed: false
        elec_complete, mechanical seat: conflict, can be freed: false
        ");
    }

    #[test]
    fn a_half_day_is_in_conflict_with_the_shifts_that_it_concerns() {
        for (half_day, day, night) in
            [(None, true, true), (Some(HalfDay::Am), true, false), (Some(HalfDay::Pm), true, true)]
        {
            for (shift, expected) in [(Shift::Day, day), (Shift::Night, night)] {
                let status = AssignmentStatus::Assigned;
                let seated =
                    Assignment { status, shift, mechanical_inspector_id: Some(id(1)), ..assignment() };
                let away = Leave { half_day, ..leave(seated.target_date, seated.target_date) };
                assert_eq!(seated.conflict_with(&away).is_some(), expected, "{half_day:?} {shift}");
            }
        }
    }
}

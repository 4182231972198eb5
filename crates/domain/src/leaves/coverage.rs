//! Coverage of leaves: candidates, their scores, and the role that coverage grants (rule book §10).

use std::cmp::Reverse;

use super::leave::Leave;
use crate::{
    input::Invalid,
    message,
    message::Message,
    time::Instant,
    users::{Badge, BadgeRequest, Draft, Role, User},
};

/// Workload of a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Workload {
    /// Number of jobs in progress.
    pub active_jobs: i64,
    /// Number of unresolved defects that the person repairs or is responsible for.
    pub open_defects: i64,
}

/// Candidate for coverage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The person.
    pub user: User,
    /// Score; higher is better.
    pub score: i64,
    /// Number of jobs in progress.
    pub active_jobs: i64,
    /// Whether the person works on the absent person's shift.
    pub same_shift: bool,
    /// Whether the person has the absent person's major role.
    pub same_role: bool,
}

impl Candidate {
    /// Scores a person: same shift +10. For an absent inspector: an inspector +8, a specialist +5
    /// or, with open defects, +2, same trade +3. For others: same role +8. Each job in progress −1
    /// (§10).
    pub fn of(user: User, absent: &User, load: Workload) -> Self {
        let same_shift = user.shift.is_some() && user.shift == absent.shift;
        let same_role = user.has(absent.role);
        let mut score = if same_shift { 10 } else { 0 };
        if same_role {
            score += 8;
        }
        if absent.role == Role::Inspector {
            if user.specialization.is_some() && user.specialization == absent.specialization {
                score += 3;
            }
            if !same_role && user.has(Role::Specialist) {
                score += if load.open_defects == 0 { 5 } else { 2 };
            }
        }
        Self { score: score - load.active_jobs, active_jobs: load.active_jobs, same_shift, same_role, user }
    }
}

/// Sorts candidates by score, highest first, then by name (§10).
pub fn ranked(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_cached_key(|c| (Reverse(c.score), c.user.full_name.clone(), c.user.id));
    candidates
}

/// Checks that a person may cover the leave, given their own leaves: active, another person, and
/// present on its days (§10).
pub fn may_cover(leave: &Leave, person: Option<&User>, own: &[Leave]) -> Result<(), Invalid> {
    let wrong = |message: Message| Err(Invalid::field("coverage_user_id", message));
    match person {
        Some(person) if person.is_active => {
            if person.id == leave.user_id {
                return wrong(message!("must be another user"));
            }
            let is_away = |own: &Leave| {
                own.user_id == person.id && own.is_in_force() && own.overlaps(leave.date_from, leave.date_to)
            };
            if own.iter().any(is_away) { wrong(message!("is on leave on these days")) } else { Ok(()) }
        }
        _ => wrong(message!("must be an active person")),
    }
}

impl User {
    /// Badge of the inspector role that coverage grants: a specialist with a trade and without a
    /// second role gets one for the absence of an inspector, as long as it lasts (§10).
    pub fn coverage_badge(&self, absent: &User) -> Option<String> {
        let badge = String::from(Badge::covering(&self.role_id));
        let is_free = self.minor_role.is_none() || self.minor_role_id.as_deref() == Some(&badge);
        let is_needed = absent.role == Role::Inspector && self.role == Role::Specialist;
        (is_needed && is_free && self.specialization.is_some()).then_some(badge)
    }

    /// Account of a person that covers these leaves in force: marked with the first of them, and
    /// with the role that one of them grants. The role granted by `ended` is revoked unless another
    /// leave grants it (§10).
    pub fn covering(&self, leaves: &[Leave], ended: Option<&Leave>, now: Instant) -> Draft {
        let first = leaves.iter().min_by_key(|leave| (leave.date_from, leave.id));
        let leave_coverage_for = first.map(|leave| leave.user_id);
        let mut user = Self { leave_coverage_for, updated_at: now, ..self.clone() };
        let needed = leaves.iter().find_map(|leave| leave.coverage_badge.as_deref());
        let over = ended.and_then(|leave| leave.coverage_badge.as_deref());
        let mut minor_badge = None;
        if needed.is_none() && over.is_some() && user.minor_role_id.as_deref() == over {
            (user.minor_role, user.minor_role_id) = (None, None);
        } else if ended.is_none()
            && user.minor_role.is_none()
            && let Some(badge) = needed
        {
            (user.minor_role, user.minor_role_id) = (Some(Role::Inspector), Some(badge.to_owned()));
            minor_badge = Some(BadgeRequest::Chosen(Badge::covering(&user.role_id)));
        }
        Draft { user, badge: None, minor_badge }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        testing::{changed_fields, id, later, leave, now, user},
        time::Date,
        users::{Category, Shift},
    };

    fn date(day: i8) -> Date {
        Date::new(2026, 3, day).expect("a date")
    }

    #[test]
    fn the_grid_of_scores() {
        let mut grid = String::new();
        for absent_role in [Role::Inspector, Role::Specialist] {
            let absent = User {
                shift: Some(Shift::Day),
                specialization: Some(Category::Mechanical),
                ..user(absent_role)
            };
            for &role in Role::ALL {
                for shift in [Shift::Day, Shift::Night] {
                    for trade in Category::ALL {
                        let scores = [(0, 0), (0, 1), (3, 0), (3, 1)].map(|(active_jobs, open_defects)| {
                            let who = User { shift: Some(shift), specialization: Some(*trade), ..user(role) };
                            Candidate::of(who, &absent, Workload { active_jobs, open_defects }).score
                        });
                        grid += &format!("{absent_role} by {role} {shift} {trade}: {scores:?}\n");
                    }
                }
            }
        }
        insta::assert_snapshot!(grid);
    }

    #[test]
    fn a_second_role_counts_and_nothing_counts_twice() {
        let absent = User { shift: None, specialization: None, ..user(Role::Inspector) };
        let both = User {
            minor_role: Some(Role::Inspector),
            shift: None,
            specialization: None,
            ..user(Role::Specialist)
        };
        let candidate = Candidate::of(both, &absent, Workload::default());
        assert_eq!((candidate.score, candidate.same_shift, candidate.same_role), (8, false, true));
    }

    #[test]
    fn candidates_are_sorted_by_score_then_by_name() {
        let candidate = |name: &str, n, score| Candidate {
            user: User { id: id(n), full_name: name.into(), ..user(Role::Engineer) },
            score,
            active_jobs: 0,
            same_shift: false,
            same_role: false,
        };
        let all =
            vec![candidate("B", 1, 5), candidate("A", 2, 5), candidate("C", 3, 8), candidate("A", 4, 5)];
        let order: Vec<_> = ranked(all).into_iter().map(|c| c.user.id.get()).collect();
        assert_eq!(order, [3, 2, 4, 1]);
    }

    #[test]
    fn a_covering_person_is_present_active_and_another_person() {
        let away = Leave { user_id: id(1), ..leave(date(3), date(5)) };
        let other = User { id: id(2), ..user(Role::Specialist) };
        let check = |person: Option<&User>, own: &[Leave]| may_cover(&away, person, own).is_ok();
        assert!(check(Some(&other), &[]));
        assert!(!check(None, &[]));
        assert!(!check(Some(&User { is_active: false, ..other.clone() }), &[]));
        assert!(!check(Some(&User { id: id(1), ..other.clone() }), &[]));
        for (from, to, fine) in [(1, 2, true), (1, 3, false), (4, 4, false), (5, 9, false), (6, 9, true)] {
            let own = Leave { user_id: other.id, ..leave(date(from), date(to)) };
            assert_eq!(check(Some(&other), std::slice::from_ref(&own)), fine, "{from} {to}");
            assert!(check(Some(&other), &[Leave { ended_at: Some(now()), ..own.clone() }]));
            assert!(check(Some(&other), &[Leave { user_id: id(7), ..own }]));
        }
    }

    #[test]
    fn the_grid_of_roles_granted_by_coverage() {
        for absent in Role::ALL {
            for &role in Role::ALL {
                for (minor_role, minor_role_id) in
                    [(None, None), (Some(Role::QualityEngineer), Some("QE001".to_owned()))]
                {
                    let free = minor_role.is_none();
                    let specialization = Some(Category::Mechanical);
                    let who = User { minor_role, minor_role_id, specialization, ..user(role) };
                    let expected = *absent == Role::Inspector && role == Role::Specialist && free;
                    assert_eq!(
                        who.coverage_badge(&user(*absent)).is_some(),
                        expected,
                        "{absent} {role} {free}"
                    );
                    assert!(User { specialization: None, ..who }.coverage_badge(&user(*absent)).is_none());
                }
            }
        }
    }

    #[test]
    fn covering_two_at_once_keeps_each_until_its_own_end() {
        let who =
            User { id: id(2), role_id: "SPE007".into(), leave_coverage_for: None, ..user(Role::Specialist) };
        let badge = who.coverage_badge(&user(Role::Inspector));
        assert_eq!(badge.as_deref(), Some("COV-SPE007"));
        let covered = |n: i64, from| Leave {
            id: id(n),
            user_id: id(10 + n),
            coverage_user_id: Some(who.id),
            coverage_badge: badge.clone(),
            ..leave(date(from), date(9))
        };
        let (one, two) = (covered(1, 5), covered(2, 3));
        let marked = who.covering(std::slice::from_ref(&one), None, later());
        assert_eq!(
            (marked.badge, marked.minor_badge),
            (None, Some(BadgeRequest::Chosen(Badge::covering("SPE007"))))
        );
        insta::assert_snapshot!(changed_fields(&who, &marked.user), @r#"
        minor_role: Some(Inspector)
        minor_role_id: Some("COV-SPE007")
        leave_coverage_for: Some(UserId(11))
        updated_at: Instant(2026-03-01T08:00:00Z)
        "#);
        let both = marked.user.covering(&[one.clone(), two.clone()], None, later().plus_seconds(1));
        assert_eq!((both.badge, both.minor_badge), (None, None), "the role is granted already");
        insta::assert_snapshot!(changed_fields(&marked.user, &both.user), @r"
        leave_coverage_for: Some(UserId(12))
        updated_at: Instant(2026-03-01T08:00:01Z)
        ");
        let left = both.user.covering(std::slice::from_ref(&one), Some(&two), later().plus_seconds(2)).user;
        insta::assert_snapshot!(changed_fields(&both.user, &left), @r"
        leave_coverage_for: Some(UserId(11))
        updated_at: Instant(2026-03-01T08:00:02Z)
        ");
        let free = left.covering(&[], Some(&one), later().plus_seconds(3)).user;
        insta::assert_snapshot!(changed_fields(&left, &free), @r"
        minor_role: None
        minor_role_id: None
        leave_coverage_for: None
        updated_at: Instant(2026-03-01T08:00:03Z)
        ");
        let permanent = User { minor_role_id: Some("INS009".into()), ..left };
        let stored = permanent.covering(&[], Some(&one), now()).user;
        assert_eq!(stored.minor_role_id.as_deref(), Some("INS009"), "a role granted meanwhile remains");
    }
}

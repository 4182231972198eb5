//! Leaderboards: users ranked by points, for all time or for the present period (rule book §11).

use std::cmp::Reverse;

use serde::Serialize;

use crate::{
    ids::UserId,
    input::{input, text_enum},
    time::{Date, Instant, SiteTimeZone},
    users::{Category, Role, User},
};

text_enum! {
    /// Period of a leaderboard.
    pub enum Period {
        /// All time.
        AllTime = "all_time",
        /// The present calendar month, site time.
        Monthly = "monthly",
        /// The present ISO week, site time.
        Weekly = "weekly",
        /// Today, site time.
        Daily = "daily",
    }
}

impl Period {
    /// Beginning of the period; none for all time (§11).
    pub fn since(self, today: Date, calendar: &SiteTimeZone) -> Option<Instant> {
        let first = match self {
            Self::AllTime => return None,
            Self::Monthly => today.first_of_month(),
            Self::Weekly => today.monday(),
            Self::Daily => today,
        };
        Some(calendar.start_of_working_day(first))
    }
}

input! {
    /// Filter of a leaderboard.
    pub struct LeaderboardFilter {
        /// Role, by the points earned in it; all users by total points if absent.
        role: Option<Role>,
        /// Period; all time if absent.
        period: Option<Period>,
    }
}

impl LeaderboardFilter {
    /// Whether it includes an active person: the person has its role, major or minor (§11).
    pub fn includes(&self, person: &User) -> bool {
        self.role.is_none_or(|role| person.has(role))
    }
}

input! {
    /// Filter of the leaderboard of a role.
    pub struct PeriodFilter {
        /// Period; all time if absent.
        period: Option<Period>,
    }
}

/// Position of a person on a leaderboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ranking {
    /// Rank; ties share a rank, and the next ranks are skipped.
    pub rank: i64,
    /// The person.
    pub user_id: UserId,
    /// Full name.
    pub full_name: String,
    /// Major role.
    pub role: Role,
    /// Badge of the major role.
    pub role_id: String,
    /// Badge of the major role.
    pub employee_id: String,
    /// Points in the role and period of the leaderboard.
    pub points: i64,
    /// Total points.
    pub total_points: i64,
    /// Trade.
    pub specialization: Option<Category>,
}

crate::shows!(Ranking {});

impl User {
    /// Points earned in a role, or total points.
    pub fn points_in(&self, role: Option<Role>) -> i64 {
        let others = self.inspector_points + self.specialist_points + self.engineer_points + self.qe_points;
        match role {
            None => self.total_points,
            Some(Role::Inspector) => self.inspector_points,
            Some(Role::Specialist) => self.specialist_points,
            Some(Role::Engineer) => self.engineer_points,
            Some(Role::QualityEngineer) => self.qe_points,
            Some(Role::Admin) => self.total_points - others,
        }
    }
}

/// Ranks people by points, most first; ties share a rank and are sorted by name (§11).
pub fn ranked(mut standings: Vec<(i64, User)>) -> Vec<Ranking> {
    standings.sort_by(|(points_of_a, a), (points_of_b, b)| {
        (Reverse(points_of_a), &a.full_name, a.id).cmp(&(Reverse(points_of_b), &b.full_name, b.id))
    });
    let mut shared = (0, None);
    (1_i64..)
        .zip(standings)
        .map(|(position, (points, user))| {
            if shared.1 != Some(points) {
                shared = (position, Some(points));
            }
            Ranking {
                rank: shared.0,
                user_id: user.id,
                full_name: user.full_name,
                role: user.role,
                employee_id: user.role_id.clone(),
                role_id: user.role_id,
                points,
                total_points: user.total_points,
                specialization: user.specialization,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{id, user};

    fn standing(n: i64, name: &str, points: i64) -> (i64, User) {
        (points, User { id: id(n), full_name: name.into(), ..user(Role::Inspector) })
    }

    #[test]
    fn equal_points_share_a_rank_and_are_sorted_by_name() {
        let all = vec![
            standing(1, "D", 3),
            standing(2, "C", 5),
            standing(3, "A", 3),
            standing(4, "B", 3),
            standing(5, "E", -1),
        ];
        let ranks: Vec<_> = ranked(all).into_iter().map(|r| (r.rank, r.full_name)).collect();
        let expected = [(1, "C"), (2, "A"), (2, "B"), (2, "D"), (5, "E")];
        assert_eq!(ranks, expected.map(|(rank, name)| (rank, name.to_owned())));
    }

    proptest! {
        #[test]
        fn a_rank_is_one_more_than_the_number_of_people_with_more_points(points in prop::collection::vec(-3_i64..6, 0..30)) {
            let all = (1..).zip(&points).map(|(n, points)| standing(n, "X", *points)).collect();
            let board = ranked(all);
            prop_assert_eq!(board.len(), points.len());
            for position in board {
                let better = points.iter().filter(|points| **points > position.points).count();
                prop_assert_eq!(position.rank, i64::try_from(better).unwrap() + 1);
            }
        }
    }

    #[test]
    fn periods_begin_with_the_day_of_the_site() {
        let calendar = SiteTimeZone::new("Asia/Dubai").expect("a zone");
        let since = |period: Period, (y, m, d)| {
            period.since(Date::new(y, m, d).expect("a date"), &calendar).map(|at| at.to_string())
        };
        // A Sunday: its week began on the Monday before, its month on this day.
        let day = (2026, 3, 1);
        assert_eq!(since(Period::AllTime, day), None);
        assert_eq!(since(Period::Daily, day).as_deref(), Some("2026-03-01T03:00:00.000Z"));
        assert_eq!(since(Period::Weekly, day).as_deref(), Some("2026-02-23T03:00:00.000Z"));
        assert_eq!(since(Period::Monthly, day).as_deref(), Some("2026-03-01T03:00:00.000Z"));
        assert_eq!(since(Period::Weekly, (2027, 1, 1)).as_deref(), Some("2026-12-28T03:00:00.000Z"));
    }

    #[test]
    fn points_of_a_role_are_those_earned_in_it() {
        let person = User {
            total_points: 31,
            inspector_points: 1,
            specialist_points: 2,
            engineer_points: 4,
            qe_points: 8,
            ..user(Role::Admin)
        };
        let points: Vec<i64> = Role::ALL.iter().map(|role| person.points_in(Some(*role))).collect();
        assert_eq!((points.iter().sum::<i64>(), points), (31, vec![16, 1, 2, 4, 8]));
        assert_eq!(person.points_in(None), 31);
    }
    #[test]
    fn a_leaderboard_of_a_role_includes_its_major_and_minor_holders() {
        let filter = |role| LeaderboardFilter { role, period: None };
        let person = User { minor_role: Some(Role::Engineer), ..user(Role::Inspector) };
        for &role in Role::ALL {
            let is_held = matches!(role, Role::Inspector | Role::Engineer);
            assert_eq!(filter(Some(role)).includes(&person), is_held, "{role}");
        }
        assert!(filter(None).includes(&person));
    }

    #[test]
    fn a_position_describes_the_person() {
        let person = User { total_points: 9, role_id: "INS007".into(), ..standing(7, "D", 3).1 };
        let expected = Ranking {
            rank: 1,
            user_id: id(7),
            full_name: "D".into(),
            role: Role::Inspector,
            role_id: "INS007".into(),
            employee_id: "INS007".into(),
            points: 3,
            total_points: 9,
            specialization: Some(Category::Mechanical),
        };
        assert_eq!(ranked(vec![(3, person)]), [expected]);
        let ids: Vec<_> =
            ranked(vec![standing(9, "A", 1), standing(8, "A", 1)]).into_iter().map(|r| r.user_id).collect();
        assert_eq!(ids, [id(8), id(9)], "equal names are sorted by primary key");
    }
}

use super::{replacing::Replacement, *};
use crate::{
    input::Input,
    leaves::{Leave, LeaveStatus},
    testing::{assignment, changes, id, later, leave, now, user},
    warning::WarningCode,
};
use serde_json::json;

use AssignmentStatus::{
    AssessmentPending, Assigned, BothComplete, Completed, ElecComplete, InProgress, MechComplete, Unassigned,
};

#[test]
fn every_command_in_every_status() {
    // Columns: assign, start and complete for each trade, assess, finish, replace the team, take
    // over, withdraw the team, remove.
    let (mech, elec) = (Some(MechComplete), Some(ElecComplete));
    let (new, going, both, free) = (Some(Assigned), Some(InProgress), Some(BothComplete), Some(Unassigned));
    let grid = [
        (Unassigned, [new, None, None, None, None, None, None, None, None, None, Some(Unassigned)]),
        (Assigned, [new, going, going, None, None, None, None, None, new, free, new]),
        (InProgress, [None, going, going, mech, elec, None, None, new, new, free, None]),
        (MechComplete, [None, None, mech, None, both, None, None, mech, mech, None, None]),
        (ElecComplete, [None, elec, None, both, None, None, None, elec, elec, None, None]),
        (BothComplete, [None, None, None, None, None, Some(AssessmentPending), None, None, None, None, None]),
        (AssessmentPending, [None, None, None, None, None, None, Some(Completed), None, None, None, None]),
        (Completed, [None; 11]),
    ];
    assert_eq!(grid.map(|(status, _)| status), AssignmentStatus::ALL);
    for (status, row) in grid {
        for (command, then) in AssignmentCommand::ALL.into_iter().zip(row) {
            let refused = AssignmentRule::WrongStatus { command, status };
            assert_eq!(status.after(command), then.ok_or(refused), "{command} when {status}");
            let before = Assignment { status, ..assignment() };
            let after = then.map(|status| Assignment {
                status,
                completed_at: (status == Completed).then(later),
                mech_points_awarded: i64::from(status == Completed),
                elec_points_awarded: i64::from(status == Completed),
                updated_at: later(),
                ..before.clone()
            });
            assert_eq!(before.after(command, later()).ok(), after, "{command} when {status}");
        }
    }
}

#[test]
fn every_transition_changes_these_fields() {
    let new = [inspector(8, Category::Electrical), inspector(7, Category::Mechanical)];
    let assigned = assign(pair(), Vec::new()).expect("a team");
    let take_over = |before: &Assignment| {
        before.taken_over_by([&new[0], &new[1]], &[], id(6), later().plus_seconds(1)).expect("a team")
    };
    let begun = Assignment { status: InProgress, ..assigned.clone() };
    let half = Assignment { status: MechComplete, ..assigned.clone() };
    let berth = CorrectBerth::from_json(json!({"berth": "B7"})).expect("a berth");
    insta::assert_snapshot!(changes(&[
        ("assign", &assignment(), &assigned),
        ("take over", &begun, &take_over(&begun)),
        ("take over a half", &half, &take_over(&half)),
        ("correct the berth", &assigned, &assigned.with_berth(berth, now().next())),
    ]), @r#"
    assign
      status: Assigned
      mechanical_inspector_id: Some(UserId(1))
      electrical_inspector_id: Some(UserId(2))
      assigned_by_id: Some(UserId(9))
      assigned_at: Some(Instant(2026-03-01T08:00:00Z))
      deadline: Some(Instant(2026-03-03T13:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    take over
      status: Assigned
      mechanical_inspector_id: Some(UserId(7))
      electrical_inspector_id: Some(UserId(8))
      assigned_by_id: Some(UserId(6))
      assigned_at: Some(Instant(2026-03-01T08:00:01Z))
      deadline: Some(Instant(2026-03-02T14:00:01Z))
      updated_at: Instant(2026-03-01T08:00:01Z)
      is_takeover: true
    take over a half
      electrical_inspector_id: Some(UserId(8))
      assigned_by_id: Some(UserId(6))
      assigned_at: Some(Instant(2026-03-01T08:00:01Z))
      deadline: Some(Instant(2026-03-02T14:00:01Z))
      updated_at: Instant(2026-03-01T08:00:01Z)
      is_takeover: true
    correct the berth
      berth: Some("B7")
      updated_at: Instant(2026-03-01T07:00:00.001Z)
    "#);
}

#[test]
fn a_rejection_names_the_command_or_the_fields() {
    let error = |field: &str| FieldError { field: field.into(), message: "is not active".into() };
    let team = AssignmentRule::Team(vec![error("mechanical_inspector_id"), error("electrical_inspector_id")]);
    let fields = [error("mechanical_inspector_id"), error("electrical_inspector_id")];
    assert_eq!((team.code(), team.fields()), (Code::RuleViolation, fields.to_vec()));
    assert_eq!(
        (AssignmentRule::NotHandedIn.code(), AssignmentRule::NotHandedIn.fields()),
        (Code::InvalidState, Vec::new())
    );
    let mut messages = AssignmentCommand::ALL.map(|command| {
        let rule = AssignmentRule::WrongStatus { command, status: Completed };
        assert_eq!((rule.code(), rule.fields()), (Code::InvalidState, Vec::new()));
        rule.to_string()
    });
    messages.sort();
    assert!(messages.windows(2).all(|pair| pair[0] != pair[1]), "{messages:?}");
}

#[test]
fn a_pair_takes_over_the_open_halves() {
    let old = assign(pair(), Vec::new()).expect("a team");
    let new = [inspector(8, Category::Electrical), inspector(7, Category::Mechanical)];
    for (status, seats) in [
        (Assigned, Some([7, 8])),
        (InProgress, Some([7, 8])),
        (MechComplete, Some([1, 8])),
        (ElecComplete, Some([7, 2])),
        (BothComplete, None),
        (Completed, None),
    ] {
        let before = Assignment { status, ..old.clone() };
        let after = before.taken_over_by([&new[0], &new[1]], &[], id(9), now());
        let taken = after.as_ref().ok().map(|after| after.team().map(|member| member.map_or(0, UserId::get)));
        assert_eq!(taken, seats, "{status}");
        if let Ok(after) = after {
            assert_eq!(after.deadline, Some(now().plus_seconds(30 * 3600)));
        }
    }
}

#[test]
fn a_half_that_a_remaining_member_has_begun_stays_begun() {
    let old = assign(pair(), Vec::new()).expect("a team");
    let (new, stays) = (inspector(7, Category::Mechanical), inspector(2, Category::Electrical));
    let (left, staying) = ((Category::Mechanical, id(1)), (Category::Electrical, id(2)));
    for (status, begun, after) in [
        (Assigned, vec![], Assigned),
        (InProgress, vec![], Assigned),
        (InProgress, vec![left], Assigned),
        (InProgress, vec![staying], InProgress),
        (InProgress, vec![left, staying], InProgress),
        (MechComplete, vec![staying], MechComplete),
    ] {
        let before = Assignment { status, ..old.clone() };
        let taken = before.taken_over_by([&new, &stays], &begun, id(9), now()).expect("a team");
        assert_eq!(taken.status, after, "{status} {begun:?}");
    }
}

#[test]
fn an_admin_replaces_members_of_a_team_that_has_begun() {
    let old = assign(pair(), Vec::new()).expect("a team");
    let (mechanical, electrical) = (Category::Mechanical, Category::Electrical);
    let people = vec![inspector(7, mechanical), inspector(8, electrical)];
    let candidates = Candidates { people, leaves: Vec::new(), roster: Vec::new() };
    let both = [(mechanical, id(1)), (electrical, id(2))];
    let stays = "has submitted this half, and stays its inspector";
    // The inspectors 1 and 2 have left: those who stay are not validated again.
    for (status, team, expected) in [
        (InProgress, [7, 8], Ok(Assigned)),
        (InProgress, [1, 8], Ok(InProgress)),
        (InProgress, [7, 2], Ok(InProgress)),
        (InProgress, [8, 7], Err(vec!["is not of the mechanical trade", "is not of the electrical trade"])),
        (InProgress, [1, 9], Err(vec!["there is no such user"])),
        (MechComplete, [1, 8], Ok(MechComplete)),
        (MechComplete, [7, 2], Err(vec![stays])),
        (MechComplete, [7, 9], Err(vec![stays, "there is no such user"])),
        (ElecComplete, [7, 2], Ok(ElecComplete)),
        (ElecComplete, [7, 8], Err(vec![stays])),
    ] {
        let before = Assignment { status, ..old.clone() };
        let ids = json!({"mechanical_inspector_id": team[0], "electrical_inspector_id": team[1]});
        let ids = AssignTeam::from_json(ids).expect("ids");
        let drafts: Vec<_> =
            both.into_iter().filter(|(half, _)| before.completed_half() != Some(*half)).collect();
        let after = before.with_replaced_team(
            Replacement { team: &ids, begun: &drafts, taker: None, today: before.target_date },
            &candidates,
            id(9),
            later().next(),
        );
        let outcome = after.as_ref().map(|after| after.status).map_err(|rule| {
            rule.fields().into_iter().map(|error| error.message.to_string()).collect::<Vec<_>>()
        });
        assert_eq!(
            outcome,
            expected.map_err(|all| all.into_iter().map(str::to_owned).collect()),
            "{status} {team:?}"
        );
        if let Ok(after) = after {
            assert_eq!(after.team().map(|member| member.map_or(0, UserId::get)), team);
            assert_eq!((after.deadline, after.is_takeover), (before.deadline, before.is_takeover));
        }
    }
    let begun = Assignment { status: InProgress, ..old };
    let unchanged = Replacement { team: &team(), begun: &both, taker: None, today: begun.target_date };
    let same = begun.with_replaced_team(unchanged, &candidates, id(9), later().next());
    assert_eq!(same, Ok(begun.clone()), "the same team again changes nothing");
    // A member on leave today can't take over what is left of an earlier day.
    let leaves = vec![Leave {
        user_id: id(8),
        ..leave(begun.target_date.plus_days(2), begun.target_date.plus_days(4))
    }];
    let away = Candidates { leaves, ..candidates.clone() };
    let ids = AssignTeam::from_json(json!({"mechanical_inspector_id": 1, "electrical_inspector_id": 8}))
        .expect("ids");
    let taken = Assignment { is_takeover: true, ..begun };
    for (days, taker, refused, is_takeover) in [
        (0, Some(1), false, true),
        (0, Some(2), false, false),
        (0, None, false, false),
        (3, Some(1), true, true),
    ] {
        let today = taken.target_date.plus_days(days);
        let replacement = Replacement { team: &ids, begun: &[], taker: taker.map(id), today };
        let after = taken.with_replaced_team(replacement, &away, id(9), later().next());
        assert_eq!(after.is_err(), refused, "after {days} days");
        assert!(after.is_ok_and(|after| after.is_takeover == is_takeover) || refused, "{taker:?}");
    }
}

#[test]
fn only_admins_replace_and_only_a_team_that_has_begun() {
    for &status in AssignmentStatus::ALL {
        for &role in Role::ALL {
            let assignment = Assignment { status, ..assignment() };
            let may = role == Role::Admin && matches!(status, InProgress | MechComplete | ElecComplete);
            assert_eq!(assignment.is_replaced_by(&user(role)), may, "{status} {role}");
            assert_eq!(
                status.after(AssignmentCommand::Replace).is_ok(),
                matches!(status, InProgress | MechComplete | ElecComplete)
            );
        }
    }
}

fn inspector(number: i64, trade: Category) -> User {
    User { id: id(number), specialization: Some(trade), shift: Some(Shift::Day), ..user(Role::Inspector) }
}

fn team() -> AssignTeam {
    AssignTeam::from_json(json!({"mech_inspector_id": 1, "elec_inspector_id": 2})).expect("a team")
}

fn assign(people: Vec<User>, leaves: Vec<Leave>) -> Result<Assignment, AssignmentRule> {
    assignment().assign(
        &team(),
        &Candidates { people, leaves, roster: Vec::new() },
        id(9),
        &SiteTimeZone::utc(),
        later(),
    )
}

fn pair() -> Vec<User> {
    vec![inspector(1, Category::Mechanical), inspector(2, Category::Electrical)]
}

#[test]
fn a_minor_role_is_sufficient() {
    let mut people = pair();
    people[0] = User { role: Role::Engineer, minor_role: Some(Role::Inspector), ..people[0].clone() };
    assert!(assign(people, Vec::new()).is_ok());
}

/// A change that makes a member invalid, and the expected error.
type Flaw = (fn(&mut User), &'static str);

/// Changes that make a member invalid.
fn flaws() -> Vec<Flaw> {
    vec![
        (|user| user.is_active = false, "is not active"),
        (|user| user.role = Role::Specialist, "is not an inspector"),
        (|user| user.specialization = user.specialization.map(Category::other), "trade"),
        (|user| user.specialization = None, "trade"),
    ]
}

#[test]
fn every_condition_on_both_is_checked_and_has_its_own_message() {
    let fields = ["mechanical_inspector_id", "electrical_inspector_id"];
    for seat in 0..2 {
        for (spoil, message) in flaws() {
            let mut people = pair();
            spoil(&mut people[seat]);
            let Err(AssignmentRule::Team(errors)) = assign(people, Vec::new()) else {
                panic!("{message} at {seat}")
            };
            let [error] = errors.try_into().expect("one error");
            assert_eq!(error.field, fields[seat]);
            assert!(error.message.to_string().contains(message), "{} {message}", error.message);
        }
    }
    // All at once.
    let mut people = pair();
    for person in &mut people {
        person.is_active = false;
        person.role = Role::Specialist;
        person.specialization = None;
    }
    let days = (assignment().target_date, assignment().target_date);
    let leaves = [1, 2].map(|number| Leave { user_id: id(number), ..leave(days.0, days.1) });
    let Err(AssignmentRule::Team(errors)) = assign(people, leaves.to_vec()) else { panic!("not refused") };
    assert_eq!(errors.len(), 8);
    let mut messages: Vec<_> = errors.iter().map(|error| (&error.field, &error.message)).collect();
    messages.dedup();
    assert_eq!(messages.len(), 8, "distinct messages: {messages:?}");

    let Err(AssignmentRule::Team(errors)) = assign(Vec::new(), Vec::new()) else { panic!("not refused") };
    assert_eq!(
        errors.iter().map(|error| error.message.to_string()).collect::<Vec<_>>(),
        ["there is no such user"; 2]
    );
}

#[test]
fn leave_is_checked_on_the_target_date_instead_of_today() {
    let target = assignment().target_date;
    let around =
        |from: i32, to: i32| Leave { user_id: id(2), ..leave(target.plus_days(from), target.plus_days(to)) };
    for (leave, is_away) in [
        (around(-1, 1), true),
        (around(0, 0), true),
        (around(1, 3), false),
        (around(-3, -1), false),
        (Leave { status: LeaveStatus::Pending, ..around(0, 0) }, false),
        (Leave { ended_at: Some(now()), ..around(0, 0) }, false),
        (Leave { user_id: id(3), ..around(0, 0) }, false),
    ] {
        let outcome = assign(pair(), vec![leave.clone()]);
        assert_eq!(outcome.is_err(), is_away, "{leave:?}");
    }
    // A leave that ends before the day.
    let mut people = pair();
    people[0].is_on_leave = true;
    assert!(assign(people, Vec::new()).is_ok());
}

#[test]
fn a_team_has_two_people() {
    let alone = AssignTeam::from_json(json!({"mechanical_inspector_id": 1, "electrical_inspector_id": 1}));
    let candidates = Candidates { people: pair(), leaves: Vec::new(), roster: Vec::new() };
    let outcome = assignment().assign(&alone.expect("ids"), &candidates, id(9), &SiteTimeZone::utc(), now());
    assert!(matches!(outcome, Err(AssignmentRule::Team(errors)) if errors.len() == 1));
}

#[test]
fn the_deadline_is_thirty_elapsed_hours_after_the_shift_begins() {
    let berlin = SiteTimeZone::new("Europe/Berlin").expect("known zone");
    let date = |month, day| Date::new(2026, month, day).expect("a date");
    for (on, shift, expected) in [
        // An ordinary day: the next day at 13:00, or the day after at 01:00, local time (UTC+1).
        (date(3, 2), Shift::Day, "2026-03-03T12:00:00Z"),
        (date(3, 2), Shift::Night, "2026-03-04T00:00:00Z"),
        // Clocks go forward on 29 March at 02:00: local 14:00 (UTC+2).
        (date(3, 28), Shift::Day, "2026-03-29T12:00:00Z"),
        (date(3, 28), Shift::Night, "2026-03-30T00:00:00Z"),
        (date(3, 29), Shift::Day, "2026-03-30T11:00:00Z"),
        // Clocks go back on 25 October at 03:00: local 12:00 (UTC+1).
        (date(10, 24), Shift::Day, "2026-10-25T11:00:00Z"),
        (date(10, 25), Shift::Day, "2026-10-26T12:00:00Z"),
    ] {
        assert_eq!(Some(deadline(on, shift, &berlin)), Instant::parse(expected), "{on} {shift}");
    }
    let riyadh = SiteTimeZone::new("Asia/Riyadh").expect("known zone");
    assert_eq!(Some(deadline(date(3, 2), Shift::Day, &riyadh)), Instant::parse("2026-03-03T10:00:00Z"));
}

#[test]
fn only_unfinished_assignments_past_their_deadline_are_overdue() {
    for &status in AssignmentStatus::ALL {
        for (deadline, is_late) in [
            (None, false),
            (Some(now()), false),
            (Some(now().plus_seconds(-1)), true),
            (Some(now().next()), false),
        ] {
            let assignment = Assignment { status, deadline, ..assignment() };
            let expected = is_late && matches!(status, Assigned | InProgress | MechComplete | ElecComplete);
            assert_eq!(assignment.is_overdue(now()), expected, "{status} {deadline:?}");
        }
    }
}

#[test]
fn only_the_team_has_halves() {
    let assigned = assign(pair(), Vec::new()).expect("a team");
    for (number, half) in [(1, Some(Category::Mechanical)), (2, Some(Category::Electrical)), (3, None)] {
        for &role in Role::ALL {
            let actor = User { id: id(number), ..user(role) };
            assert_eq!(assigned.half_of(&actor).ok(), half);
            assert_eq!(assigned.may_be_assessed_by(&actor).is_ok(), half.is_some() || role == Role::Admin);
        }
    }
}

#[test]
fn a_member_of_another_shift_is_accepted_with_a_warning() {
    let shifts = [Some(Shift::Day), Some(Shift::Night), None];
    for (mechanical, electrical) in shifts.iter().flat_map(|one| shifts.map(|other| (*one, other))) {
        let mut people = pair();
        (people[0].shift, people[1].shift) = (mechanical, electrical);
        let candidates = Candidates { people, leaves: Vec::new(), roster: Vec::new() };
        let warned: Vec<_> = assignment()
            .warnings_about(&team(), &candidates)
            .into_iter()
            .map(|warning| (warning.code, warning.field.expect("a field")))
            .collect();
        let expected: Vec<_> =
            [("mechanical_inspector_id", mechanical), ("electrical_inspector_id", electrical)]
                .into_iter()
                .filter(|(_, shift)| *shift == Some(Shift::Night))
                .map(|(field, _)| (WarningCode::OtherShift, field.to_owned()))
                .collect();
        assert_eq!(warned, expected, "{mechanical:?} {electrical:?}");
    }
}

#[test]
fn each_half_has_a_status_of_its_own() {
    // Rows: the assignment. Columns: the mechanical inspector without and with a draft, and the
    // electrical one.
    let grid = [
        (Assigned, [Assigned, InProgress, Assigned, InProgress]),
        (InProgress, [Assigned, InProgress, Assigned, InProgress]),
        (MechComplete, [MechComplete, MechComplete, Assigned, InProgress]),
        (ElecComplete, [Assigned, InProgress, ElecComplete, ElecComplete]),
        (BothComplete, [BothComplete; 4]),
        (AssessmentPending, [AssessmentPending; 4]),
        (Completed, [Completed; 4]),
    ];
    let assigned = assign(pair(), Vec::new()).expect("a team");
    for (status, row) in grid {
        let assignment = Assignment { status, ..assigned.clone() };
        let people = [&pair()[0], &pair()[0], &pair()[1], &pair()[1]];
        for ((person, has_draft), own) in people.into_iter().zip([false, true, false, true]).zip(row) {
            assert_eq!(assignment.own_status(person, has_draft), Some(own), "{status} {}", person.id);
        }
        let stranger = User { id: id(3), ..user(Role::Admin) };
        assert_eq!(assignment.own_status(&stranger, false), None, "{status}");
    }
}

#[test]
fn a_batch_names_every_refusal_once() {
    let other = Assignment { id: id(8), ..assignment() };
    let begun = Assignment { id: id(9), status: InProgress, ..assign(pair(), Vec::new()).expect("a team") };
    let all = |all: &[Assignment], people| {
        let candidates = Candidates { people, leaves: Vec::new(), roster: Vec::new() };
        Assignment::assign_all(all, &team(), &candidates, id(9), &SiteTimeZone::utc(), later())
    };
    assert_eq!(all(&[assignment(), other.clone()], pair()).expect("assigned").len(), 2);
    let named = |outcome: Result<Vec<Assignment>, batch::BatchRule>| {
        let rule = outcome.expect_err("a refusal");
        assert_eq!(rule.code(), Code::RuleViolation);
        rule.fields().into_iter().map(|error| error.field).collect::<Vec<_>>()
    };
    assert_eq!(named(all(&[assignment(), begun.clone(), other.clone()], pair())), ["assignments.9"]);
    let mut people = pair();
    people[1].is_active = false;
    let fields = named(all(&[assignment(), other, begun], people));
    assert_eq!(fields, ["electrical_inspector_id", "assignments.9"], "the team once for all machines");
}

#[test]
fn the_same_team_again_changes_nothing() {
    let assigned = assign(pair(), Vec::new()).expect("a team");
    let candidates = |people| Candidates { people, leaves: Vec::new(), roster: Vec::new() };
    let again =
        |people| assigned.assign(&team(), &candidates(people), id(8), &SiteTimeZone::utc(), later().next());
    assert_eq!(again(pair()), Ok(assigned.clone()));
    let mut gone = pair();
    gone[0].is_active = false;
    assert!(again(gone).is_err(), "the conditions hold for it, too");
}

#[test]
fn a_withdrawn_team_leaves_nothing_behind() {
    let assigned = assign(pair(), Vec::new()).expect("a team");
    let begun = Assignment { status: InProgress, is_takeover: true, ..assigned };
    let after = begun.unassigned(later()).expect("withdrawn");
    assert_eq!(after, Assignment { updated_at: later(), ..assignment() });
    for &status in AssignmentStatus::ALL {
        let assignment = Assignment { status, ..assignment() };
        assert_eq!(assignment.unassigned(now()).is_ok(), matches!(status, Assigned | InProgress), "{status}");
        assert_eq!(assignment.may_be_removed().is_ok(), matches!(status, Unassigned | Assigned), "{status}");
        let is_open = matches!(status, Unassigned | Assigned | InProgress);
        assert_eq!(assignment.is_without_submission(), is_open, "{status}");
    }
}

use super::*;
use crate::{
    input::Input,
    testing::{assignment, changes, fields, id, later, now, user},
};
use proptest::prelude::*;
use serde_json::json;

use Verdict::{Operational, Urgent};

fn asked() -> Assessment {
    let assignment = Assignment { id: id(5), equipment_id: id(6), ..assignment() };
    Assessment { id: id(7), ..Assessment::of(&assignment, [id(3), id(4)], now()) }
}

fn reason(verdict: Verdict) -> Option<String> {
    (verdict == Urgent).then(|| "x".repeat(50))
}

fn give(assessment: &Assessment, half: Category, verdict: Verdict) -> Result<Assessment, AssessmentRule> {
    assessment.with_verdict(half, verdict, reason(verdict), later())
}

fn decision(verdict: Verdict) -> AdminDecision {
    AdminDecision::from_json(json!({"decision": verdict, "notes": "looked at it"})).expect("a decision")
}

#[test]
fn a_new_assessment_awaits_both_verdicts() {
    insta::assert_snapshot!(fields(&asked()).join("\n"), @r"
    id: AssessmentId(7)
    assignment_id: AssignmentId(5)
    equipment_id: EquipmentId(6)
    mechanical_inspector_id: UserId(3)
    electrical_inspector_id: UserId(4)
    mechanical_verdict: None
    mechanical_reason: None
    mechanical_verdict_at: None
    electrical_verdict: None
    electrical_reason: None
    electrical_verdict_at: None
    status: Pending
    decision: None
    resolved_by: None
    resolved_at: None
    decided_by_id: None
    admin_notes: None
    equipment_hold: None
    stopped_from: None
    released_at: None
    released_by_id: None
    created_at: Instant(2026-03-01T07:00:00Z)
    updated_at: Instant(2026-03-01T07:00:00Z)
    ");
}

#[test]
fn every_transition_changes_these_fields() {
    let next = later().plus_seconds(60);
    let verdict = |before: &Assessment, half, verdict, reason: Option<&str>| {
        let at = if before.updated_at == now() { later() } else { next };
        before.with_verdict(half, verdict, reason.map(Into::into), at).expect("a verdict")
    };
    let asked = asked();
    let mechanical = verdict(&asked, Category::Mechanical, Operational, None);
    let agreed = verdict(&mechanical, Category::Electrical, Operational, None);
    let electrical = verdict(&asked, Category::Electrical, Urgent, Some("smoke"));
    let disagreed = verdict(&electrical, Category::Mechanical, Operational, None);
    let (stopping, _) = electrical.settled(EquipmentStatus::Paused, &[]);
    let decided = stopping.decided(decision(Operational), id(9), next);
    let (lifted, _) = decided.settled(EquipmentStatus::Stopped, &[]);
    let released = stopping.released(Some(id(9)), next);
    let (stopping_again, _) = released.settled(EquipmentStatus::Active, &[]);
    insta::assert_snapshot!(changes(&[
        ("mechanical verdict", &asked, &mechanical),
        ("electrical verdict in agreement", &mechanical, &agreed),
        ("electrical verdict", &asked, &electrical),
        ("mechanical verdict in disagreement", &electrical, &disagreed),
        ("stop", &electrical, &stopping),
        ("decision of an admin", &stopping, &decided),
        ("lifted stop", &decided, &lifted),
        ("release by an admin", &stopping, &released),
        ("stop after the release", &released, &stopping_again),
    ]), @r#"
    mechanical verdict
      mechanical_verdict: Some(Operational)
      mechanical_verdict_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    electrical verdict in agreement
      electrical_verdict: Some(Operational)
      electrical_verdict_at: Some(Instant(2026-03-01T08:01:00Z))
      status: Completed
      decision: Some(Operational)
      resolved_by: Some(Agreement)
      resolved_at: Some(Instant(2026-03-01T08:01:00Z))
      updated_at: Instant(2026-03-01T08:01:00Z)
    electrical verdict
      electrical_verdict: Some(Urgent)
      electrical_reason: Some("smoke")
      electrical_verdict_at: Some(Instant(2026-03-01T08:00:00Z))
      updated_at: Instant(2026-03-01T08:00:00Z)
    mechanical verdict in disagreement
      mechanical_verdict: Some(Operational)
      mechanical_verdict_at: Some(Instant(2026-03-01T08:01:00Z))
      status: Completed
      decision: Some(Urgent)
      resolved_by: Some(SafetyRule)
      resolved_at: Some(Instant(2026-03-01T08:01:00Z))
      updated_at: Instant(2026-03-01T08:01:00Z)
    stop
      equipment_hold: Some(Stopped)
      stopped_from: Some(Paused)
    decision of an admin
      status: Completed
      decision: Some(Operational)
      resolved_by: Some(Admin)
      resolved_at: Some(Instant(2026-03-01T08:01:00Z))
      decided_by_id: Some(UserId(9))
      admin_notes: Some("looked at it")
      updated_at: Instant(2026-03-01T08:01:00Z)
    lifted stop
      equipment_hold: None
      stopped_from: None
    release by an admin
      equipment_hold: None
      stopped_from: None
      released_at: Some(Instant(2026-03-01T08:01:00Z))
      released_by_id: Some(UserId(9))
      updated_at: Instant(2026-03-01T08:01:00Z)
    stop after the release
      equipment_hold: Some(Stopped)
      stopped_from: Some(Active)
      released_at: None
      released_by_id: None
    "#);
}

#[test]
fn a_verdict_on_a_decided_assessment_or_for_a_given_half_is_rejected() {
    for rule in [AssessmentRule::Completed, AssessmentRule::AlreadyGiven] {
        assert_eq!((rule.code(), rule.fields()), (Code::InvalidState, Vec::new()));
    }
}

#[test]
fn the_reasons_of_both_inspectors_or_the_notes_of_the_admin_explain_the_urgency() {
    let reasons = |mechanical: Option<&str>, electrical: Option<&str>| Assessment {
        mechanical_reason: mechanical.map(Into::into),
        electrical_reason: electrical.map(Into::into),
        ..asked()
    };
    assert_eq!(reasons(None, None).urgent_reason(), "");
    assert_eq!(reasons(Some("leak"), None).urgent_reason(), "leak");
    assert_eq!(reasons(None, Some("smoke")).urgent_reason(), "smoke");
    let both = reasons(Some("leak"), Some("smoke"));
    assert_eq!(both.urgent_reason(), "leak / smoke");
    let by_admin = Assessment { resolved_by: Some(ResolvedBy::Admin), ..both };
    assert_eq!(by_admin.urgent_reason(), "");
    assert_eq!(Assessment { admin_notes: Some("wear".into()), ..by_admin }.urgent_reason(), "wear");
}

#[test]
fn the_reason_of_the_first_urgent_verdict_or_of_an_urgent_decision_counts() {
    let urgent = |assessment: &Assessment, half, reason: &str, at| {
        assessment.with_verdict(half, Urgent, Some(reason.into()), at).expect("a verdict")
    };
    assert_eq!(asked().counting_reason(), None);
    for (half, first) in [(Category::Mechanical, "leak"), (Category::Electrical, "smoke")] {
        let one = urgent(&asked(), half, first, now());
        assert_eq!(one.counting_reason(), Some(first));
        let both = urgent(&one, half.other(), "noise", now().next());
        assert_eq!(both.counting_reason(), Some(first));
        let other = one.with_verdict(half.other(), Operational, None, now()).expect("a verdict");
        assert_eq!(other.counting_reason(), Some(first), "one urgent verdict is enough");
        assert_eq!(both.decided(decision(Urgent), id(9), now()).counting_reason(), Some("looked at it"));
        assert_eq!(both.decided(decision(Operational), id(9), now()).counting_reason(), None);
    }
}

#[test]
fn the_last_of_two_assessments_restores_the_machine() {
    let stop = |machine, holding: &[Assessment]| {
        give(&asked(), Category::Electrical, Urgent).expect("a verdict").settled(machine, holding).0
    };
    let lift = |one: &Assessment, machine, holding: &[Assessment]| {
        one.decided(decision(Operational), id(9), later()).settled(machine, holding).1
    };
    let first = stop(EquipmentStatus::Paused, &[]);
    let second = stop(EquipmentStatus::Stopped, std::slice::from_ref(&first));
    assert_eq!(second.stopped_from, Some(EquipmentStatus::Paused), "taken over from the first");
    let stopped = EquipmentStatus::Stopped;
    assert_eq!(lift(&first, stopped, std::slice::from_ref(&second)), stopped);
    assert_eq!(lift(&second, stopped, &[]), EquipmentStatus::Paused);
    let moved = EquipmentStatus::UnderMaintenance;
    assert_eq!(lift(&second, moved, &[]), moved, "its status was changed in the meantime");
    let not_holding = Assessment { equipment_hold: None, ..second };
    assert_eq!(lift(&not_holding, stopped, &[]), stopped);
    assert_eq!(stop(stopped, &[]).stopped_from, None, "an admin had stopped it");
}

#[test]
fn every_pair_of_verdicts_in_either_order() {
    let grid = [
        (Operational, Operational, Operational, ResolvedBy::Agreement),
        (Operational, Urgent, Urgent, ResolvedBy::SafetyRule),
        (Urgent, Operational, Urgent, ResolvedBy::SafetyRule),
        (Urgent, Urgent, Urgent, ResolvedBy::Agreement),
    ];
    for (mechanical, electrical, decided, resolved_by) in grid {
        let halves = [(Category::Mechanical, mechanical), (Category::Electrical, electrical)];
        for [first, second] in [halves, [halves[1], halves[0]]] {
            let one = give(&asked(), first.0, first.1).expect("first");
            assert_eq!((one.status, one.decision), (AssessmentStatus::Pending, None));
            assert_eq!(one.is_urgent(), first.1 == Urgent, "one urgent verdict is sufficient");
            assert_eq!(give(&one, first.0, first.1), Err(AssessmentRule::AlreadyGiven));
            let both = give(&one, second.0, second.1).expect("second");
            assert_eq!((both.decision, both.resolved_by), (Some(decided), Some(resolved_by)));
            assert_eq!((both.status, both.resolved_at), (AssessmentStatus::Completed, Some(later())));
            assert_eq!(both.is_urgent(), decided == Urgent);
            for half in [Category::Mechanical, Category::Electrical] {
                assert_eq!(give(&both, half, Operational), Err(AssessmentRule::Completed));
            }
        }
    }
}

#[test]
fn an_admin_decides_at_any_time_and_again() {
    let mut states = vec![asked()];
    for half in [Category::Mechanical, Category::Electrical] {
        for verdict in [Operational, Urgent] {
            let one = give(&asked(), half, verdict).expect("one");
            states.extend([Operational, Urgent].map(|other| give(&one, half.other(), other).expect("both")));
            states.push(one);
        }
    }
    for before in states {
        for first in [Operational, Urgent] {
            let after = before.decided(decision(first), id(9), now());
            assert_eq!((after.decision, after.resolved_by), (Some(first), Some(ResolvedBy::Admin)));
            assert_eq!((after.is_urgent(), after.status), (first == Urgent, AssessmentStatus::Completed));
            assert_eq!(after.urgent_reason(), "looked at it");
            assert_eq!(
                (after.mechanical_verdict, after.electrical_verdict),
                (before.mechanical_verdict, before.electrical_verdict),
                "verdicts are unchanged"
            );
            for second in [Operational, Urgent] {
                let again = after.decided(decision(second), id(8), now());
                assert_eq!((again.decision, again.decided_by_id), (Some(second), Some(id(8))));
            }
            assert_eq!(give(&after, Category::Mechanical, Urgent), Err(AssessmentRule::Completed));
        }
    }
}

#[test]
fn an_urgent_verdict_has_a_reason_of_fifty_characters() {
    let check = |verdict, reason: Option<String>| {
        NewVerdict::from_json(json!({"verdict": verdict, "urgent_reason": reason})).expect("read").checked()
    };
    let letters = |n: usize| Some("ع".repeat(n));
    for (given, is_fine) in [(None, false), (letters(49), false), (letters(50), true), (letters(51), true)] {
        let is_given = given.is_some();
        let outcome = check(Urgent, given.clone());
        assert_eq!(outcome.as_ref().ok(), is_fine.then_some(&(Urgent, given)), "{outcome:?}");
        if let Err(wrong) = outcome {
            let [error] = wrong.fields().try_into().expect("one error");
            assert_eq!(error.field, "urgent_reason");
            assert_eq!(error.message.to_string().contains("50"), is_given, "{}", error.message);
        }
    }
    let padded = format!("  {}  ", "x".repeat(49));
    assert!(check(Urgent, Some(padded)).is_err(), "surrounding spaces are not counted");
    assert_eq!(check(Operational, letters(60)), Ok((Operational, None)));
}

#[test]
fn an_assessment_is_visible_to_the_permitted_and_decided_by_its_inspectors() {
    for &role in Role::ALL {
        for (number, half) in [(3, Some(Category::Mechanical)), (4, Some(Category::Electrical)), (5, None)] {
            let actor = User { id: id(number), ..user(role) };
            let by_role = matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer);
            assert_eq!(asked().may_be_seen_by(&actor).is_ok(), by_role || half.is_some());
            assert_eq!(asked().half_of(&actor).ok(), half, "admins give no verdict");
            assert_eq!(lists_all(&actor), role == Role::Admin);
        }
    }
}

#[test]
fn urgent_stops_a_machine_in_any_status_and_operational_restores_it() {
    for &status in EquipmentStatus::ALL {
        let one = give(&asked(), Category::Electrical, Urgent).expect("a verdict");
        let (holding, stopped) = one.settled(status, &[]);
        assert_eq!(
            (stopped, holding.equipment_hold),
            (EquipmentStatus::Stopped, Some(EquipmentStatus::Stopped))
        );
        let (again, still) = holding.settled(stopped, &[]);
        assert_eq!((&again, still), (&holding, stopped), "a repetition changes nothing");
        // The other inspector can't release it.
        let both = give(&holding, Category::Mechanical, Operational).expect("the other");
        assert_eq!(both.settled(stopped, &[]), (both.clone(), EquipmentStatus::Stopped));
        let (let_go, status_after) = both.decided(decision(Operational), id(9), now()).settled(stopped, &[]);
        assert_eq!(
            status_after, status,
            "a machine stopped before stays stopped, any other regains its status"
        );
        assert_eq!((let_go.equipment_hold, let_go.stopped_from), (None, None));
    }
}

#[test]
fn operational_changes_no_machine_that_this_assessment_has_not_stopped() {
    for &status in EquipmentStatus::ALL {
        let decided = asked().decided(decision(Operational), id(9), now());
        assert_eq!(decided.settled(status, &[]), (decided.clone(), status));
    }
}

#[test]
fn after_an_admin_has_released_the_machine_only_a_new_verdict_stops_it() {
    let one = give(&asked(), Category::Mechanical, Urgent).expect("a verdict");
    let (holding, _) = one.settled(EquipmentStatus::Active, &[]);
    let released = holding.released(Some(id(9)), now());
    assert_eq!((released.equipment_hold, released.released_by_id), (None, Some(id(9))));
    let dismissed = released.decided(decision(Operational), id(9), now());
    assert_eq!(dismissed.settled(EquipmentStatus::Active, &[]), (dismissed.clone(), EquipmentStatus::Active));
    for verdict in [Operational, Urgent] {
        let second = give(&released, Category::Electrical, verdict).expect("the other");
        let (after, status) = second.settled(EquipmentStatus::Active, &[]);
        assert_eq!((status, after.released_at), (EquipmentStatus::Stopped, None), "{verdict}");
    }
}

proptest! {
    /// Applies verdicts, decisions and manual status changes to several assessments of one machine
    /// in any order: the machine is stopped while any assessment is urgent, and regains its status
    /// after the last.
    #[test]
    fn a_machine_runs_only_when_no_assessment_stands_urgent(
        steps in prop::collection::vec((0..4_usize, 0..3_usize, 0..5_usize), 1..40),
    ) {
        let mut machine = EquipmentStatus::Active;
        let mut all = vec![asked(), asked(), asked()];
        let mut by_hand = EquipmentStatus::Active;
        for (what, which, status) in steps {
            let before = all[which].clone();
            let changed = match what {
                0 => give(&before, Category::Mechanical, [Operational, Urgent][status % 2]),
                1 => give(&before, Category::Electrical, [Operational, Urgent][status % 2]),
                2 => Ok(before.decided(decision([Operational, Urgent][status % 2]), id(9), now())),
                _ => {
                    // An explicit change, which releases the machine when it leads away from
                    // `stopped`.
                    let selected = EquipmentStatus::ALL[status];
                    if machine == selected {
                        continue;
                    }
                    by_hand = selected;
                    if machine == EquipmentStatus::Stopped {
                        for one in all.iter_mut().filter(|one| one.equipment_hold.is_some()) {
                            *one = one.released(Some(id(9)), now());
                        }
                    }
                    machine = by_hand;
                    continue;
                }
            };
            let Ok(changed) = changed else { continue };
            let holding: Vec<_> = all.iter().enumerate()
                .filter(|(n, one)| *n != which && one.equipment_hold.is_some()).map(|(_, one)| one.clone()).collect();
            (all[which], machine) = changed.settled(machine, &holding);
            for one in &all {
                prop_assert_eq!(one.equipment_hold.is_some(), one.is_urgent() && one.released_at.is_none());
                prop_assert!(one.stopped_from.is_none() || one.equipment_hold.is_some());
            }
            if all.iter().any(|one| one.equipment_hold.is_some()) {
                prop_assert_eq!(machine, EquipmentStatus::Stopped);
            } else if by_hand != EquipmentStatus::Stopped {
                prop_assert_eq!(machine, by_hand, "what it was before");
            } else {
                prop_assert_eq!(machine, EquipmentStatus::Stopped, "an admin stopped it");
            }
        }
    }
}

use super::*;
use crate::{
    input::Input,
    testing::{assignment, id, now, user},
};
use proptest::prelude::*;
use serde_json::json;

use Verdict::{Operational, Urgent};

fn asked() -> Assessment {
    Assessment { id: id(1), ..Assessment::of(&assignment(), [id(1), id(2)], now()) }
}

fn reason(verdict: Verdict) -> Option<String> {
    (verdict == Urgent).then(|| "x".repeat(50))
}

fn give(assessment: &Assessment, half: Category, verdict: Verdict) -> Result<Assessment, AssessmentRule> {
    assessment.with_verdict(half, verdict, reason(verdict), now())
}

fn decision(verdict: Verdict) -> AdminDecision {
    AdminDecision::from_json(json!({"decision": verdict, "notes": "looked at it"})).expect("a decision")
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
            assert_eq!((both.status, both.resolved_at), (AssessmentStatus::Completed, Some(now())));
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
            assert_eq!(after.mechanical_verdict, before.mechanical_verdict, "verdicts are unchanged");
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
        let outcome = check(Urgent, given.clone());
        assert_eq!(outcome.as_ref().ok(), is_fine.then_some(&(Urgent, given)), "{outcome:?}");
        if let Err(wrong) = outcome {
            assert_eq!(wrong.fields()[0].field, "urgent_reason");
        }
    }
    let padded = format!("  {}  ", "x".repeat(49));
    assert!(check(Urgent, Some(padded)).is_err(), "surrounding spaces are not counted");
    assert_eq!(check(Operational, letters(60)), Ok((Operational, None)));
}

#[test]
fn an_assessment_is_visible_to_the_permitted_and_decided_by_its_inspectors() {
    for &role in Role::ALL {
        for number in [1, 2, 3] {
            let actor = User { id: id(number), ..user(role) };
            let by_role = matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer);
            assert_eq!(asked().may_be_seen_by(&actor).is_ok(), by_role || number < 3);
            assert_eq!(asked().half_of(&actor).is_ok(), number < 3, "admins give no verdict");
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

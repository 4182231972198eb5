//! Assignments, inspections, assessments, defects, takeovers of the backlog and ratings.

use inspection_domain::{
    ids::{AssignmentId, InspectionId},
    users::User,
};
use inspection_persistence::{assessments, inspections::InspectionDetail};
use inspection_testkit::builders::{
    CRITICAL, NUMERIC, PASS_FAIL, Team, URGENT_REASON, answer_body, answers, checklist, equipment, file,
    generated, input, repair, routine, started, submitted,
};
use serde_json::{Value, json};

use super::{Ledger, effects};

fn inspector(ledger: &Ledger<'_>, name: &str, trade: &str) -> User {
    ledger.user(name, json!({"role": "inspector", "specialization": trade, "shift": "day"}))
}

fn team(ledger: &Ledger<'_>, names: [&str; 2]) -> Team {
    let [mechanical, electrical] = names;
    Team {
        mechanical: inspector(ledger, mechanical, "mechanical"),
        electrical: inspector(ledger, electrical, "electrical"),
    }
}

/// Answers of a draft; those at the indices `failing` fail.
fn answer_rest(ledger: &mut Ledger<'_>, person: &User, sheet: &InspectionDetail, failing: &[usize]) {
    let given = answers(sheet, failing);
    effects!(ledger, person, "all questions", inspections::answer(sheet.inspection.id, given, |_| None));
}

fn submit(ledger: &mut Ledger<'_>, case: &str, person: &User, id: InspectionId) {
    effects!(ledger, person, case, inspections::submit(id));
}

pub(super) fn story(ledger: &mut Ledger<'_>) {
    let admin = ledger.user("admin", json!({"role": "admin"}));
    let specialist = ledger.user("specialist", json!({"role": "specialist", "specialization": "mechanical"}));
    let pair = team(ledger, ["mechanical", "electrical"]);
    let takers = team(ledger, ["taker", "partner"]);
    let others = team(ledger, ["late taker", "late partner"]);
    let (db, context) = (ledger.db, ledger.context.clone());
    let template = checklist(db, &context, &admin);
    routine(db, &context, &admin, template.0.id);
    let (crane, second_crane) = (equipment(db, &context), equipment(db, &context));
    let (_, listed) = generated(db, &context, &admin);
    let of = |id| listed.iter().find(|one| one.equipment_id == id).expect("an assignment").id;
    let (assignment, second) = (of(crane.id), of(second_crane.id));

    let members = |team: &Team| {
        input(json!({
            "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
        }))
    };
    effects!(ledger, &admin, assignments::assign(assignment, &members(&pair)));
    effects!(ledger, &admin, assignments::correct_berth(assignment, input(json!({"berth": "B7"}))));

    // An ad-hoc inspection that is deleted, with its answers.
    let ad_hoc = input(json!({"equipment_id": crane.id}));
    let (sheet, _) = effects!(ledger, &pair.mechanical, "ad hoc", inspections::start(&ad_hoc));
    let first = sheet.items.first().expect("a question").id;
    let mut failed = answer_body(PASS_FAIL, first, true);
    failed["comment"] = json!("The brakes are worn.");
    effects!(ledger, &pair.mechanical, inspections::answer_one(sheet.inspection.id, input(failed)));
    let remark = input(json!({"checklist_item_id": first, "comment": "They are worn down."}));
    effects!(ledger, &pair.mechanical, inspections::answer_dated(sheet.inspection.id, remark));
    let taken = file(db, &context, &pair.mechanical, json!({}));
    let photo = input(json!({"checklist_item_id": first, "photo_file_id": taken.id}));
    effects!(ledger, &pair.mechanical, inspections::add_photos(sheet.inspection.id, photo));
    effects!(ledger, &pair.mechanical, inspections::delete(sheet.inspection.id));

    // An ad-hoc inspection with a defect, reviewed and rated.
    let (sheet, _) = effects!(ledger, &pair.mechanical, "ad hoc again", inspections::start(&ad_hoc));
    answer_rest(ledger, &pair.mechanical, &sheet, &[PASS_FAIL, CRITICAL]);
    submit(ledger, "ad hoc, two defects", &pair.mechanical, sheet.inspection.id);
    let photo =
        file(db, &context, &admin, json!({"related_type": "inspection", "related_id": sheet.inspection.id}));
    let review = input(json!({"notes": "Well seen.", "file_ids": [photo.id]}));
    effects!(ledger, &admin, inspections::review(sheet.inspection.id, review));
    let rating = input(json!({"rating": 4, "comment": "Careful work.", "admin_quality_bonus": 2}));
    effects!(ledger, &admin, ratings::rate(sheet.inspection.id, rating));
    let change = input(json!({"rating": 2, "admin_quality_bonus": 5}));
    effects!(ledger, &admin, ratings::change(sheet.inspection.id, change));

    let defects = db
        .read(|conn| inspection_persistence::defects::list_by_inspection(conn, sheet.inspection.id))
        .expect("defects");
    let [one, two] = defects.as_slice() else { panic!("two defects: {defects:?}") };
    let changes = json!({"severity": "high", "due_date": "2026-03-20", "description": "The lining is worn.", "assigned_to_id": specialist.id});
    effects!(ledger, &admin, defects::update(one.id, input(changes)));
    repair(db, &context, &admin, one.id, &specialist);
    let verdict =
        input(json!({"defect_id": one.id, "verdict": "confirm", "technical_notes": "Replace the lining."}));
    effects!(ledger, &specialist, defect_assessments::assess(verdict));
    effects!(ledger, &admin, jobs::resolve_defect(two.id, input(json!({"resolution_notes": "A new hook."}))));
    effects!(ledger, &admin, defects::reopen(two.id, input(json!({"reason": "It cracked again."}))));
    effects!(
        ledger,
        &admin,
        "reopened",
        jobs::resolve_defect(two.id, input(json!({"resolution_notes": "Another hook."})))
    );
    effects!(ledger, &admin, defects::close(two.id));
    effects!(
        ledger,
        &specialist,
        "own repair",
        jobs::resolve_defect(one.id, input(json!({"resolution_notes": "A new lining."})))
    );

    // A minor defect, and a false alarm.
    let (minor, false_alarm) = {
        let (_, found) = submitted(db, &context, &pair.mechanical, &crane, &[PASS_FAIL, CRITICAL]);
        (found[0].id, found[1].id)
    };
    for (defect, verdict) in [(minor, "minor"), (false_alarm, "reject")] {
        repair(db, &context, &admin, defect, &specialist);
        let given = json!({"defect_id": defect, "verdict": verdict, "technical_notes": "Looked at it."});
        effects!(ledger, &specialist, verdict, defect_assessments::assess(input(given)));
    }

    // Reported without an inspection; the false alarm of another one.
    let seen = file(db, &context, &specialist, json!({}));
    let report = json!({
        "equipment_id": crane.id, "description": "Oil below the gear.", "severity": "critical",
        "photo_file_id": seen.id,
    });
    let reported = effects!(ledger, &specialist, defects::report(input(report)));
    let job = repair(db, &context, &admin, reported.id, &specialist);
    started(db, &context, &specialist, &job);
    let alarm = input(json!({"reason": "It was rain."}));
    effects!(ledger, &admin, jobs::dismiss_defect(reported.id, alarm));

    // Both halves, and an urgent verdict.
    for (case, person) in [("first half", &pair.mechanical), ("second half", &pair.electrical)] {
        let half = input(json!({"assignment_id": assignment}));
        let (sheet, _) = effects!(ledger, person, case, inspections::start(&half));
        answer_rest(ledger, person, &sheet, &[NUMERIC]);
        submit(ledger, case, person, sheet.inspection.id);
    }
    let assessment = db
        .read(|conn| assessments::get_visible_by_assignment(conn, &pair.mechanical, assignment))
        .expect("an assessment");
    let verdict = |verdict: &str| -> Value { json!({"verdict": verdict, "urgent_reason": URGENT_REASON}) };
    effects!(
        ledger,
        &pair.mechanical,
        "operational",
        assessments::give_verdict(assessment.id, input(verdict("operational")))
    );
    effects!(
        ledger,
        &pair.electrical,
        "urgent",
        assessments::give_verdict(assessment.id, input(verdict("urgent")))
    );
    let decision =
        input(json!({"decision": "operational", "notes": "The pressure is fine, the gauge is not."}));
    effects!(ledger, &admin, assessments::decide(assessment.id, decision));

    // The backlog: an inspection is taken over after it wasn't finished.
    effects!(ledger, &admin, "the second machine", assignments::assign(second, &members(&pair)));
    let half = input(json!({"assignment_id": second}));
    effects!(ledger, &pair.mechanical, "late", inspections::start(&half));
    ledger.clock.advance_seconds(2 * 86_400);
    ledger.run_task("check_backlog");
    let with = |partner: &User| input(json!({"partner_id": partner.id, "reason": "We are next to it."}));
    let wanted =
        effects!(ledger, &takers.mechanical, takeovers::request_assignment(second, with(&takers.electrical)));
    let denied = effects!(
        ledger,
        &others.mechanical,
        "another",
        takeovers::request_assignment(second, with(&others.electrical))
    );
    effects!(ledger, &admin, "an inspection", takeovers::deny(denied.id));
    effects!(
        ledger,
        &others.mechanical,
        "again",
        takeovers::request_assignment(second, with(&others.electrical))
    );
    effects!(ledger, &admin, "an inspection", takeovers::approve(wanted.id));
    for (case, person) in
        [("taken, first half", &takers.mechanical), ("taken, second half", &takers.electrical)]
    {
        let (sheet, _) = effects!(ledger, person, case, inspections::start(&half));
        answer_rest(ledger, person, &sheet, &[]);
        submit(ledger, case, person, sheet.inspection.id);
    }

    // Machines that the planners change their minds about.
    let spare = [(); 3].map(|()| equipment(db, &context));
    let (_, listed) = generated(db, &context, &admin);
    let of = |id| listed.iter().find(|one| one.equipment_id == id).expect("an assignment").id;
    let [first, second, third] = spare.each_ref().map(|machine| of(machine.id));
    let batch = |ids: &[AssignmentId]| {
        let mut body: Value = json!({"assignment_ids": ids});
        body["mechanical_inspector_id"] = json!(pair.mechanical.id);
        body["electrical_inspector_id"] = json!(pair.electrical.id);
        input(body)
    };
    effects!(ledger, &admin, "three machines", assignments::assign_batch(&batch(&[first, second, third])));
    effects!(ledger, &admin, "the same again", assignments::assign_batch(&batch(&[first, second, third])));
    effects!(ledger, &admin, "another team", assignments::assign(first, &members(&takers)));
    let (sheet, _) = effects!(
        ledger,
        &pair.mechanical,
        "not for long",
        inspections::start(&input(json!({"assignment_id": second})))
    );
    let answer = answers(&sheet, &[]).into_iter().take(1).collect();
    effects!(ledger, &pair.mechanical, "in vain", inspections::answer(sheet.inspection.id, answer, |_| None));
    effects!(
        ledger,
        &admin,
        "a replaced member",
        inspections::assign(
            second,
            &input(json!({
                "mechanical_inspector_id": takers.mechanical.id, "electrical_inspector_id": pair.electrical.id,
            }))
        )
    );
    effects!(
        ledger,
        &takers.mechanical,
        "begun again",
        inspections::start(&input(json!({"assignment_id": second})))
    );
    effects!(ledger, &admin, inspections::unassign(second));
    effects!(ledger, &admin, inspections::remove(first));
    let machine = spare.last().expect("a machine").id;
    effects!(ledger, &admin, "with an assignment", equipment::registry::decommission(machine));
}

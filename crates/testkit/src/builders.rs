//! Users, machines, checklists and inspections, created by the real units of work.

use std::sync::OnceLock;

use inspection_auth::passwords;
use inspection_domain::{
    assessments::{Assessment, NewVerdict, Verdict},
    assignments::{AssignTeam, Assignment},
    bonus_stars::Bonus,
    checklists::Item,
    daily_lists::InspectionList,
    defects::Defect,
    equipment::{Equipment, NewEquipment},
    files::{FileKind, NewFile, StoredFile, UploadFields},
    ids::{AssessmentId, AssignmentId, DefectId, ItemId, TemplateId},
    input::Input,
    inspections::{Inspection, NewAnswer, NewAnswers, StartInspection},
    jobs::{Job, PlannedTime},
    leaves::Leave,
    outbox::{MOST_ATTEMPTS, OutboxJob, OutboxKind},
    page::PageRequest,
    pauses::Pause,
    quality_reviews::QualityReview,
    users::{NewUser, Password, Role, User},
};
use inspection_persistence::{
    Context, Database, Origin, Result, Tx, assessments, assignments, bonus_stars,
    checklists::{self, Checklist},
    daily_lists, defects, equipment as machines, files,
    inspections::{self, InspectionDetail},
    jobs, leaves, outbox, pauses, quality_reviews,
    routines::{self, RoutineWithTypes},
    users,
};
use serde_json::{Value, json};

/// Password of every user.
pub const PASSWORD: &str = "correct horse battery";

/// Hash of [`PASSWORD`], computed once per process because hashing is slow.
pub fn password_hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| passwords::hash(&Password::new(PASSWORD), [7; 16]).expect("a hash"))
}

/// A command or filter from a valid JSON body.
pub fn input<T: Input>(body: Value) -> T {
    T::from_json(body).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Runs a unit of work as this actor.
pub fn act<T>(
    db: &Database,
    context: &Context,
    actor: &User,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    db.write(context, Origin::default(), |tx| {
        tx.act_as(actor.clone());
        work(tx)
    })
}

/// A number unique in this context, as short text.
pub fn serial(context: &Context) -> String {
    let id = context.ids.unique();
    id.rsplit('-').next().unwrap_or(&id).trim_start_matches('0').to_owned()
}

/// A user of this role with a unique address; inspectors and specialists are mechanical.
pub fn user(db: &Database, context: &Context, role: Role) -> User {
    user_with(db, context, role, |_| {})
}

/// A user as by [`user`], with changes to the body.
pub fn user_with(db: &Database, context: &Context, role: Role, change: impl FnOnce(&mut Value)) -> User {
    let number = serial(context);
    let mut body = json!({
        "email": format!("{role}-{number}@example.com"),
        "password": PASSWORD,
        "full_name": format!("{role} {number}"),
        "role": role,
    });
    if matches!(role, Role::Inspector | Role::Specialist) {
        body["specialization"] = json!("mechanical");
    }
    change(&mut body);
    let new: NewUser = input(body);
    db.write(context, Origin::default(), |tx| users::create(tx, new, password_hash())).expect("a user")
}

/// An active machine of type `crane` with a unique serial number.
pub fn equipment(db: &Database, context: &Context) -> Equipment {
    equipment_with(db, context, |_| {})
}

/// A machine as by [`equipment`], with changes to the body.
pub fn equipment_with(db: &Database, context: &Context, change: impl FnOnce(&mut Value)) -> Equipment {
    let number = serial(context);
    let mut body = json!({
        "name": format!("Crane {number}"),
        "equipment_type": "crane",
        "serial_number": format!("SN-{number}"),
        "location": "North quay",
        "location_ar": "الرصيف الشمالي",
        "berth": "B1",
    });
    change(&mut body);
    let new: NewEquipment = input(body);
    db.write(context, Origin::default(), |tx| machines::registry::create(tx, new)).expect("a machine")
}

/// Index of the question with the answers pass and fail: mechanical, required.
pub const PASS_FAIL: usize = 0;
/// Index of the question with the answers yes and no: electrical, required.
pub const YES_NO: usize = 1;
/// Index of the question that passes with a number from 10 to 20: both trades, required.
pub const NUMERIC: usize = 2;
/// Index of the critical question with the answers pass and fail: both trades, required.
pub const CRITICAL: usize = 3;
/// Index of the question with a text as its answer: both trades, optional.
pub const TEXT: usize = 4;

/// An active checklist for type `crane` with one question of every type, at [`PASS_FAIL`] to
/// [`TEXT`].
pub fn checklist(db: &Database, context: &Context, admin: &User) -> Checklist {
    checklist_with(db, context, admin, |_| {})
}

/// A checklist as by [`checklist`], with changes to the body.
pub fn checklist_with(
    db: &Database,
    context: &Context,
    admin: &User,
    change: impl FnOnce(&mut Value),
) -> Checklist {
    let mut body = json!({
        "name": "Crane check",
        "name_ar": "فحص الرافعة",
        "equipment_type": "crane",
        "version": serial(context),
        "items": [
            {"question_text": "Are the brakes sound?", "question_text_ar": "هل الفرامل سليمة؟",
             "answer_type": "pass_fail", "category": "mechanical"},
            {"question_text": "Do the lights work?", "question_text_ar": "هل تعمل الأضواء؟",
             "answer_type": "yes_no", "category": "electrical"},
            {"question_text": "Oil pressure in bar?", "question_text_ar": "ضغط الزيت بالبار؟",
             "answer_type": "numeric", "pass_fail_rule": {"min": 10, "max": 20}},
            {"question_text": "Is the hook free of cracks?", "question_text_ar": "هل الخطاف خالٍ من الشقوق؟",
             "answer_type": "pass_fail", "critical_failure": true},
            {"question_text": "Anything else?", "question_text_ar": "هل من ملاحظات أخرى؟",
             "answer_type": "text", "is_required": false},
        ],
    });
    change(&mut body);
    act(db, context, admin, |tx| checklists::create(tx, input(body))).expect("a checklist")
}

/// A passing or failing answer to a question of [`checklist`], by its index.
pub fn answer_body(place: usize, item: ItemId, fails: bool) -> Value {
    let value = match (place, fails) {
        (PASS_FAIL | CRITICAL, fails) => json!(if fails { "fail" } else { "pass" }),
        (YES_NO, fails) => json!(if fails { "no" } else { "yes" }),
        (NUMERIC, fails) => json!(if fails { 9.5 } else { 15.0 }),
        (_, fails) => json!(if fails { "worn" } else { "none" }),
    };
    let mut body = json!({"checklist_item_id": item, "answer_value": value});
    if fails {
        body["photo_path"] = json!("photos/1.jpg");
    }
    body
}

/// Answers to all questions of [`checklist`]; those at the indices `failing` fail.
pub fn answers(sheet: &InspectionDetail, failing: &[usize]) -> Vec<NewAnswer> {
    let bodies = sheet.items.iter().map(|item| {
        let place = usize::try_from(item.order_index).expect("a place");
        answer_body(place, item.id, failing.contains(&place))
    });
    let bodies: Vec<Value> = bodies.collect();
    input::<NewAnswers>(json!({ "answers": bodies })).answers.0
}

/// The draft of an inspection.
pub fn draft(db: &Database, context: &Context, inspector: &User, machine: &Equipment) -> InspectionDetail {
    let what: StartInspection = input(json!({"equipment_id": machine.id}));
    act(db, context, inspector, |tx| inspections::start(tx, &what)).expect("a draft").0
}

/// A draft with all answers; those at the indices `failing` fail.
pub fn answered(
    db: &Database,
    context: &Context,
    inspector: &User,
    machine: &Equipment,
    failing: &[usize],
) -> InspectionDetail {
    answer_all(db, context, inspector, draft(db, context, inspector, machine), failing)
}

fn answer_all(
    db: &Database,
    context: &Context,
    inspector: &User,
    sheet: InspectionDetail,
    failing: &[usize],
) -> InspectionDetail {
    let given = answers(&sheet, failing);
    let (answers, _) =
        act(db, context, inspector, |tx| inspections::answer(tx, sheet.inspection.id, given, |_| None))
            .expect("answers");
    InspectionDetail { answers, ..sheet }
}

/// A submitted inspection and its defects, from the answers at the indices `failing`.
pub fn submitted(
    db: &Database,
    context: &Context,
    inspector: &User,
    machine: &Equipment,
    failing: &[usize],
) -> (Inspection, Vec<Defect>) {
    let sheet = answered(db, context, inspector, machine, failing);
    let (inspection, _) =
        act(db, context, inspector, |tx| inspections::submit(tx, sheet.inspection.id)).expect("a submission");
    let found = db.read(|conn| defects::list_by_inspection(conn, inspection.id)).expect("its defects");
    (inspection, found)
}

/// The Monday on which a fixed clock starts.
pub const TODAY: &str = "2026-03-02";

/// Two inspectors of a machine, on the day shift.
#[derive(Debug, Clone)]
pub struct Team {
    /// Inspector of the mechanical half.
    pub mechanical: User,
    /// Inspector of the electrical half.
    pub electrical: User,
}

impl Team {
    /// Both inspectors, the mechanical one first.
    pub fn both(&self) -> [&User; 2] {
        [&self.mechanical, &self.electrical]
    }
}

/// A new team.
pub fn team(db: &Database, context: &Context) -> Team {
    let inspector = |trade: &str| {
        user_with(db, context, Role::Inspector, |body| {
            body["specialization"] = json!(trade);
            body["shift"] = json!("day");
        })
    };
    Team { mechanical: inspector("mechanical"), electrical: inspector("electrical") }
}

/// A routine for machines of type `crane` on the day shift of every day with this checklist, with
/// changes to the body.
pub fn routine_with(
    db: &Database,
    context: &Context,
    admin: &User,
    template: TemplateId,
    change: impl FnOnce(&mut Value),
) -> RoutineWithTypes {
    let mut body = json!({
        "name": "Daily round", "name_ar": "الجولة اليومية", "asset_types": ["crane"], "shift": "day",
        "days_of_week": [0, 1, 2, 3, 4, 5, 6], "template_id": template,
    });
    change(&mut body);
    act(db, context, admin, |tx| routines::create(tx, input(body))).expect("a routine")
}

/// A routine as by [`routine_with`], without changes.
pub fn routine(db: &Database, context: &Context, admin: &User, template: TemplateId) -> RoutineWithTypes {
    routine_with(db, context, admin, template, |_| {})
}

/// The daily list of [`TODAY`], day shift, generated or completed, and its assignments.
pub fn generated(db: &Database, context: &Context, planner: &User) -> (InspectionList, Vec<Assignment>) {
    let new = input(json!({"target_date": TODAY, "shift": "day", "refresh": true}));
    let created = act(db, context, planner, |tx| daily_lists::generate(tx, &new)).expect("a list");
    let on_it = db.read(|conn| daily_lists::assignments_of(conn, &[created.list.id])).expect("assignments");
    (created.list, on_it.into_iter().map(|(assignment, _)| assignment).collect())
}

/// Assigns a team.
pub fn assigned(
    db: &Database,
    context: &Context,
    planner: &User,
    id: AssignmentId,
    team: &Team,
) -> Assignment {
    let members: AssignTeam = input(json!({
        "mechanical_inspector_id": team.mechanical.id, "electrical_inspector_id": team.electrical.id,
    }));
    act(db, context, planner, |tx| assignments::assign(tx, id, &members)).expect("assigned")
}

/// The draft of an inspector's half of an assignment.
pub fn half_draft(db: &Database, context: &Context, inspector: &User, id: AssignmentId) -> InspectionDetail {
    let what: StartInspection = input(json!({"assignment_id": id}));
    act(db, context, inspector, |tx| inspections::start(tx, &what)).expect("a draft").0
}

/// A half with all answers; those at the indices `failing` fail.
pub fn half_answered(
    db: &Database,
    context: &Context,
    inspector: &User,
    id: AssignmentId,
    failing: &[usize],
) -> InspectionDetail {
    answer_all(db, context, inspector, half_draft(db, context, inspector, id), failing)
}

/// A submitted half.
pub fn half_submitted(
    db: &Database,
    context: &Context,
    inspector: &User,
    id: AssignmentId,
    failing: &[usize],
) -> Inspection {
    let sheet = half_answered(db, context, inspector, id, failing);
    act(db, context, inspector, |tx| inspections::submit(tx, sheet.inspection.id)).expect("a submission").0
}

/// The assessment after both halves were submitted without a failed answer.
pub fn assessment(db: &Database, context: &Context, team: &Team, id: AssignmentId) -> Assessment {
    for inspector in team.both() {
        half_submitted(db, context, inspector, id, &[]);
    }
    db.read(|conn| assessments::get_visible_by_assignment(conn, &team.mechanical, id)).expect("an assessment")
}

/// The record of an image with these upload fields, without bytes in the store.
pub fn file(db: &Database, context: &Context, uploader: &User, fields: Value) -> StoredFile {
    file_of(db, context, uploader, FileKind::Jpeg, fields)
}

/// The record of a file of this kind, without bytes in the store.
pub fn file_of(
    db: &Database,
    context: &Context,
    uploader: &User,
    kind: FileKind,
    fields: Value,
) -> StoredFile {
    let purpose = input::<UploadFields>(fields).purpose().expect("a purpose");
    let extension = kind.extension();
    let new = NewFile {
        key: format!("{}/2026/03/02/{:0>32}.{extension}", purpose.category.as_str(), serial(context)),
        client_name: format!("photo.{extension}"),
        kind,
        size: 100,
        sha256: "0".repeat(64),
    };
    act(db, context, uploader, |tx| files::record(tx, vec![new], &purpose)).expect("a file").remove(0)
}

/// A new defect of this machine, from a failed inspection: of its first question that has no
/// unresolved one. If every question has one, the defect is reported without an inspection.
pub fn defect(db: &Database, context: &Context, inspector: &User, machine: &Equipment) -> Defect {
    let filter = input(json!({"equipment_id": machine.id}));
    let known = db
        .read(|conn| defects::list(conn, &filter, context.today(), PageRequest::first(100)))
        .expect("defects")
        .items;
    let start = input(json!({"equipment_id": machine.id}));
    let (sheet, _) = act(db, context, inspector, |tx| inspections::start(tx, &start)).expect("a draft");
    let is_free = |index: &usize| {
        let lineage = sheet.items.get(*index).map(Item::lineage);
        !known.iter().any(|defect| defect.status.is_unresolved() && defect.lineage == lineage)
    };
    if let Some(failing) = [PASS_FAIL, YES_NO, NUMERIC, CRITICAL].into_iter().find(is_free) {
        return submitted(db, context, inspector, machine, &[failing]).1.remove(0);
    }
    let report = json!({"equipment_id": machine.id, "description": "It leaks.", "severity": "medium"});
    act(db, context, inspector, |tx| defects::report(tx, input(report))).expect("a report")
}

/// The repair job of a defect, assigned to a specialist.
pub fn repair(db: &Database, context: &Context, planner: &User, defect: DefectId, specialist: &User) -> Job {
    let new = input(json!({"specialist_id": specialist.id}));
    act(db, context, planner, |tx| jobs::assign_specialist(tx, defect, new)).expect("a repair")
}

/// An engineer's job, created by an admin.
pub fn engineer_job(db: &Database, context: &Context, admin: &User, engineer: &User) -> Job {
    let new = json!({"job_type": "special_task", "title": "Look at the quay", "engineer_id": engineer.id});
    act(db, context, admin, |tx| jobs::create_for_engineer(tx, input(new))).expect("a job")
}

/// A job with a planned time of two hours, entered by its owner.
pub fn planned(db: &Database, context: &Context, owner: &User, job: &Job) -> Job {
    let hours: PlannedTime = input(json!({"planned_time_hours": 2}));
    act(db, context, owner, |tx| jobs::plan(tx, job.kind, job.id, &hours)).expect("planned")
}

/// A job planned and started by its owner.
pub fn started(db: &Database, context: &Context, owner: &User, job: &Job) -> Job {
    planned(db, context, owner, job);
    act(db, context, owner, |tx| jobs::start(tx, job.kind, job.id, input(json!({})))).expect("begun")
}

/// The pause of a running job, requested by its owner and approved by an admin.
pub fn paused(db: &Database, context: &Context, owner: &User, admin: &User, job: &Job) -> Pause {
    let new = input(json!({"reason_category": "parts"}));
    let pause = act(db, context, owner, |tx| pauses::request(tx, job.kind, job.id, new)).expect("requested");
    act(db, context, admin, |tx| pauses::approve(tx, pause.id)).expect("allowed")
}

/// A job planned, started and completed by its owner.
pub fn finished(db: &Database, context: &Context, owner: &User, job: &Job) -> Job {
    started(db, context, owner, job);
    completed(db, context, owner, job)
}

/// A running job completed by its owner.
pub fn completed(db: &Database, context: &Context, owner: &User, job: &Job) -> Job {
    let done = input(json!({"work_notes": "Changed the seal and tried it."}));
    act(db, context, owner, |tx| jobs::complete(tx, job.kind, job.id, done)).expect("finished")
}

/// The latest review of a finished job, and its quality engineer.
pub fn review(db: &Database, admin: &User, job: &Job) -> (QualityReview, User) {
    db.read(|conn| {
        let all = quality_reviews::list(conn, admin, &input(json!({})), PageRequest::first(100))?;
        let review = all.items.into_iter().find(|review| review.job_id == job.id).expect("its review");
        let qe = users::get(conn, review.qe_id)?;
        Ok((review, qe))
    })
    .expect("a review")
}

/// A user's request for leave between two dates.
pub fn leave(db: &Database, context: &Context, person: &User, from: &str, to: &str) -> Leave {
    let new = json!({"leave_type": "annual", "date_from": from, "date_to": to});
    act(db, context, person, |tx| leaves::request(tx, input(new))).expect("requested")
}

/// A leave approved by an admin.
pub fn approved_leave(
    db: &Database,
    context: &Context,
    admin: &User,
    person: &User,
    from: &str,
    to: &str,
) -> Leave {
    let requested = leave(db, context, person, from, to);
    act(db, context, admin, |tx| leaves::approve(tx, requested.id, &input(json!({})))).expect("granted").leave
}

/// Bonus stars requested by a quality engineer.
pub fn bonus_request(db: &Database, context: &Context, qe: &User, recipient: &User, amount: i64) -> Bonus {
    let new = json!({"user_id": recipient.id, "amount": amount, "reason": "Found it before it broke."});
    act(db, context, qe, |tx| bonus_stars::request(tx, input(new))).expect("requested")
}

/// A reason that is long enough for an urgent verdict.
pub const URGENT_REASON: &str = "The hook has a crack as long as a finger, and it is growing by the hour.";

/// Gives an inspector's verdict.
pub fn verdict(
    db: &Database,
    context: &Context,
    inspector: &User,
    id: AssessmentId,
    verdict: Verdict,
) -> Result<Assessment> {
    let given: NewVerdict = input(json!({"verdict": verdict, "urgent_reason": URGENT_REASON}));
    act(db, context, inspector, |tx| assessments::give_verdict(tx, id, given))
}

/// A dead job of the outbox: the translation of a text, failed until no attempt was left. It has
/// its own clock.
pub fn dead_job(db: &Database, admin: &User) -> OutboxJob {
    let (mut context, clock) = crate::context::context();
    context.translates = true;
    let bonus = json!({"user_id": user(db, &context, Role::Engineer).id, "amount": 1, "reason": "Found it."});
    act(db, &context, admin, |tx| bonus_stars::award(tx, input(bonus))).expect("awarded");
    for _ in 0..MOST_ATTEMPTS {
        let taken = act(db, &context, admin, |tx| {
            let taken = outbox::claim(tx, OutboxKind::Translate, "a worker")?;
            if let outbox::OutboxClaim::Jobs(jobs) = &taken {
                outbox::fail(tx, jobs, "the translator is unavailable", None)?;
            }
            Ok(taken)
        });
        assert!(matches!(taken, Ok(outbox::OutboxClaim::Jobs(_))), "{taken:?}");
        clock.advance_seconds(3601);
    }
    let dead = input(json!({"status": "dead"}));
    let found = db.read(|conn| outbox::list(conn, &dead, PageRequest::first(1))).expect("read");
    found.items.into_iter().next().expect("given up")
}

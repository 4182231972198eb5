//! Defects from raising to closing (§6).

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction,
    defects::{Defect, DefectChanges, DefectFilter, DefectStatus, Reopening, Resolution, Severity},
    ids::DefectId,
    notifications::{NotificationPriority, NotificationType},
    rule::Code,
    schema::defects as rows,
    time::Date,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, Result, defects, jobs, users};
use inspection_testkit::{
    builders::{CRITICAL, NUMERIC, PASS_FAIL, YES_NO, act, checklist, equipment, input, submitted, user},
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, code, filter, notifications_to, notified_kinds, refusal, trail};

fn change(db: &Database, context: &Context, actor: &User, id: DefectId, body: Value) -> Result<Defect> {
    let changes: DefectChanges = input(body);
    act(db, context, actor, |tx| defects::update(tx, id, changes))
}

fn resolve(db: &Database, context: &Context, actor: &User, id: DefectId) -> Result<Defect> {
    let resolution: Resolution = input(json!({"resolution_notes": "new brake pads"}));
    act(db, context, actor, |tx| jobs::resolve_defect(tx, id, resolution))
}

fn reopen(db: &Database, context: &Context, actor: &User, id: DefectId) -> Result<Defect> {
    let reopening: Reopening = input(json!({"reason": "it leaks again"}));
    act(db, context, actor, |tx| defects::reopen(tx, id, reopening))
}

fn found(db: &Database, context: &Context, body: Value) -> Vec<DefectId> {
    let filter: DefectFilter = filter(body);
    let page = db.read(|conn| defects::list(conn, &filter, context.today(), ALL)).expect("a list");
    assert_eq!(page.total, i64::try_from(page.items.len()).expect("few"));
    page.items.iter().map(|defect| defect.id).collect()
}

on_both_databases! {
    fn each_filter_finds_its_own(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let [inspector, other] = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        checklist(&db, &context, &admin);
        let [crane, second] = [equipment(&db, &context), equipment(&db, &context)];
        let (_, raised) = submitted(&db, &context, &inspector, &crane, &[PASS_FAIL, YES_NO, NUMERIC, CRITICAL]);
        let [brakes, lights, oil, hook] =
            raised.iter().map(|defect| defect.id).collect::<Vec<_>>().try_into().unwrap();
        let (_, raised) = submitted(&db, &context, &other, &second, &[YES_NO]);
        let far = raised[0].id;
        change(&db, &context, &admin, brakes, json!({"severity": "low", "priority": "high", "category": null}))
            .unwrap();
        change(&db, &context, &admin, oil, json!({"description": "100%_oily \\", "description_ar": "زيت"}))
            .unwrap();
        resolve(&db, &context, &admin, lights).unwrap();
        let assessed = diesel::update(rows::table.find(oil)).set(rows::assessment_status.eq("minor"));
        assert_eq!(query!(db, |c| assessed.execute(c)), 1);

        let found = |body| found(&db, &context, body);
        assert_eq!(found(json!({})), [hook, lights, oil, far, brakes], "by due date, then by number");
        assert_eq!(found(json!({"status": "resolved"})), [lights]);
        assert_eq!(found(json!({"severity": "low"})), [brakes]);
        assert_eq!(found(json!({"severity": "critical"})), [hook]);
        assert_eq!(found(json!({"priority": "high"})), [brakes]);
        assert_eq!(found(json!({"category": "electrical"})), [lights, far]);
        assert_eq!(found(json!({"assessment_status": "minor"})), [oil]);
        assert_eq!(found(json!({"assigned_to_id": other.id})), [far]);
        assert_eq!(found(json!({"equipment_id": crane.id, "status": "open"})), [hook, oil, brakes]);
        assert_eq!(found(json!({"q": "OIL 10"})), [oil]);
        assert_eq!(found(json!({"q": "%oily"})), [oil]);
        assert_eq!(found(json!({"q": "y \\"})), []);
        assert_eq!(found(json!({"q": "والزَّيت"})), [oil], "the Arabic text, too");
        assert_eq!(found(json!({"q": "HOOK"})), [hook]);

        assert_eq!(found(json!({"overdue": true})), []);
        clock.set("2026-03-10T06:59:59Z");
        assert_eq!(found(json!({"overdue": true})), [hook], "a defect due today isn't overdue");
        clock.set("2026-03-10T07:00:00Z");
        assert_eq!(found(json!({"overdue": true})), [hook, oil, far], "a resolved defect is never overdue");
        assert_eq!(found(json!({"overdue": false})), [lights, brakes]);
        assert_eq!(found(json!({"overdue": true, "severity": "medium", "equipment_id": second.id})), [far]);
    }

    fn the_worst_comes_first_among_those_due_on_one_day(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let (_, raised) = submitted(&db, &context, &inspector, &crane, &[PASS_FAIL, YES_NO, NUMERIC, CRITICAL]);
        let [low, high, medium, critical] =
            raised.iter().map(|defect| defect.id).collect::<Vec<_>>().try_into().unwrap();
        let day = "2026-04-01";
        for (id, severity) in [(low, "low"), (high, "high"), (medium, "medium"), (critical, "critical")] {
            let changed =
                change(&db, &context, &admin, id, json!({"severity": severity, "due_date": day})).unwrap();
            assert_eq!(changed.due_date, Date::new(2026, 4, 1).unwrap());
        }
        let (_, raised) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[CRITICAL]);
        let soon = raised[0].id;
        let found = |sort: &str| found(&db, &context, json!({"sort": sort}));
        assert_eq!(found("due_date"), [soon, critical, high, medium, low]);
        assert_eq!(found("-due_date"), [low, medium, high, critical, soon]);
        assert_eq!(found("severity"), [low, medium, high, critical, soon]);
        assert_eq!(found("-severity"), [soon, critical, high, medium, low]);
    }

    fn a_defect_is_closed_and_reopened(db: TestDatabase) {
        let (context, clock) = context();
        let [admin, second] = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let [inspector, stranger, engineer] =
            [Role::Inspector, Role::Specialist, Role::Engineer].map(|role| user(&db, &context, role));
        checklist(&db, &context, &admin);
        let (_, raised) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL]);
        let (raised, id) = (raised[0].clone(), raised[0].id);
        clock.advance_seconds(86_400);

        let changed = change(
            &db,
            &context,
            &engineer,
            id,
            json!({
                "severity": "high", "assigned_to_id": engineer.id, "work_order_id": "WO-1",
            }),
        )
        .unwrap();
        assert_eq!(
            changed,
            Defect {
                severity: Severity::High,
                sla_days: 3,
                due_date: context.today().plus_days(3),
                assigned_to_id: Some(engineer.id),
                work_order_id: Some("WO-1".into()),
                updated_at: context.clock.now(),
                ..raised
            }
        );
        assert_eq!(db.read(|conn| defects::get(conn, id)).unwrap(), changed);
        for (actor, of) in [(&stranger, "a stranger"), (&inspector, "the previous assignee")] {
            assert_eq!(code(resolve(&db, &context, actor, id)), Code::Forbidden, "{of}");
        }
        let act_on =
            |actor: &User, work: fn(&mut inspection_persistence::Tx<'_>, DefectId) -> Result<Defect>| {
                act(&db, &context, actor, |tx| work(tx, id))
            };
        assert_eq!(code(act_on(&admin, defects::close)), Code::InvalidState);
        assert_eq!(code(reopen(&db, &context, &admin, id)), Code::InvalidState);

        let notified = notified_kinds(&db, second.id).len();
        let resolved = resolve(&db, &context, &engineer, id).unwrap();
        assert_eq!(
            (
                resolved.status,
                resolved.resolved_by_id,
                resolved.resolved_at,
                resolved.resolution_notes.as_deref()
            ),
            (DefectStatus::Resolved, Some(engineer.id), Some(context.clock.now()), Some("new brake pads"))
        );
        for admin in [&admin, &second] {
            let kinds = notified_kinds(&db, admin.id);
            assert_eq!((kinds[0], kinds.len()), (NotificationType::DefectResolved, notified + 1));
        }
        assert_eq!(code(resolve(&db, &context, &engineer, id)), Code::InvalidState);
        assert_eq!(code(change(&db, &context, &admin, id, json!({"priority": "low"}))), Code::InvalidState);

        let open = reopen(&db, &context, &admin, id).unwrap();
        assert_eq!(open, Defect { updated_at: context.clock.now(), ..changed });
        resolve(&db, &context, &admin, id).unwrap();
        let closed = act_on(&admin, defects::close).unwrap();
        assert_eq!(closed.status, DefectStatus::Closed);
        assert_eq!(db.read(|conn| defects::get(conn, id)).unwrap(), closed);
        assert_eq!(code(reopen(&db, &context, &admin, id)), Code::InvalidState);

        let lines = trail(&db, &context, json!({"entity_type": "defect", "entity_id": id}));
        let actions: Vec<AuditAction> = lines.iter().rev().map(|line| line.action).collect();
        assert_eq!(
            actions,
            [
                AuditAction::Create,
                AuditAction::Update,
                AuditAction::Resolve,
                AuditAction::Reopen,
                AuditAction::Resolve,
                AuditAction::Close,
            ]
        );
        assert_eq!(lines[2].changes.0["reason"], json!({"old": null, "new": "it leaks again"}));
        assert_eq!(lines[4].changes.0["severity"], json!({"old": "medium", "new": "high"}));
        assert_eq!(code(db.read(|conn| defects::get(conn, DefectId::new(9_999).unwrap()))), Code::NotFound);
    }

    fn a_critical_defect_is_announced_as_urgent(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL, CRITICAL]);
        submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL]);
        let created = notifications_to(&db, inspector.id);
        let priorities: Vec<_> = created.iter().map(|notice| (notice.kind, notice.priority)).collect();
        assert_eq!(priorities, [
            (NotificationType::DefectCreated, NotificationPriority::Warning),
            (NotificationType::DefectCreated, NotificationPriority::Urgent),
        ]);
    }

    fn a_defect_is_assigned_to_active_users_only(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [inspector, gone] = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Specialist)];
        act(&db, &context, &admin, |tx| users::deactivate(tx, gone.id)).unwrap();
        checklist(&db, &context, &admin);
        let (_, raised) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[PASS_FAIL]);
        let id = raised[0].id;
        for wrong in [gone.id.get(), 9_999] {
            let refused = change(&db, &context, &admin, id, json!({"assigned_to_id": wrong}));
            assert_eq!(refusal(refused), (Code::ValidationError, vec!["assigned_to_id".to_owned()]));
        }
        act(&db, &context, &admin, |tx| users::deactivate(tx, inspector.id)).unwrap();
        assert!(change(&db, &context, &admin, id, json!({"priority": "low"})).is_ok(), "the assignee stays");
        assert_eq!(
            change(&db, &context, &admin, id, json!({"assigned_to_id": null})).unwrap().assigned_to_id,
            None
        );
    }
}

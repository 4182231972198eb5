//! Ratings of inspections, and their points (§5).

use inspection_domain::{
    audit::AuditAction,
    ids::{InspectionId, UserId},
    notifications::{Notification, NotificationPriority, NotificationType},
    page::PageRequest,
    points::PointKind,
    ratings::{NewRating, Rating, RatingChanges},
    rule::Code,
    users::{Role, User},
};
use inspection_persistence::{
    Context, Database, Origin, Result, inspections, points,
    ratings::{self, TechnicianRatings},
    users,
};
use inspection_testkit::{
    builders::{YES_NO, act, checklist, draft, equipment, input, submitted, user},
    context::context,
    ledger, on_both_databases,
};
use serde_json::{Value, json};

use crate::{ALL, assessments::notified_of, code, refusal, trail, transactions::rows};

pub(crate) fn rate(
    db: &Database,
    context: &Context,
    admin: &User,
    id: InspectionId,
    body: Value,
) -> Result<Rating> {
    let new: NewRating = input(body);
    act(db, context, admin, |tx| ratings::rate(tx, id, new))
}

pub(crate) fn rerate(
    db: &Database,
    context: &Context,
    admin: &User,
    id: InspectionId,
    body: Value,
) -> Result<Rating> {
    let changes: RatingChanges = input(body);
    act(db, context, admin, |tx| ratings::change(tx, id, changes))
}

/// The bonuses in a person's ledger, newest first, and the points.
fn bonuses(db: &Database, of: &User) -> (Vec<(i64, Option<i64>)>, [i64; 2]) {
    let ledger = db.read(|conn| points::list(conn, of.id, ALL)).expect("a ledger");
    for line in &ledger.items {
        assert_eq!((line.kind, line.role), (PointKind::QualityBonus, Role::Inspector));
        assert_eq!(line.related_type.as_deref(), Some("inspection"));
    }
    let lines = ledger.items.iter().map(|line| (line.amount, line.related_id)).collect();
    let now = db.read(|conn| users::get(conn, of.id)).expect("a user");
    assert_eq!(db.read(ledger::mismatches).expect("a check"), []);
    (lines, [now.total_points, now.inspector_points])
}

fn record(db: &Database, of: UserId, page: PageRequest) -> TechnicianRatings {
    db.read(|conn| ratings::list_by_technician(conn, of, page)).expect("a record")
}

on_both_databases! {
    fn a_rating_is_stored_booked_and_notified_in_both_languages(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let (inspection, _) = submitted(&db, &context, &inspector, &crane, &[YES_NO]);
        clock.advance_seconds(60);
        let body = json!({"rating": 4, "comment": "Thorough.", "admin_quality_bonus": 7});
        let rated = rate(&db, &context, &admin, inspection.id, body).unwrap();
        assert_eq!(
            rated,
            Rating {
                id: rated.id,
                inspection_id: inspection.id,
                technician_id: inspector.id,
                rating: 4,
                comment: Some("Thorough.".into()),
                admin_quality_bonus: 7,
                rated_by_id: admin.id,
                created_at: context.clock.now(),
                updated_at: context.clock.now(),
            }
        );
        assert_eq!(record(&db, inspector.id, ALL).page.items, std::slice::from_ref(&rated));
        assert_eq!(bonuses(&db, &inspector), (vec![(7, Some(inspection.id.get()))], [7, 7]));
        let found = notified_of(&db, NotificationType::InspectionRated, inspection.id.get());
        let [notified] = &found[..] else { panic!("one notification: {found:?}") };
        assert_eq!(
            *notified,
            Notification {
                id: notified.id,
                user_id: inspector.id,
                kind: NotificationType::InspectionRated,
                title: "Inspection rated".into(),
                title_ar: "تم تقييم الفحص".into(),
                message: format!("Your inspection of {} was rated 4 of 5.", crane.name),
                message_ar: format!("تم تقييم فحصك لـ {} بدرجة 4 من 5.", crane.name),
                related_type: Some("inspection".into()),
                related_id: Some(inspection.id.get()),
                priority: NotificationPriority::Info,
                is_persistent: false,
                action_url: Some(format!("/inspections/{}", inspection.id)),
                is_read: false,
                read_at: None,
                created_at: context.clock.now(),
            }
        );
        let lines = trail(&db, &context, json!({"entity_type": "rating", "entity_id": rated.id.get()}));
        let [line] = &lines[..] else { panic!("one line: {lines:?}") };
        assert_eq!((line.action, line.actor_id), (AuditAction::Create, Some(admin.id)));
        assert_eq!(line.changes.0["rating"], json!({"old": null, "new": 4}));
    }

    fn a_refused_rating_changes_nothing(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let open = draft(&db, &context, &inspector, &crane).inspection.id;
        let before = rows(&db);
        let body = || json!({"rating": 5, "admin_quality_bonus": 3});
        assert_eq!(code(rate(&db, &context, &admin, open, body())), Code::InvalidState, "a draft");
        assert_eq!(code(rerate(&db, &context, &admin, open, body())), Code::NotFound);
        let nothing = InspectionId::new(9_999).unwrap();
        assert_eq!(code(rate(&db, &context, &admin, nothing, body())), Code::NotFound);
        assert_eq!(code(rerate(&db, &context, &admin, nothing, body())), Code::NotFound);
        assert_eq!(rows(&db), before);

        let (inspection, _) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        let before = rows(&db);
        assert_eq!(code(rerate(&db, &context, &admin, inspection.id, body())), Code::NotFound, "not rated yet");
        let anonymous = db.write(&context, Origin::default(), |tx| ratings::rate(tx, inspection.id, input(body())));
        assert_eq!(code(anonymous), Code::Forbidden);
        assert_eq!(rows(&db), before);
        let rated = rate(&db, &context, &admin, inspection.id, body()).unwrap();
        let before = rows(&db);
        let again = rate(&db, &context, &admin, inspection.id, json!({"rating": 1, "admin_quality_bonus": 9}));
        assert_eq!(refusal(again), (Code::Duplicate, Vec::new()), "by the rule, not by the constraint");
        assert_eq!(rows(&db), before);
        assert_eq!(record(&db, inspector.id, ALL).page.items, [rated]);
        assert_eq!(bonuses(&db, &inspector).1, [3, 3]);
    }

    fn a_reviewed_inspection_can_be_rated_too(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let (inspection, _) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        act(&db, &context, &admin, |tx| inspections::review(tx, inspection.id, input(json!({})))).unwrap();
        let rated = rate(&db, &context, &admin, inspection.id, json!({"rating": 2})).unwrap();
        assert_eq!((rated.rating, rated.admin_quality_bonus, rated.comment), (2, 0, None));
        assert_eq!(bonuses(&db, &inspector), (vec![], [0, 0]), "nothing of 0 is booked");
    }

    fn the_difference_of_the_bonus_is_booked_and_nothing_else(db: TestDatabase) {
        let (context, clock) = context();
        let [admin, other] = [user(&db, &context, Role::Admin), user(&db, &context, Role::Admin)];
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let (inspection, _) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        let id = inspection.id;
        let first =
            rate(&db, &context, &admin, id, json!({"rating": 3, "comment": "Fair.", "admin_quality_bonus": 4}))
                .unwrap();
        let notified = || notified_of(&db, NotificationType::InspectionRated, id.get()).len();
        let about = Some(id.get());
        let mut expected = vec![(4, about)];
        let mut total = 4;
        for (n, (body, difference)) in [
            (json!({"admin_quality_bonus": 10}), 6),
            (json!({"admin_quality_bonus": 2, "rating": 5}), -8),
            (json!({"rating": 1}), 0),
            (json!({"comment": null}), 0),
            (json!({"admin_quality_bonus": 0}), -2),
            (json!({"admin_quality_bonus": 1, "comment": "Better."}), 1),
        ]
        .into_iter()
        .enumerate()
        {
            clock.advance_seconds(60);
            let changed = rerate(&db, &context, &other, id, body).unwrap();
            total += difference;
            if difference != 0 {
                expected.insert(0, (difference, about));
            }
            assert_eq!(bonuses(&db, &inspector), (expected.clone(), [total, total]));
            assert_eq!((changed.admin_quality_bonus, changed.id), (total, first.id));
            assert_eq!((changed.rated_by_id, changed.created_at), (other.id, first.created_at));
            assert_eq!(changed.updated_at, context.clock.now());
            assert_eq!(notified(), n + 2, "each change is notified");
            assert_eq!(record(&db, inspector.id, ALL).page.items, [changed]);
        }
        let message = notified_of(&db, NotificationType::InspectionRated, id.get()).pop().unwrap().message;
        assert!(message.ends_with("was rated 1 of 5."), "{message}");
        let lines = trail(&db, &context, json!({"entity_type": "rating", "action": "update"}));
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0].changes.0["admin_quality_bonus"], json!({"old": 0, "new": 1}));
        assert_eq!(lines[0].changes.0["comment"], json!({"old": null, "new": "Better."}));
    }

    fn an_unchanged_rating_books_and_notifies_nothing(db: TestDatabase) {
        let (context, clock) = context();
        let admin = user(&db, &context, Role::Admin);
        let inspector = user(&db, &context, Role::Inspector);
        checklist(&db, &context, &admin);
        let (inspection, _) = submitted(&db, &context, &inspector, &equipment(&db, &context), &[]);
        let body = json!({"rating": 3, "comment": "Fair.", "admin_quality_bonus": 4});
        let rated = rate(&db, &context, &admin, inspection.id, body.clone()).unwrap();
        let before = rows(&db);
        clock.advance_seconds(60);
        for same in [body, json!({}), json!({"rating": 3}), json!({"admin_quality_bonus": 4})] {
            assert_eq!(rerate(&db, &context, &admin, inspection.id, same).unwrap(), rated);
            assert_eq!(rows(&db), before);
        }
        assert_eq!(record(&db, inspector.id, ALL).page.items, [rated]);
    }

    fn the_ratings_of_a_technician_are_paged_with_their_mean(db: TestDatabase) {
        let (context, _) = context();
        let admin = user(&db, &context, Role::Admin);
        let [inspector, other] = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        checklist(&db, &context, &admin);
        let crane = equipment(&db, &context);
        let none = record(&db, inspector.id, ALL);
        assert_eq!((none.page.items, none.page.total, none.average), (vec![], 0, None));
        let mut rated: Vec<Rating> = [5, 4, 4, 1, 5]
            .into_iter()
            .map(|rating| {
                let (inspection, _) = submitted(&db, &context, &inspector, &crane, &[]);
                rate(&db, &context, &admin, inspection.id, json!({"rating": rating})).unwrap()
            })
            .collect();
        rated.reverse();
        let (inspection, _) = submitted(&db, &context, &other, &crane, &[]);
        rate(&db, &context, &admin, inspection.id, json!({"rating": 1})).unwrap();
        let whole = record(&db, inspector.id, ALL);
        assert_eq!((&whole.page.items, whole.page.total), (&rated, 5), "newest first");
        assert_eq!(whole.average, Some(3.8));
        for (page, expected) in [(1, &rated[..2]), (2, &rated[2..4]), (3, &rated[4..]), (4, &[])] {
            let part = record(&db, inspector.id, PageRequest::new(page, 2));
            assert_eq!((&part.page.items[..], part.page.total), (expected, 5));
            assert_eq!(part.average, Some(3.8), "of all, whatever the page");
        }
        rerate(&db, &context, &admin, rated[1].inspection_id, json!({"rating": 5})).unwrap();
        assert_eq!(record(&db, inspector.id, ALL).average, Some(4.6));
        assert_eq!(record(&db, other.id, ALL).average, Some(1.0));
        assert_eq!(record(&db, admin.id, ALL).average, None);
        let unknown = UserId::new(9_999).unwrap();
        assert_eq!(code(db.read(|conn| ratings::list_by_technician(conn, unknown, ALL))), Code::NotFound);
    }
}

//! Scheduled tasks, the outbox, translations and offline changes.

use inspection_domain::{
    idempotency::{IdempotencyKey, KeyedRequest},
    outbox::{MOST_ATTEMPTS, OutboxKind},
    sync::{Document, SyncError, SyncItem},
    translations::TranslationRequest,
};
use inspection_persistence::outbox::OutboxClaim;
use inspection_testkit::builders::{checklist, equipment, input, leave, routine};
use serde_json::json;

use super::{Ledger, effects};

pub(super) fn story(ledger: &mut Ledger<'_>) {
    let admin = ledger.user("admin", json!({"role": "admin"}));
    let inspector = ledger
        .user("inspector", json!({"role": "inspector", "specialization": "mechanical", "shift": "day"}));
    let (db, context) = (ledger.db, ledger.context.clone());

    // The outbox and translations.
    let new = json!({"user_id": inspector.id, "amount": 1, "reason": "A clean quay."});
    effects!(ledger, &admin, bonus_stars::award(input(new)));
    let claim = effects!(ledger, &admin, outbox::claim(OutboxKind::Translate, "instance"));
    let OutboxClaim::Jobs(jobs) = claim else { panic!("a claim") };
    effects!(ledger, &admin, outbox::fail(&jobs, "the translator is away", Some(1)));
    ledger.clock.advance_seconds(60);
    effects!(ledger, &admin, "again", outbox::claim(OutboxKind::Translate, "instance"));
    effects!(ledger, &admin, outbox::hand_back("instance"));
    let OutboxClaim::Jobs(jobs) =
        effects!(ledger, &admin, "a third time", outbox::claim(OutboxKind::Translate, "instance"))
    else {
        panic!("a claim")
    };
    let results: Vec<_> = jobs
        .iter()
        .map(|job| {
            let request = TranslationRequest::of_payload(&job.payload).expect("a request");
            (job.clone(), request, "رصيف نظيف".to_owned())
        })
        .collect();
    effects!(ledger, &admin, translations::store(&results));
    effects!(ledger, &admin, "done already", outbox::claim(OutboxKind::Translate, "instance"));
    let new = json!({"user_id": inspector.id, "amount": 2, "reason": "A clean crane."});
    effects!(ledger, &admin, "another", bonus_stars::award(input(new)));
    let mut last = Vec::new();
    for _ in 0..MOST_ATTEMPTS {
        ledger.clock.advance_seconds(7_200);
        let claimed = inspection_testkit::builders::act(db, &ledger.context, &admin, |tx| {
            let claimed = inspection_persistence::outbox::claim(tx, OutboxKind::Translate, "instance")?;
            if let OutboxClaim::Jobs(jobs) = &claimed {
                inspection_persistence::outbox::fail(tx, jobs, "the translator is away", None)?;
            }
            Ok(claimed)
        });
        if let Ok(OutboxClaim::Jobs(jobs)) = claimed {
            last = jobs;
        }
    }
    let dead = last.first().expect("a job").id;
    effects!(ledger, &admin, outbox::retry(dead));
    ledger.clock.advance_seconds(60);
    let OutboxClaim::Jobs(jobs) =
        effects!(ledger, &admin, "a retried job", outbox::claim(OutboxKind::Translate, "instance"))
    else {
        panic!("a claim")
    };
    effects!(ledger, &admin, outbox::complete(&jobs));

    // Points by themselves, as rules award them.
    let award = inspection_persistence::points::Award {
        user_id: inspector.id,
        role: inspection_domain::users::Role::Inspector,
        amount: 3,
        kind: inspection_domain::points::PointKind::Takeover,
        related: None,
    };
    effects!(ledger, &admin, points::award(&award));

    // Offline changes.
    let item = |name: &str| {
        input(json!({
            "client_id": name, "entity_type": "leave_request", "occurred_at": "2026-03-02T07:00:00Z",
            "entity_data": {"leave_type": "annual", "date_from": "2026-04-01", "date_to": "2026-04-02"},
        }))
    };
    let applied = item("00000000-0000-4000-8000-000000000001");
    let applied = SyncItem::applied(applied, inspector.id, 1, Document::default(), context.clock.now());
    effects!(ledger, &inspector, "applied", sync::store(None, applied));
    let error =
        SyncError { code: "DUPLICATE".into(), message: "There is one already.".into(), errors: Vec::new() };
    let (rejected, _) =
        effects!(ledger, &inspector, sync::reject(item("00000000-0000-4000-8000-000000000002"), error));
    effects!(ledger, &inspector, sync::discard(rejected.id));
    let error = SyncError { code: "NOT_FOUND".into(), message: "There is none.".into(), errors: Vec::new() };
    let third = "00000000-0000-4000-8000-000000000003";
    let (waiting, _) = effects!(ledger, &inspector, sync::reject(item(third), error));
    let healed = SyncItem::applied(item(third), inspector.id, 3, Document::default(), waiting.created_at);
    effects!(ledger, &inspector, sync::store(Some(&waiting), healed));

    // Keys of requests leave no traces but their own rows.
    let keyed = |key: &str| KeyedRequest {
        key: IdempotencyKey::parse(key.as_bytes()).expect("a key"),
        operation: "POST /api/leaves".into(),
        fingerprint: String::new(),
    };
    effects!(ledger, &inspector, idempotency::claim(&keyed("carried-out")));
    effects!(ledger, &inspector, idempotency::store(&keyed("carried-out"), 201, "{}"));
    effects!(ledger, &inspector, idempotency::store_afterwards(keyed("refused"), 400, "{}".into()));

    // Scheduled tasks with something to do.
    let template = checklist(db, &context, &admin);
    routine(db, &context, &admin, template.0.id);
    equipment(db, &context);
    ledger.run_task("generate_daily_lists");
    let wanted = leave(db, &ledger.context, &inspector, "2026-03-05", "2026-03-06");
    effects!(ledger, &admin, leaves::approve(wanted.id, &input(json!({}))));
    ledger.clock.set("2026-03-05T07:00:00Z");
    ledger.run_task("activate_starting_leaves");
    ledger.clock.set("2026-03-07T07:00:00Z");
    ledger.run_task("check_expired_leaves");
}

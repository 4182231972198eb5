//! Background translation with a working and a failing translation service (rule §13).

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant as Moment},
};

use inspection_domain::{
    equipment::Equipment,
    outbox::{MOST_ATTEMPTS, OutboxJob, OutboxKind, OutboxStatus},
    page::PageRequest,
    rule::Code,
    text::Language,
    users::{Role, User},
};
use inspection_persistence::{Context, Error, equipment, outbox, translations};
use inspection_scheduler::{Background, BackgroundSettings, outbox::Handler, translations::Translations};
use inspection_testkit::{
    TestDatabase,
    builders::{act, equipment_with, input, user},
    context::{FixedClock, context},
    on_both_databases,
};
use serde_json::json;

use crate::fake_translator::{Behaviour, FakeTranslator, translated};

struct Bench {
    context: Context,
    clock: Arc<FixedClock>,
    admin: User,
    service: FakeTranslator,
}

fn bench(db: &TestDatabase) -> Bench {
    let (mut context, clock) = context();
    context.translates = true;
    let admin = user(db, &context, Role::Admin);
    Bench { context, clock, admin, service: FakeTranslator::start() }
}

impl Bench {
    fn start(&self, db: &TestDatabase) -> Background {
        let translator = Arc::new(self.service.client(Duration::from_millis(700)));
        let translations = Translations::new(db.database.clone(), self.context.clone(), translator);
        let handler: Arc<dyn Handler> = Arc::new(translations);
        let settings = BackgroundSettings {
            database: db.database.clone(),
            context: self.context.clone(),
            instance: self.context.ids.unique(),
            tasks: Vec::new(),
            handlers: [(OutboxKind::Translate, handler)].into(),
            poll_interval: Duration::from_millis(50),
            shutdown_timeout: Duration::from_secs(5),
        };
        Background::start(settings, || {}).expect("started")
    }

    fn machine(&self, db: &TestDatabase, location: &str) -> Equipment {
        equipment_with(db, &self.context, |body| {
            body["location"] = json!(location);
            body["location_ar"] = json!(null);
        })
    }

    fn moved(&self, db: &TestDatabase, machine: &Equipment, location: &str) -> Equipment {
        let change = json!({"location": location});
        act(db, &self.context, &self.admin, |tx| equipment::registry::update(tx, machine.id, input(change)))
            .expect("moved")
    }
}

fn jobs(db: &TestDatabase) -> Vec<OutboxJob> {
    db.read(|conn| outbox::list(conn, &input(json!({})), PageRequest::first(100))).expect("read").items
}

fn shown(db: &TestDatabase, machine: &Equipment, language: Language) -> String {
    let mut machine = machine.clone();
    db.read(|conn| translations::show(conn, language, &mut machine)).expect("read");
    machine.location.expect("a location")
}

/// Waits until a condition holds.
fn soon(expectation: &str, holds: impl Fn() -> bool) {
    let begun = Moment::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{expectation}");
        thread::sleep(Duration::from_millis(10));
    }
}

on_both_databases! {
    fn texts_are_shown_in_the_language_of_the_reader_and_a_change_invalidates_the_translation(db: TestDatabase) {
        let bench = bench(&db);
        let english = bench.machine(&db, "Quay three, north end");
        let arabic = bench.machine(&db, "الرصيف الشمالي قرب المخزن");
        let own = equipment_with(&db, &bench.context, |body| {
            body["location"] = json!("By the gate");
            body["location_ar"] = json!("عند البوابة");
        });
        let numbers = bench.machine(&db, "12.5 / 13");
        assert_eq!(jobs(&db).len(), 2, "neither texts with an Arabic version nor numbers");
        assert_eq!(shown(&db, &english, Language::Ar), "Quay three, north end", "the original until the translation exists");
        let background = bench.start(&db);
        soon("all jobs are done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &english, Language::Ar), translated("Quay three, north end", "Arabic"));
        assert_eq!(shown(&db, &english, Language::En), "Quay three, north end");
        assert_eq!(shown(&db, &arabic, Language::En), translated("الرصيف الشمالي قرب المخزن", "English"));
        assert_eq!(shown(&db, &arabic, Language::Ar), "الرصيف الشمالي قرب المخزن");
        assert_eq!(shown(&db, &own, Language::Ar), "By the gate", "the entity chooses between written versions");
        assert_eq!(shown(&db, &numbers, Language::Ar), "12.5 / 13");
        assert!(bench.service.keys().iter().all(|key| key == "Bearer a key"));

        bench.service.set(Behaviour::Status(500, None));
        let moved = bench.moved(&db, &english, "Quay four");
        assert_eq!(shown(&db, &moved, Language::Ar), "Quay four", "not the translation of another text");
        soon("the job has failed", || jobs(&db).iter().any(|job| job.error.is_some()));
        bench.service.set(Behaviour::Correct);
        bench.clock.advance_seconds(3600);
        soon("the job is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &moved, Language::Ar), translated("Quay four", "Arabic"));
        // A translation that a reader sends back is no new text.
        let back = bench.moved(&db, &moved, &translated("Quay four", "Arabic"));
        assert_eq!(back.location, moved.location);
        assert!(jobs(&db).is_empty());
        background.stop();
        // The translation of a text that has changed is a new text.
        let moved = bench.moved(&db, &back, "Quay five");
        let new = bench.moved(&db, &moved, &translated("Quay four", "Arabic"));
        assert_eq!(new.location, Some(translated("Quay four", "Arabic")));
    }

    fn texts_are_sent_in_one_request_and_each_text_is_sent_once(db: TestDatabase) {
        let bench = bench(&db);
        for number in 0..12 {
            bench.machine(&db, &format!("Bollard {}", ["one", "two", "three"][number % 3]));
        }
        let background = bench.start(&db);
        soon("all jobs are done", || jobs(&db).is_empty());
        assert_eq!(bench.service.requests(), [["Bollard one", "Bollard two", "Bollard three"]]);
        let again = bench.machine(&db, "Bollard two");
        soon("the job is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &again, Language::Ar), translated("Bollard two", "Arabic"));
        assert_eq!(bench.service.requests().len(), 1, "from the stored translation");
        background.stop();
    }

    fn a_job_is_retried_until_it_is_given_up_and_an_admin_can_retry_it(db: TestDatabase) {
        let bench = bench(&db);
        let background = bench.start(&db);
        let behaviours = [
            Behaviour::Status(500, None), Behaviour::Incomplete, Behaviour::Malformed, Behaviour::HangsUp, Behaviour::Status(401, None),
            Behaviour::Slow(Duration::from_millis(900)),
        ];
        bench.service.set(behaviours[0].clone());
        let machine = bench.machine(&db, "Quay three");
        for attempt in 1..=MOST_ATTEMPTS {
            soon("the job has failed again", || {
                jobs(&db).first().is_some_and(|job| job.attempts == attempt && job.status != OutboxStatus::Running)
            });
            let [job] = jobs(&db).try_into().expect("one");
            assert!(job.error.is_some() && job.worker.is_none(), "{job:?}");
            assert_eq!(job.status == OutboxStatus::Dead, attempt == MOST_ATTEMPTS);
            let next = usize::try_from(attempt).expect("few") % behaviours.len();
            bench.service.set(behaviours[next].clone());
            bench.clock.advance_seconds(3601);
        }
        let [dead]: [OutboxJob; 1] = jobs(&db).try_into().expect("one");
        assert_eq!(shown(&db, &machine, Language::Ar), "Quay three");
        bench.service.set(Behaviour::Correct);
        act(&db, &bench.context, &bench.admin, |tx| outbox::retry(tx, dead.id)).expect("retried");
        soon("the job is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &machine, Language::Ar), translated("Quay three", "Arabic"));
        let gone = act(&db, &bench.context, &bench.admin, |tx| outbox::retry(tx, dead.id));
        assert!(matches!(gone, Err(Error::Rule(rule)) if rule.code() == Code::NotFound));
        background.stop();
    }

    fn retry_after_delays_all_texts(db: TestDatabase) {
        let bench = bench(&db);
        bench.service.set(Behaviour::Status(429, Some(60)));
        let first = bench.machine(&db, "Quay three");
        let background = bench.start(&db);
        soon("the service has requested a delay", || jobs(&db).first().is_some_and(|job| job.error.is_some()));
        let [job]: [OutboxJob; 1] = jobs(&db).try_into().expect("one");
        assert!(job.run_at >= bench.context.clock.now().plus_seconds(60));
        bench.service.set(Behaviour::Correct);
        bench.machine(&db, "Quay four");
        // Nothing to wait for: the absence of a request, over several polls of the worker.
        thread::sleep(Duration::from_millis(300));
        assert_eq!(bench.service.requests().len(), 1, "no other text is sent meanwhile");
        background.stop();
        // Another process relies on the due time of the job.
        bench.clock.advance_seconds(61);
        let background = bench.start(&db);
        soon("all jobs are done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &first, Language::Ar), translated("Quay three", "Arabic"));
        background.stop();
    }

    fn a_refused_text_does_not_affect_the_others(db: TestDatabase) {
        let bench = bench(&db);
        bench.service.set(Behaviour::RefusesWord("blood"));
        let machines = ["Quay three", "By the blood bank", "Quay four"].map(|location| bench.machine(&db, location));
        let background = bench.start(&db);
        soon("the other jobs are done", || jobs(&db).len() == 1 && jobs(&db)[0].error.is_some());
        let ar = machines.each_ref().map(|machine| shown(&db, machine, Language::Ar));
        assert_eq!(ar[0], translated("Quay three", "Arabic"));
        assert_eq!(ar[1], "By the blood bank");
        assert_eq!(ar[2], translated("Quay four", "Arabic"));
        background.stop();
    }

    fn a_job_that_cannot_be_read_fails(db: TestDatabase) {
        let bench = bench(&db);
        bench.machine(&db, "Quay three");
        let claimed = act(&db, &bench.context, &bench.admin, |tx| outbox::claim(tx, OutboxKind::Translate, "one"));
        let Ok(outbox::OutboxClaim::Jobs(mut claimed)) = claimed else { panic!("{claimed:?}") };
        claimed[0].payload = "{}".into();
        let translator = Arc::new(bench.service.client(Duration::from_millis(700)));
        let translations = Translations::new(db.database.clone(), bench.context.clone(), translator);
        tokio::runtime::Runtime::new().expect("a runtime").block_on(translations.handle(claimed));
        assert_eq!(jobs(&db)[0].error.as_deref(), Some("the job can't be read"));
        assert!(bench.service.requests().is_empty());
    }

    fn a_stop_hands_jobs_back_and_an_earlier_job_does_not_overwrite_a_later_one(db: TestDatabase) {
        let bench = bench(&db);
        bench.service.set(Behaviour::Slow(Duration::from_millis(400)));
        let machine = bench.machine(&db, "Quay three");
        let background = bench.start(&db);
        soon("the job is running", || jobs(&db).first().is_some_and(|job| job.status == OutboxStatus::Running));
        let moved = bench.moved(&db, &machine, "Quay four");
        background.stop();
        // Running jobs are finished; claimed jobs that had not begun are pending again.
        assert!(jobs(&db).iter().all(|job| job.status == OutboxStatus::Pending && job.attempts == 0));
        let again = bench.moved(&db, &machine, "Quay five");
        let taken = act(&db, &bench.context, &bench.admin, |tx| outbox::claim(tx, OutboxKind::Translate, "one"));
        let Ok(outbox::OutboxClaim::Jobs(taken)) = taken else { panic!("{taken:?}") };
        let translations: Vec<_> = taken
            .iter()
            .rev()
            .map(|job| {
                let request = inspection_domain::translations::TranslationRequest::of_payload(&job.payload).expect("a request");
                let text = translated(&request.text, "Arabic");
                (job.clone(), request, text)
            })
            .collect();
        for one in &translations {
            act(&db, &bench.context, &bench.admin, |tx| translations::store(tx, std::slice::from_ref(one))).expect("stored");
        }
        assert_eq!(shown(&db, &again, Language::Ar), translated("Quay five", "Arabic"));
        assert_eq!(shown(&db, &moved, Language::Ar), "Quay four", "the text has changed");
        // A worker without its lease cannot write.
        let late = act(&db, &bench.context, &bench.admin, |tx| translations::store(tx, &translations));
        assert!(matches!(late, Err(Error::Rule(rule)) if rule.code() == Code::Conflict));
    }
}

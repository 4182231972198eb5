//! Texts come out in the other language, whatever the translator does (rule book §13).

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
use inspection_scheduler::{Background, Parts, outbox::Handler, translations::Translations};
use inspection_testkit::{
    TestDatabase,
    builders::{act, equipment_with, input, user},
    context::{FixedClock, context},
    on_both_databases,
};
use serde_json::json;

use crate::stand_in::{Mood, StandIn, translated};

struct Bench {
    context: Context,
    clock: Arc<FixedClock>,
    admin: User,
    stand_in: StandIn,
}

fn bench(db: &TestDatabase) -> Bench {
    let (mut context, clock) = context();
    context.translates = true;
    let admin = user(db, &context, Role::Admin);
    Bench { context, clock, admin, stand_in: StandIn::start() }
}

impl Bench {
    fn start(&self, db: &TestDatabase) -> Background {
        let translator = Arc::new(self.stand_in.client(Duration::from_millis(700)));
        let translations = Translations::new(db.database.clone(), self.context.clone(), translator);
        let handler: Arc<dyn Handler> = Arc::new(translations);
        let parts = Parts {
            database: db.database.clone(),
            context: self.context.clone(),
            instance: self.context.ids.unique(),
            tasks: Vec::new(),
            handlers: [(OutboxKind::Translate, handler)].into(),
            look: Duration::from_millis(50),
            patience: Duration::from_secs(5),
        };
        Background::start(parts, || {}).expect("started")
    }

    fn machine(&self, db: &TestDatabase, location: &str) -> Equipment {
        equipment_with(db, &self.context, |body| {
            body["location"] = json!(location);
            body["location_ar"] = json!(null);
        })
    }

    fn moved(&self, db: &TestDatabase, machine: &Equipment, location: &str) -> Equipment {
        let change = json!({"location": location});
        act(db, &self.context, &self.admin, |tx| equipment::update(tx, machine.id, input(change)))
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

/// Waits until it is so.
fn soon(what: &str, is_so: impl Fn() -> bool) {
    let begun = Moment::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

on_both_databases! {
    fn texts_are_shown_in_the_language_of_the_reader_and_a_change_retires_the_old_translation(db: TestDatabase) {
        let bench = bench(&db);
        let english = bench.machine(&db, "Quay three, north end");
        let arabic = bench.machine(&db, "الرصيف الشمالي قرب المخزن");
        let own = equipment_with(&db, &bench.context, |body| {
            body["location"] = json!("By the gate");
            body["location_ar"] = json!("عند البوابة");
        });
        let numbers = bench.machine(&db, "12.5 / 13");
        assert_eq!(jobs(&db).len(), 2, "neither what somebody has written nor numbers");
        assert_eq!(shown(&db, &english, Language::Ar), "Quay three, north end", "the original until there is one");
        let background = bench.start(&db);
        soon("all are done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &english, Language::Ar), translated("Quay three, north end", "Arabic"));
        assert_eq!(shown(&db, &english, Language::En), "Quay three, north end");
        assert_eq!(shown(&db, &arabic, Language::En), translated("الرصيف الشمالي قرب المخزن", "English"));
        assert_eq!(shown(&db, &arabic, Language::Ar), "الرصيف الشمالي قرب المخزن");
        assert_eq!(shown(&db, &own, Language::Ar), "By the gate", "what somebody has written is chosen elsewhere");
        assert_eq!(shown(&db, &numbers, Language::Ar), "12.5 / 13");
        assert!(bench.stand_in.keys().iter().all(|key| key == "Bearer a key"));

        bench.stand_in.becomes(Mood::Status(500, None));
        let moved = bench.moved(&db, &english, "Quay four");
        assert_eq!(shown(&db, &moved, Language::Ar), "Quay four", "not the translation of another text");
        soon("it has failed", || jobs(&db).iter().any(|job| job.error.is_some()));
        bench.stand_in.becomes(Mood::Good);
        bench.clock.advance_seconds(3600);
        soon("it is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &moved, Language::Ar), translated("Quay four", "Arabic"));
        // What a reader has seen and sends back is not taken for a new text.
        let back = bench.moved(&db, &moved, &translated("Quay four", "Arabic"));
        assert_eq!(back.location, moved.location);
        assert!(jobs(&db).is_empty());
        background.stop();
    }

    fn texts_are_sent_together_and_one_that_was_translated_before_is_not_sent_again(db: TestDatabase) {
        let bench = bench(&db);
        for number in 0..12 {
            bench.machine(&db, &format!("Bollard {}", ["one", "two", "three"][number % 3]));
        }
        let background = bench.start(&db);
        soon("all are done", || jobs(&db).is_empty());
        assert_eq!(bench.stand_in.asked(), [["Bollard one", "Bollard two", "Bollard three"]]);
        let again = bench.machine(&db, "Bollard two");
        soon("it is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &again, Language::Ar), translated("Bollard two", "Arabic"));
        assert_eq!(bench.stand_in.asked().len(), 1, "from what is kept");
        background.stop();
    }

    fn a_translator_that_is_out_of_order_is_tried_again_until_it_is_given_up_and_an_admin_can_have_it_tried_again(db: TestDatabase) {
        let bench = bench(&db);
        let background = bench.start(&db);
        let moods = [
            Mood::Status(500, None), Mood::Short, Mood::Garbage, Mood::Rude, Mood::Status(401, None),
            Mood::Slow(Duration::from_millis(900)),
        ];
        bench.stand_in.becomes(moods[0].clone());
        let machine = bench.machine(&db, "Quay three");
        for attempt in 1..=MOST_ATTEMPTS {
            soon("it has failed once more", || {
                jobs(&db).first().is_some_and(|job| job.attempts == attempt && job.status != OutboxStatus::Running)
            });
            let [job] = jobs(&db).try_into().expect("one");
            assert!(job.error.is_some() && job.worker.is_none(), "{job:?}");
            assert_eq!(job.status == OutboxStatus::Dead, attempt == MOST_ATTEMPTS);
            let mood = usize::try_from(attempt).expect("few") % moods.len();
            bench.stand_in.becomes(moods[mood].clone());
            bench.clock.advance_seconds(3601);
        }
        let [dead]: [OutboxJob; 1] = jobs(&db).try_into().expect("one");
        assert_eq!(shown(&db, &machine, Language::Ar), "Quay three");
        bench.stand_in.becomes(Mood::Good);
        act(&db, &bench.context, &bench.admin, |tx| outbox::retry(tx, dead.id)).expect("tried again");
        soon("it is done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &machine, Language::Ar), translated("Quay three", "Arabic"));
        let gone = act(&db, &bench.context, &bench.admin, |tx| outbox::retry(tx, dead.id));
        assert!(matches!(gone, Err(Error::Rule(rule)) if rule.code() == Code::NotFound));
        background.stop();
    }

    fn a_translator_that_asks_to_wait_is_left_alone_for_so_long(db: TestDatabase) {
        let bench = bench(&db);
        bench.stand_in.becomes(Mood::Status(429, Some(60)));
        let first = bench.machine(&db, "Quay three");
        let background = bench.start(&db);
        soon("it was told to wait", || jobs(&db).first().is_some_and(|job| job.error.is_some()));
        let [job]: [OutboxJob; 1] = jobs(&db).try_into().expect("one");
        assert!(job.run_at >= bench.context.clock.now().plus_seconds(60));
        bench.stand_in.becomes(Mood::Good);
        bench.machine(&db, "Quay four");
        thread::sleep(Duration::from_millis(300));
        assert_eq!(bench.stand_in.asked().len(), 1, "nor is anything else sent meanwhile");
        background.stop();
        // Another process knows nothing of that, but the job does.
        bench.clock.advance_seconds(61);
        let background = bench.start(&db);
        soon("all are done", || jobs(&db).is_empty());
        assert_eq!(shown(&db, &first, Language::Ar), translated("Quay three", "Arabic"));
        background.stop();
    }

    fn one_text_that_is_refused_does_not_spoil_the_others(db: TestDatabase) {
        let bench = bench(&db);
        bench.stand_in.becomes(Mood::Squeamish("blood"));
        let machines = ["Quay three", "By the blood bank", "Quay four"].map(|place| bench.machine(&db, place));
        let background = bench.start(&db);
        soon("the others are done", || jobs(&db).len() == 1 && jobs(&db)[0].error.is_some());
        let ar = machines.each_ref().map(|machine| shown(&db, machine, Language::Ar));
        assert_eq!(ar[0], translated("Quay three", "Arabic"));
        assert_eq!(ar[1], "By the blood bank");
        assert_eq!(ar[2], translated("Quay four", "Arabic"));
        background.stop();
    }

    fn a_stop_hands_work_back_and_an_earlier_job_does_not_overwrite_a_later_one(db: TestDatabase) {
        let bench = bench(&db);
        bench.stand_in.becomes(Mood::Slow(Duration::from_millis(400)));
        let machine = bench.machine(&db, "Quay three");
        let background = bench.start(&db);
        soon("it is under way", || jobs(&db).first().is_some_and(|job| job.status == OutboxStatus::Running));
        let moved = bench.moved(&db, &machine, "Quay four");
        background.stop();
        // What was under way is finished; what wasn't begun waits as if it hadn't been taken.
        assert!(jobs(&db).iter().all(|job| job.status == OutboxStatus::Pending && job.attempts == 0));
        let again = bench.moved(&db, &machine, "Quay five");
        let taken = act(&db, &bench.context, &bench.admin, |tx| outbox::take(tx, OutboxKind::Translate, "one"));
        let Ok(outbox::Found::Jobs(taken)) = taken else { panic!("{taken:?}") };
        let made: Vec<_> = taken
            .iter()
            .rev()
            .map(|job| {
                let wanted = inspection_domain::translations::TranslationRequest::of_payload(&job.payload).expect("wanted");
                let text = translated(&wanted.text, "Arabic");
                (job.clone(), wanted, text)
            })
            .collect();
        for one in &made {
            act(&db, &bench.context, &bench.admin, |tx| translations::keep(tx, std::slice::from_ref(one))).expect("kept");
        }
        assert_eq!(shown(&db, &again, Language::Ar), translated("Quay five", "Arabic"));
        assert_eq!(shown(&db, &moved, Language::Ar), "Quay four", "that text is gone");
        // A worker that comes too late changes nothing.
        let late = act(&db, &bench.context, &bench.admin, |tx| translations::keep(tx, &made));
        assert!(matches!(late, Err(Error::Rule(rule)) if rule.code() == Code::Conflict));
    }
}

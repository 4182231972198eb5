//! Requests at the same instant: one outcome, and never an error of the service.

use std::sync::Barrier;

use inspection_domain::users::Role;
use inspection_testkit::{
    builders,
    clients::{Answer, Client},
};
use serde_json::json;

use crate::site::on_both;

/// Sends one request for each client, all at once.
pub(crate) fn at_once(clients: &[Client], send: impl Fn(usize, &Client) -> Answer + Sync) -> Vec<Answer> {
    let gate = Barrier::new(clients.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(n, client)| {
                let (gate, send) = (&gate, &send);
                scope.spawn(move || {
                    gate.wait();
                    send(n, client)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

const ROUNDS: usize = 8;

on_both! {
    fn of_several_submits_one_wins_and_there_is_one_set_of_defects(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        builders::checklist(&site.db, &site.context, &admin);
        for _ in 0..ROUNDS {
            let machine = builders::equipment(&site.db, &site.context);
            let sheet = builders::answered(&site.db, &site.context, &inspector, &machine, &[0, 3]);
            let clients = [&inspector, &inspector, &admin].map(|user| site.client(user));
            let path = format!("/api/inspections/{}/submit", sheet.inspection.id);
            let answers = at_once(&clients, |_, client| client.post(&path, &json!({})));
            assert_eq!(statuses(&answers), [200, 400, 400], "{answers:?}");
            for answer in answers.iter().filter(|answer| answer.status == 400) {
                assert_eq!(answer.code(), "INVALID_STATE");
            }
            let found = site.client(&admin).get(&format!("/api/defects?equipment_id={}", machine.id));
            assert_eq!(found.json["pagination"]["total"], 2);
        }
    }

    fn new_people_get_badges_of_their_own(site: TestSite) {
        let admin = site.as_a(Role::Admin);
        let clients = vec![admin; 6];
        for round in 0..3 {
            let answers = at_once(&clients, |n, client| client.post("/api/users", &json!({
                "email": format!("r{round}n{n}@example.com"), "password": builders::PASSWORD,
                "full_name": "New", "role": "engineer",
            })));
            assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
            let mut badges: Vec<_> = answers.iter().map(|answer| answer.data()["role_id"].to_string()).collect();
            badges.sort();
            badges.dedup();
            assert_eq!(badges.len(), clients.len());
            let answers = at_once(&clients, |n, client| client.post("/api/users", &json!({
                "email": format!("r{round}x{n}@example.com"), "password": builders::PASSWORD,
                "full_name": "New", "role": "engineer", "role_id": format!("ENG-R{round}"),
            })));
            assert_eq!(statuses(&answers), [201, 400, 400, 400, 400, 400]);
            assert!(answers.iter().filter(|a| a.status == 400).all(|a| a.code() == "DUPLICATE" && a.fields() == ["role_id"]));
        }
    }

    fn a_question_has_one_answer_and_a_machine_one_draft(site: TestSite) {
        let (admin, inspector) = (site.user(Role::Admin), site.user(Role::Inspector));
        let (_, items) = builders::checklist(&site.db, &site.context, &admin);
        let clients = vec![site.client(&inspector); 4];
        for _ in 0..ROUNDS {
            let machine = builders::equipment(&site.db, &site.context);
            let start = json!({"equipment_id": machine.id});
            let answers = at_once(&clients, |_, client| client.post("/api/inspections/start", &start));
            assert_eq!(statuses(&answers), [200, 200, 200, 201], "{answers:?}");
            let draft = answers[0].id();
            assert!(answers.iter().all(|answer| answer.id() == draft));
            let path = format!("/api/inspections/{draft}/answer");
            let answers = at_once(&clients, |n, client| client.post(&path, &json!({
                "checklist_item_id": items[0].id, "answer_value": if n % 2 == 0 { "pass" } else { "fail" },
            })));
            assert_eq!(statuses(&answers), [200; 4], "{answers:?}");
            let sheet = clients[0].get(&format!("/api/inspections/{draft}"));
            assert_eq!(sheet.data()["answers"].as_array().map(Vec::len), Some(1));
        }
    }

    fn the_last_two_admins_cannot_deactivate_each_other(site: TestSite) {
        // A keeper is there between the rounds, and goes at the start of each.
        let mut keeper: Option<inspection_domain::users::User> = None;
        for _ in 0..ROUNDS {
            let (one, other) = (site.user(Role::Admin), site.user(Role::Admin));
            if let Some(keeper) = keeper.take() {
                assert_eq!(site.client(&one).delete(&format!("/api/users/{}", keeper.id)).status, 200);
            }
            let clients = [site.client(&one), site.client(&other)];
            let targets = [other.id, one.id];
            let answers = at_once(&clients, |n, client| client.delete(&format!("/api/users/{}", targets[n])));
            assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1, "{answers:?}");
            let refused = answers.iter().find(|answer| answer.status != 200).expect("one is refused");
            assert!(matches!(refused.code(), "RULE_VIOLATION" | "ACCOUNT_DISABLED"), "{refused:?}");
            keeper = Some(if answers[0].status == 200 { one } else { other });
        }
    }
}

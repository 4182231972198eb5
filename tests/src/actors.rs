//! People who act over HTTP, alone and at the same time.

use std::sync::Barrier;

use inspection_domain::users::User;
use inspection_testkit::clients::{Client, Response};
use serde_json::{Value, json};

use crate::site::TestSite;

/// A person of the story. They sign in anew whenever they act, since days go by.
pub(crate) struct Actor {
    pub(crate) user: User,
}

impl Actor {
    pub(crate) fn client(&self, site: &TestSite) -> Client {
        site.client(&self.user)
    }

    pub(crate) fn post(&self, site: &TestSite, path: &str, body: Value) -> Value {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text);
        answer.json["data"].clone()
    }

    pub(crate) fn refused(&self, site: &TestSite, path: &str, body: Value) -> (u16, String) {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status >= 400, "{path}: {} {}", answer.status, answer.text);
        (answer.status, answer.code().to_owned())
    }

    /// The types of what they have been told since they last looked, the oldest first.
    pub(crate) fn told(&self, site: &TestSite) -> Vec<String> {
        let client = self.client(site);
        let unread = client.get("/api/notifications?unread_only=true&per_page=100");
        let mut types: Vec<String> = unread
            .data()
            .as_array()
            .expect("notifications")
            .iter()
            .map(|told| {
                assert!(!told["message"].as_str().expect("a text").contains('{'), "{told}");
                assert!(!told["message_ar"].as_str().unwrap_or_default().contains('{'), "{told}");
                told["type"].as_str().expect("a type").to_owned()
            })
            .collect();
        types.reverse();
        client.post("/api/notifications/read-all", &json!({})).data();
        types
    }

    pub(crate) fn points(&self, site: &TestSite) -> i64 {
        self.client(site).get("/api/auth/me").json["user"]["total_points"].as_i64().expect("points")
    }
}

pub(crate) fn ok(client: &Client, path: &str, body: Value) -> Value {
    let answer = client.post(path, &body);
    assert!(answer.status < 300, "{path}: {}", answer.text);
    answer.data().clone()
}

pub(crate) fn refused(client: &Client, path: &str, body: Value) -> (u16, String) {
    let answer = client.post(path, &body);
    (answer.status, answer.code().to_owned())
}

pub(crate) fn me(client: &Client) -> Value {
    client.get("/api/auth/me").json["user"].clone()
}

pub(crate) fn notification_types(client: &Client) -> Vec<String> {
    let inbox = client.get("/api/notifications?per_page=100");
    let kind = |told: &Value| told["type"].as_str().expect("a type").to_owned();
    inbox.json["data"].as_array().expect("a list").iter().map(kind).collect()
}

/// Sends one request for each client, all at once.
pub(crate) fn at_once(clients: &[Client], send: impl Fn(usize, &Client) -> Response + Sync) -> Vec<Response> {
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

/// The statuses of answers, sorted.
pub(crate) fn sorted_statuses(answers: &[Response]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

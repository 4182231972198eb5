//! Users who act over HTTP, alone and concurrently.

use std::sync::Barrier;

use inspection_domain::users::User;
use inspection_testkit::clients::{Client, Response};
use serde_json::{Value, json};

use crate::site::TestSite;

/// A user who signs in for every request, since access tokens expire during a journey, and who
/// changes resources only in the version read before.
pub(crate) struct Actor {
    pub(crate) user: User,
}

impl Actor {
    pub(crate) fn client(&self, site: &TestSite) -> Client {
        site.client(&self.user).careful()
    }

    /// The data of a successful POST.
    pub(crate) fn post(&self, site: &TestSite, path: &str, body: Value) -> Value {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status < 300, "{path}: {} {}", answer.status, answer.text);
        answer.json["data"].clone()
    }

    /// Status and code of a refused POST.
    pub(crate) fn refused(&self, site: &TestSite, path: &str, body: Value) -> (u16, String) {
        let answer = self.client(site).post(path, &body);
        assert!(answer.status >= 400, "{path}: {} {}", answer.status, answer.text);
        (answer.status, answer.code().to_owned())
    }

    /// Marks all notifications as read. Returns the types of those that were unread, oldest first.
    pub(crate) fn new_notifications(&self, site: &TestSite) -> Vec<String> {
        let client = self.client(site);
        let unread = client.get("/api/notifications?unread_only=true&per_page=100");
        let mut types: Vec<String> = unread
            .data()
            .as_array()
            .expect("notifications")
            .iter()
            .map(|notification| {
                assert!(!notification["message"].as_str().expect("a text").contains('{'), "{notification}");
                assert!(
                    !notification["message_ar"].as_str().unwrap_or_default().contains('{'),
                    "{notification}"
                );
                notification["type"].as_str().expect("a type").to_owned()
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

/// The data of a successful POST.
pub(crate) fn ok(client: &Client, path: &str, body: Value) -> Value {
    let answer = client.post(path, &body);
    assert!(answer.status < 300, "{path}: {}", answer.text);
    answer.data().clone()
}

/// Status and code of a POST.
pub(crate) fn refused(client: &Client, path: &str, body: Value) -> (u16, String) {
    let answer = client.post(path, &body);
    (answer.status, answer.code().to_owned())
}

/// The user of a client.
pub(crate) fn me(client: &Client) -> Value {
    client.get("/api/auth/me").json["user"].clone()
}

/// The types of all notifications of a client, newest first.
pub(crate) fn notification_types(client: &Client) -> Vec<String> {
    let inbox = client.get("/api/notifications?per_page=100");
    let kind = |notification: &Value| notification["type"].as_str().expect("a type").to_owned();
    inbox.json["data"].as_array().expect("a list").iter().map(kind).collect()
}

/// Sends one request for each client at the same instant.
pub(crate) fn at_once(clients: &[Client], send: impl Fn(usize, &Client) -> Response + Sync) -> Vec<Response> {
    let barrier = Barrier::new(clients.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = clients
            .iter()
            .enumerate()
            .map(|(n, client)| {
                let (barrier, send) = (&barrier, &send);
                scope.spawn(move || {
                    barrier.wait();
                    send(n, client)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    })
}

/// The statuses of responses, sorted.
pub(crate) fn sorted_statuses(answers: &[Response]) -> Vec<u16> {
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses
}

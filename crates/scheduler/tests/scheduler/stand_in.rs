//! A stand-in for a service that translates: it speaks the protocol, and is as good or bad as the test wants.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use inspection_scheduler::translator::{OpenAi, OpenAiSettings};
use serde_json::{Value, json};

/// How it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mood {
    /// As it should.
    Good,
    /// As it should, after so long.
    Slow(Duration),
    /// With this status, and perhaps how many seconds to wait.
    Status(u16, Option<u64>),
    /// With one translation too few.
    Short,
    /// With something that isn't the protocol.
    Garbage,
    /// As it should, but refuses all together if one of the texts has this in it.
    Squeamish(&'static str),
    /// By hanging up.
    Rude,
}

/// A running stand-in.
pub(crate) struct StandIn {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    mood: Mood,
    /// The texts of each request.
    asked: Vec<Vec<String>>,
    keys: Vec<String>,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State { mood: Mood::Good, asked: Vec::new(), keys: Vec::new() }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(connection, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn becomes(&self, mood: Mood) {
        self.state.lock().expect("whole").mood = mood;
    }

    /// The texts of each request so far.
    pub(crate) fn asked(&self) -> Vec<Vec<String>> {
        self.state.lock().expect("whole").asked.clone()
    }

    /// The keys that were sent.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().expect("whole").keys.clone()
    }

    pub(crate) fn client(&self, patience: Duration) -> OpenAi {
        OpenAi::new(OpenAiSettings {
            base_url: self.address.clone(),
            api_key: "a key".to_owned().into(),
            model: "a-model".into(),
            patience,
        })
        .expect("a client")
    }
}

/// What it makes of a text.
pub(crate) fn translated(text: &str, into: &str) -> String {
    format!("{}: {text}", if into == "Arabic" { "ترجمة هذا النص المكتوب" } else { "In English" })
}

fn request(connection: &TcpStream) -> Option<(String, Value)> {
    let mut reader = BufReader::new(connection);
    let (mut length, mut key) = (0, String::new());
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok()?,
                "authorization" => value.clone_into(&mut key),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((key, serde_json::from_slice(&body).ok()?))
}

fn serve(mut connection: TcpStream, state: &Mutex<State>) {
    while let Some((key, body)) = request(&connection) {
        let task = body["messages"][0]["content"].as_str().expect("a task").to_owned();
        let into = if task.contains("into Arabic") { "Arabic" } else { "English" };
        let asked: Value =
            serde_json::from_str(body["messages"][1]["content"].as_str().expect("texts")).expect("texts");
        let texts: Vec<String> = serde_json::from_value(asked["texts"].clone()).expect("texts");
        let mood = {
            let mut state = state.lock().expect("whole");
            state.asked.push(texts.clone());
            state.keys.push(key);
            state.mood.clone()
        };
        let mut translations: Vec<String> = texts.iter().map(|text| translated(text, into)).collect();
        let (mut status, mut wait) = (200, None);
        match mood {
            Mood::Squeamish(word) if texts.iter().any(|text| text.contains(word)) => status = 400,
            Mood::Good | Mood::Garbage | Mood::Squeamish(_) => {}
            Mood::Slow(time) => thread::sleep(time),
            Mood::Status(other, seconds) => (status, wait) = (other, seconds),
            Mood::Short => drop(translations.pop()),
            Mood::Rude => return,
        }
        let content = json!({"translations": translations}).to_string();
        let mut answer =
            json!({"choices": [{"message": {"role": "assistant", "content": content}}]}).to_string();
        if mood == Mood::Garbage {
            answer = "<html>not what you think</html>".into();
        }
        let wait = wait.map_or_else(String::new, |seconds| format!("Retry-After: {seconds}\r\n"));
        let head = format!("HTTP/1.1 {status} Status\r\n{wait}Content-Length: {}\r\n\r\n", answer.len());
        if connection
            .write_all(head.as_bytes())
            .and_then(|()| connection.write_all(answer.as_bytes()))
            .is_err()
        {
            return;
        }
    }
}

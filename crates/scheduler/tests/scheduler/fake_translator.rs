//! A fake translation service with configurable failures.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use inspection_scheduler::translator::{OpenAi, OpenAiSettings};
use serde_json::{Value, json};

/// Behaviour of the fake service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers correctly.
    Correct,
    /// Answers correctly after a delay.
    Slow(Duration),
    /// Answers with a status and `Retry-After` in seconds.
    Status(u16, Option<u64>),
    /// Omits one translation.
    Incomplete,
    /// Answers outside the protocol.
    Malformed,
    /// Refuses each request with this word in a text.
    RefusesWord(&'static str),
    /// Closes the connection.
    HangsUp,
}

/// A running fake service.
pub(crate) struct FakeTranslator {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

struct State {
    behaviour: Behaviour,
    /// Texts of each request.
    requests: Vec<Vec<String>>,
    keys: Vec<String>,
}

impl FakeTranslator {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            behaviour: Behaviour::Correct,
            requests: Vec::new(),
            keys: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(connection, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        self.state.lock().expect("not poisoned").behaviour = behaviour;
    }

    /// Texts of each request so far.
    pub(crate) fn requests(&self) -> Vec<Vec<String>> {
        self.state.lock().expect("not poisoned").requests.clone()
    }

    /// API keys of the requests.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state.lock().expect("not poisoned").keys.clone()
    }

    pub(crate) fn client(&self, timeout: Duration) -> OpenAi {
        OpenAi::new(OpenAiSettings {
            base_url: self.address.clone(),
            api_key: "a key".to_owned().into(),
            model: "a-model".into(),
            timeout,
        })
        .expect("a client")
    }
}

/// Translation of a text by the fake service.
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
        let content: Value =
            serde_json::from_str(body["messages"][1]["content"].as_str().expect("texts")).expect("texts");
        let texts: Vec<String> = serde_json::from_value(content["texts"].clone()).expect("texts");
        let behaviour = {
            let mut state = state.lock().expect("not poisoned");
            state.requests.push(texts.clone());
            state.keys.push(key);
            state.behaviour.clone()
        };
        let mut translations: Vec<String> = texts.iter().map(|text| translated(text, into)).collect();
        let (mut status, mut wait) = (200, None);
        match behaviour {
            Behaviour::RefusesWord(word) if texts.iter().any(|text| text.contains(word)) => status = 400,
            Behaviour::Correct | Behaviour::Malformed | Behaviour::RefusesWord(_) => {}
            Behaviour::Slow(time) => thread::sleep(time),
            Behaviour::Status(other, seconds) => (status, wait) = (other, seconds),
            Behaviour::Incomplete => drop(translations.pop()),
            Behaviour::HangsUp => return,
        }
        let content = json!({"translations": translations}).to_string();
        let mut answer =
            json!({"choices": [{"message": {"role": "assistant", "content": content}}]}).to_string();
        if behaviour == Behaviour::Malformed {
            answer = "<html>a page</html>".into();
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

//! HTTP clients that say who acts.

use std::{io::Read, path::Path, time::Duration};

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// An answer: its status, headers and body.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status of HTTP.
    pub status: u16,
    /// Headers, with names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as text.
    pub text: String,
    /// The body as JSON; null if it isn't.
    pub json: Value,
}

impl Response {
    /// What was asked for.
    pub fn data(&self) -> &Value {
        assert!(self.status < 300, "{} {}", self.status, self.text);
        &self.json["data"]
    }

    /// The id of what was asked for.
    pub fn id(&self) -> i64 {
        self.data()["id"].as_i64().unwrap_or_else(|| panic!("no id in {}", self.text))
    }

    /// The stable code of an error; empty if it is none.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The fields that an error names.
    pub fn fields(&self) -> Vec<&str> {
        self.json["errors"].as_array().into_iter().flatten().filter_map(|e| e["field"].as_str()).collect()
    }

    /// A header by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A file in a form.
#[derive(Debug, Clone)]
pub struct FormFile<'a> {
    /// The field it is in.
    pub field: &'a str,
    /// Its name.
    pub name: &'a str,
    /// The type it is declared as.
    pub declared: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What separates the parts of a form.
const BOUNDARY: &str = "----a-line-that-no-file-has";

/// The type and the bytes of a form with these fields and files.
pub fn form(fields: &[(&str, &str)], files: &[FormFile<'_>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.bytes());
    }
    for FormFile { field, name, declared, bytes } in files {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: {declared}\r\n\r\n"
        );
        body.extend(head.bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

fn configuration() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_mins(1)))
        .allow_non_standard_methods(true)
}

/// Somebody, or nobody, who uses the API.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl Client {
    /// Nobody, at this address.
    pub fn new(base: &str) -> Self {
        Self {
            agent: configuration().build().into(),
            base: base.to_owned(),
            token: None,
            headers: Vec::new(),
        }
    }

    /// Nobody, at an address with TLS whose certificate is signed by this CA.
    pub fn trusting(base: &str, ca: &Path) -> Self {
        let pem = std::fs::read(ca).expect("a certificate");
        let certificate = Certificate::from_pem(&pem).expect("a certificate");
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::new_with_certs(&[certificate.to_owned()]))
            .build();
        Self { agent: configuration().tls_config(tls).build().into(), ..Self::new(base) }
    }

    /// Somebody with this token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The token of whoever it is.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { headers, ..self.clone() }
    }

    /// Sends a request with a body of this type, or without one.
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Response {
        let sent = self.exchange(method, path, body);
        let (answer, _) = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        answer
    }

    /// As [`send`](Self::send), for those who count what goes wrong: a connection that breaks before the end of the answer.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Response, String> {
        match self.exchange(method, path, body) {
            Ok((answer, None)) => Ok(answer),
            Ok((_, Some(error))) | Err(error) => Err(error.to_string()),
        }
    }

    /// An answer, and why its body isn't complete if it isn't.
    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<(Response, Option<ureq::Error>), ureq::Error> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = match body {
            Some((content_type, bytes)) => {
                let request = request.header("content-type", content_type).body(bytes).expect("a request");
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).expect("a request")),
        };
        let mut response = sent?;
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let is_stream =
            response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let (bytes, missing) = if is_stream {
            // It has no end: the first piece will do.
            let mut piece = vec![0; 1 << 16];
            let length = response.body_mut().as_reader().read(&mut piece).unwrap_or_default();
            piece.truncate(length);
            (piece, None)
        } else {
            match response.body_mut().with_config().limit(1 << 30).read_to_vec() {
                Ok(bytes) => (bytes, None),
                Err(error) => (Vec::new(), Some(error)),
            }
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok((Response { status: response.status().as_u16(), headers, bytes, text, json }, missing))
    }

    /// Gets.
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    /// Posts JSON.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// Posts a form with fields and files.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)], files: &[FormFile<'_>]) -> Response {
        let (content_type, body) = form(fields, files);
        self.send("POST", path, Some((&content_type, &body)))
    }

    /// Uploads one file.
    pub fn upload(&self, fields: &[(&str, &str)], name: &str, declared: &str, bytes: &[u8]) -> Response {
        let file = FormFile { field: "file", name, declared, bytes };
        self.post_form("/api/files/upload", fields, &[file])
    }

    /// Puts JSON.
    pub fn put(&self, path: &str, body: &Value) -> Response {
        self.send("PUT", path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// Deletes.
    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }
}

//! HTTP clients with and without a token.

use std::{io::Read, path::Path, time::Duration};

use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

use crate::{
    contract::{self, Contract},
    environment, messages,
};

/// An HTTP response.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub bytes: Vec<u8>,
    /// Body as text.
    pub text: String,
    /// Body as JSON; null if it is none.
    pub json: Value,
}

impl Response {
    /// `data` of a successful response.
    pub fn data(&self) -> &Value {
        assert!(self.status < 300, "{} {}", self.status, self.text);
        &self.json["data"]
    }

    /// `data.id` of a successful response.
    pub fn id(&self) -> i64 {
        self.data()["id"].as_i64().unwrap_or_else(|| panic!("no id in {}", self.text))
    }

    /// Stable code of an error; empty without one.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// Fields named by an error.
    pub fn fields(&self) -> Vec<&str> {
        self.json["errors"].as_array().into_iter().flatten().filter_map(|e| e["field"].as_str()).collect()
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A file in a multipart form.
#[derive(Debug, Clone)]
pub struct FormFile<'a> {
    /// Name of the field.
    pub field: &'a str,
    /// File name.
    pub name: &'a str,
    /// Declared content type.
    pub declared: &'a str,
    /// Content.
    pub bytes: &'a [u8],
}

/// Boundary between the parts of a form.
const BOUNDARY: &str = "----a-line-that-no-file-has";

/// Content type and body of a multipart form.
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

/// A client of the API, with or without a token.
#[derive(Debug, Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    is_careful: bool,
    contract: Option<&'static Contract>,
}

/// The resource that a request changes, if its path begins with one.
fn resource(path: &str) -> Option<String> {
    let (feature, rest) = path.strip_prefix("/api/")?.split_once('/')?;
    let (feature, rest) = match rest.strip_prefix("inspections/") {
        Some(rest) if feature == "ratings" => ("inspections", rest),
        _ => (feature, rest),
    };
    let id = rest.split(['/', '?']).next()?;
    id.parse::<i64>().is_ok().then(|| format!("/api/{feature}/{id}"))
}

impl Client {
    /// A client without a token.
    pub fn new(base: &str) -> Self {
        Self {
            agent: configuration().build().into(),
            base: base.to_owned(),
            token: None,
            headers: Vec::new(),
            is_careful: environment::variable("INSPECTION_TEST_CAREFUL").is_some(),
            contract: None,
        }
    }

    /// The same client, which checks every exchange against the contract.
    #[must_use]
    pub fn holding_to(&self, contract: &'static Contract) -> Self {
        Self { contract: Some(contract), ..self.clone() }
    }

    /// A client without a token that trusts only this CA.
    pub fn trusting(base: &str, ca: &Path) -> Self {
        let pem = std::fs::read(ca).expect("a certificate");
        let certificate = Certificate::from_pem(&pem).expect("a certificate");
        let tls = TlsConfig::builder()
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::new_with_certs(&[certificate.to_owned()]))
            .build();
        Self { agent: configuration().tls_config(tls).build().into(), ..Self::new(base) }
    }

    /// The same client with a token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The same client with another header.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { headers, ..self.clone() }
    }

    /// The same client, which reads a resource before it changes it, and changes only the version
    /// that it has read. All clients do so if `INSPECTION_TEST_CAREFUL` is set.
    #[must_use]
    pub fn careful(&self) -> Self {
        Self { is_careful: true, ..self.clone() }
    }

    /// The version of the resource that a request changes, if this client can read it.
    fn version(&self, method: &str, path: &str) -> Option<String> {
        let resource = resource(path).filter(|_| self.is_careful && method != "GET")?;
        let names = |name: &str| self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if names("if-match") || names("idempotency-key") {
            return None;
        }
        let (read, _) = self.exchange("GET", &resource, None).ok()?;
        read.header("etag").filter(|tag| read.status == 200 && tag.contains('.')).map(ToOwned::to_owned)
    }

    /// Sends a request with a body of this content type, or without one.
    ///
    /// # Panics
    ///
    /// When the service can't be reached, or deviates from its contract.
    pub fn send(&self, method: &str, path: &str, body: Option<(&str, &[u8])>) -> Response {
        let sent = self.exchange(method, path, body);
        let (answer, _) = sent.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        answer
    }

    /// As [`send`](Self::send), with an error for a connection that fails before the end of the
    /// response.
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

    /// A response, and the error that cut its body off.
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
        if let Some(version) = self.version(method, path) {
            request = request.header("if-match", version);
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
            // It has no end: the first read is enough.
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
        messages::check(&json);
        let response = Response { status: response.status().as_u16(), headers, bytes, text, json };
        if let Some(contract) = self.contract.filter(|_| missing.is_none()) {
            let Response { status, headers, bytes, .. } = &response;
            let received = contract::Response { status: *status, headers, bytes };
            let violations = contract.violations(&contract::Request { method, path, body }, &received);
            assert!(violations.is_empty(), "against the API document:\n{}", violations.join("\n"));
        }
        Ok((response, missing))
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Response {
        self.send("GET", path, None)
    }

    /// `POST` with JSON.
    pub fn post(&self, path: &str, body: &Value) -> Response {
        self.send("POST", path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// `POST` with a multipart form.
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)], files: &[FormFile<'_>]) -> Response {
        let (content_type, body) = form(fields, files);
        self.send("POST", path, Some((&content_type, &body)))
    }

    /// Uploads one file as evidence.
    pub fn upload(&self, fields: &[(&str, &str)], name: &str, declared: &str, bytes: &[u8]) -> Response {
        let file = FormFile { field: "file", name, declared, bytes };
        self.post_form("/api/files/upload", fields, &[file])
    }

    /// `PUT` with JSON.
    pub fn put(&self, path: &str, body: &Value) -> Response {
        self.send("PUT", path, Some(("application/json", body.to_string().as_bytes())))
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Response {
        self.send("DELETE", path, None)
    }
}

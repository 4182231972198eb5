//! Requests to the deployment, and what all of its answers have in common.

use std::{fmt, net::IpAddr, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use indicatif::ProgressBar;
use serde_json::Value;
use ureq::{
    http::{Request, Uri},
    tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a request may take: as long as the service gives one by default.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long to wait in all for places that limits on requests give back.
const WAITING: Duration = Duration::from_mins(3);

/// The longest answer that is read, in bytes; more than the greatest file.
const LONGEST_ANSWER: u64 = 64 << 20;

/// The shortest body, in bytes, that is only sent when the other side has said that it takes it: who refuses it closes the
/// connection, and the refusal would be lost.
const ASKS_FIRST: usize = 1 << 20;

/// Where a deployment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    /// The address without a slash at its end.
    pub(super) text: String,
    /// Whether it is `https`.
    pub(super) is_secure: bool,
    /// The host, an IPv6 address in its brackets.
    pub(super) host: String,
    /// What comes before the paths of the API.
    path: String,
}

impl Base {
    /// Reads an address.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be an address such as https://inspections.example.com".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("must have neither a password nor a query in it".to_owned());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            text: format!("{scheme}://{authority}{path}"),
            is_secure: scheme == "https",
            host: authority.host().to_owned(),
            path,
        })
    }

    /// Whether it is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The same place without TLS.
    pub(super) fn in_the_open(&self, port: u16) -> String {
        format!("http://{}:{port}{}", self.host, self.path)
    }
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum Unanswered {
    /// Whoever answers can't prove to be it.
    Untrusted(String),
    /// Nobody answers, or not to the end.
    Silent(String),
}

impl From<ureq::Error> for Unanswered {
    fn from(error: ureq::Error) -> Self {
        let text = error.to_string();
        match error {
            ureq::Error::NativeTls(_) | ureq::Error::Tls(_) => Self::Untrusted(text),
            _ => Self::Silent(text),
        }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted(why) => write!(f, "no trusted connection: {why}"),
            Self::Silent(why) => write!(f, "no answer: {why}"),
        }
    }
}

/// An answer.
pub(super) struct Answer {
    /// Status of HTTP.
    pub(super) status: u16,
    /// Headers, with names in small letters.
    headers: Vec<(String, String)>,
    /// The body.
    pub(super) bytes: Vec<u8>,
    /// The body as JSON; null if it isn't.
    pub(super) json: Value,
}

impl Answer {
    /// An answer that nobody gave.
    #[cfg(test)]
    pub(super) fn made(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let json = serde_json::from_str(body).unwrap_or(Value::Null);
        Self { status, headers, bytes: body.as_bytes().to_vec(), json }
    }

    /// A header by its name in small letters.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The stable code of an error; empty if there is none.
    pub(super) fn code(&self) -> &str {
        self.at("/code").as_str().unwrap_or_default()
    }

    /// The number of what was made.
    pub(super) fn id(&self) -> Option<i64> {
        self.at("/data/id").as_i64()
    }

    /// A part of the JSON by its pointer; null if it isn't there.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Status and code, for people.
    pub(super) fn told(&self) -> String {
        format!("{} {}", self.status, self.code()).trim_end().to_owned()
    }
}

/// A request.
#[derive(Default)]
pub(super) struct Ask<'a> {
    /// Its method; `GET` if empty.
    pub(super) method: &'a str,
    /// The path below the deployment's address.
    pub(super) path: &'a str,
    /// The token of whoever asks.
    pub(super) token: Option<&'a str>,
    /// More headers.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Type and bytes of a body.
    pub(super) body: Option<(&'a str, &'a [u8])>,
}

/// The connection to a deployment.
pub(super) struct Http {
    agent: ureq::Agent,
    /// Where it is.
    pub(super) base: Base,
    /// Which answers set cookies: request and name of the cookie.
    pub(super) cookies: Vec<String>,
    waited: Duration,
    progress: ProgressBar,
}

/// What is trusted: the certificates of a file, or those of the machine.
fn roots(file: Option<&Path>) -> Result<RootCerts> {
    let Some(file) = file else { return Ok(RootCerts::PlatformVerifier) };
    let bytes = std::fs::read(file).with_context(|| format!("can't read {}", file.display()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&bytes) {
        let item = item.with_context(|| format!("{} is not a certificate in PEM", file.display()))?;
        if let PemItem::Certificate(certificate) = item {
            certificates.push(certificate);
        }
    }
    anyhow::ensure!(!certificates.is_empty(), "{} has no certificate in PEM", file.display());
    Ok(certificates.into())
}

impl Http {
    /// Nothing is connected yet.
    pub(super) fn new(base: Base, ca_certificate: Option<&Path>, progress: ProgressBar) -> Result<Self> {
        let tls =
            TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots(ca_certificate)?).build();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(PATIENCE))
            .timeout_await_100(Some(CONNECT))
            .user_agent(concat!("inspection-server/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        if base.is_loopback() {
            // What is on this machine isn't reached by way of another one.
            config = config.proxy(None);
        }
        let agent = config.build().into();
        Ok(Self { agent, base, cookies: Vec::new(), waited: Duration::ZERO, progress })
    }

    /// Asks, and asks again when told to come back later, within limits.
    pub(super) fn ask(&mut self, ask: &Ask<'_>) -> Result<Answer, Unanswered> {
        loop {
            let answer = self.ask_once(ask)?;
            let later = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let (429, Some(seconds)) = (answer.status, later) else { return Ok(answer) };
            let pause = Duration::from_secs(seconds);
            if self.waited + pause > WAITING {
                return Ok(answer);
            }
            self.waited += pause;
            let doing = self.progress.message();
            self.progress.set_message(format!("{doing}: waiting {seconds} s for a place within the limits"));
            std::thread::sleep(pause);
            self.progress.set_message(doing);
        }
    }

    /// Asks once.
    pub(super) fn ask_once(&mut self, ask: &Ask<'_>) -> Result<Answer, Unanswered> {
        let url = format!("{}{}", self.base.text, ask.path);
        self.ask_at(&url, ask)
    }

    /// Asks elsewhere.
    pub(super) fn ask_at(&mut self, url: &str, ask: &Ask<'_>) -> Result<Answer, Unanswered> {
        let method = if ask.method.is_empty() { "GET" } else { ask.method };
        let mut request = Request::builder().method(method).uri(url);
        if let Some(token) = ask.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let odd = |error: ureq::http::Error| Unanswered::Silent(error.to_string());
        let mut response = match ask.body {
            Some((content_type, bytes)) => {
                if bytes.len() >= ASKS_FIRST {
                    request = request.header("expect", "100-continue");
                }
                self.agent.run(request.header("content-type", content_type).body(bytes).map_err(odd)?)?
            }
            None => self.agent.run(request.body(()).map_err(odd)?)?,
        };
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<(String, String)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let name = cookie.split('=').next().unwrap_or_default();
            self.cookies.push(format!("{name} by {method} {}", ask.path));
        }
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec()?;
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answer { status, headers, bytes, json })
    }

    /// Gets, for somebody or for nobody.
    pub(super) fn get(&mut self, path: &str, token: Option<&str>) -> Result<Answer, Unanswered> {
        self.ask(&Ask { path, token, ..Ask::default() })
    }

    /// Deletes.
    pub(super) fn delete(&mut self, path: &str, token: &str) -> Result<Answer, Unanswered> {
        self.ask(&Ask { method: "DELETE", path, token: Some(token), ..Ask::default() })
    }

    /// Sends JSON.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, Unanswered> {
        let bytes = body.to_string();
        let body = Some(("application/json", bytes.as_bytes()));
        self.ask(&Ask { method, path, token, body, ..Ask::default() })
    }

    /// Posts JSON.
    pub(super) fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Answer, Unanswered> {
        self.send("POST", path, token, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_its_host_and_path() {
        let base = Base::parse("https://example.com:8443/api-v2/").expect("fine");
        assert_eq!(base.text, "https://example.com:8443/api-v2");
        assert!(base.is_secure && !base.is_loopback());
        assert_eq!(base.in_the_open(80), "http://example.com:80/api-v2");
        for local in ["http://localhost:5000", "http://127.0.0.1", "http://[::1]:5000", "http://a.localhost"]
        {
            assert!(Base::parse(local).expect("fine").is_loopback(), "{local}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for odd in
            ["", "example.com", "ftp://example.com", "https://", "https://a:b@example.com", "http://a/?b"]
        {
            assert!(Base::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("ca.pem");
        assert!(roots(Some(&file)).is_err(), "missing");
        std::fs::write(&file, "nothing").expect("written");
        assert!(roots(Some(&file)).expect_err("empty").to_string().contains("no certificate"));
    }
}

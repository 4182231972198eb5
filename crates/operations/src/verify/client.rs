//! The HTTP client: requests to the deployment, retries within rate limits.

use std::{fmt, net::IpAddr, path::Path, time::Duration};

use serde_json::Value;
use ureq::{
    http::Uri,
    tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use crate::{
    Result,
    error::{Context as _, ensure},
};

/// Timeout of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout of a request: the default of the service.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);

/// Total time to wait for exhausted rate limits.
const MAX_WAIT: Duration = Duration::from_mins(3);

/// Size limit of responses, in bytes; above the size limit of files.
const MAX_RESPONSE: u64 = 64 << 20;

/// Size in bytes from which a body is sent with `Expect: 100-continue`. A server that refuses a
/// body closes the connection, and its response would be lost.
const EXPECT_CONTINUE_SIZE: usize = 1 << 20;

/// The address of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentUrl {
    /// The address without a trailing slash.
    pub(super) text: String,
    /// Whether the scheme is `https`.
    pub(super) is_secure: bool,
    /// The host; IPv6 addresses are in brackets.
    pub(super) host: String,
    /// The prefix of all paths.
    path: String,
}

impl DeploymentUrl {
    /// Parses an `http` or `https` address without credentials and query. The error completes a
    /// sentence that starts with the name of the argument.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be an address such as https://inspections.example.com".to_owned();
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err("must contain neither a password nor a query".to_owned());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self {
            text: format!("{scheme}://{authority}{path}"),
            is_secure: scheme == "https",
            host: authority.host().to_owned(),
            path,
        })
    }

    /// Whether the host is this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// The same address without TLS, at another port.
    pub(super) fn plain_http_url(&self, port: u16) -> String {
        format!("http://{}:{port}{}", self.host, self.path)
    }
}

/// A request without a response.
#[derive(Debug, Clone)]
pub(super) enum RequestError {
    /// The certificate of the server isn't trusted.
    Untrusted(String),
    /// There was no complete response.
    Unreachable(String),
}

impl From<ureq::Error> for RequestError {
    fn from(error: ureq::Error) -> Self {
        let text = error.to_string();
        match error {
            ureq::Error::NativeTls(_) | ureq::Error::Tls(_) => Self::Untrusted(text),
            _ => Self::Unreachable(text),
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted(why) => write!(f, "no trusted connection: {why}"),
            Self::Unreachable(why) => write!(f, "no response: {why}"),
        }
    }
}

/// A response.
pub(super) struct Response {
    /// HTTP status.
    pub(super) status: u16,
    /// Headers, with lower-case names.
    headers: Vec<(String, String)>,
    /// The body.
    pub(super) bytes: Vec<u8>,
    /// The body as JSON; null if it isn't JSON.
    pub(super) json: Value,
}

impl Response {
    /// A response for tests.
    #[cfg(test)]
    pub(super) fn fake(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let json = serde_json::from_str(body).unwrap_or(Value::Null);
        Self { status, headers, bytes: body.as_bytes().to_vec(), json }
    }

    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The error code; empty if there is none.
    pub(super) fn code(&self) -> &str {
        self.at("/code").as_str().unwrap_or_default()
    }

    /// The id of the created resource.
    pub(super) fn id(&self) -> Option<i64> {
        self.at("/data/id").as_i64()
    }

    /// The value at a JSON pointer; null if it is absent.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.json.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Status and error code, for people.
    pub(super) fn summary(&self) -> String {
        format!("{} {}", self.status, self.code()).trim_end().to_owned()
    }
}

/// A request.
#[derive(Default)]
pub(super) struct Request<'a> {
    /// Method; `GET` if empty.
    pub(super) method: &'a str,
    /// Path below the address of the deployment.
    pub(super) path: &'a str,
    /// Bearer token.
    pub(super) token: Option<&'a str>,
    /// Additional headers.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// Content type and content of the body.
    pub(super) body: Option<(&'a str, &'a [u8])>,
}

/// The client of a deployment.
pub(super) struct Client<'a> {
    agent: ureq::Agent,
    /// Address of the deployment.
    pub(super) base: DeploymentUrl,
    /// Cookies that responses set, each with its request.
    pub(super) cookies: Vec<String>,
    waited: Duration,
    step: &'static str,
    on_progress: &'a dyn Fn(&str),
}

/// The trusted certificates: those of a file, or those of the machine.
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
    ensure!(!certificates.is_empty(), "{} has no certificate in PEM", file.display());
    Ok(certificates.into())
}

impl<'a> Client<'a> {
    /// Creates a client; it connects with the first request.
    pub(super) fn new(
        base: DeploymentUrl,
        ca_certificate: Option<&Path>,
        on_progress: &'a dyn Fn(&str),
    ) -> Result<Self> {
        let tls =
            TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(roots(ca_certificate)?).build();
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(REQUEST_TIMEOUT))
            .timeout_await_100(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("inspection-server/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        if base.is_loopback() {
            // This machine is not reached through a proxy.
            config = config.proxy(None);
        }
        let agent = config.build().into();
        Ok(Self { agent, base, cookies: Vec::new(), waited: Duration::ZERO, step: "", on_progress })
    }

    /// Starts a step, and reports it.
    pub(super) fn start(&mut self, step: &'static str) {
        self.step = step;
        (self.on_progress)(step);
    }

    /// Sends a request, and repeats it after `Retry-After` while the total wait allows.
    pub(super) fn send(&mut self, request: &Request<'_>) -> Result<Response, RequestError> {
        loop {
            let response = self.send_once(request)?;
            let later = response.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let (429, Some(seconds)) = (response.status, later) else { return Ok(response) };
            let pause = Duration::from_secs(seconds);
            if self.waited + pause > MAX_WAIT {
                return Ok(response);
            }
            self.waited += pause;
            (self.on_progress)(&format!("{}: rate limited, waiting {seconds} s", self.step));
            std::thread::sleep(pause);
            (self.on_progress)(self.step);
        }
    }

    /// Sends a request once.
    pub(super) fn send_once(&mut self, request: &Request<'_>) -> Result<Response, RequestError> {
        let url = format!("{}{}", self.base.text, request.path);
        self.send_to(&url, request)
    }

    /// Sends a request to another address.
    pub(super) fn send_to(&mut self, url: &str, request: &Request<'_>) -> Result<Response, RequestError> {
        let method = if request.method.is_empty() { "GET" } else { request.method };
        let mut builder = ureq::http::Request::builder().method(method).uri(url);
        if let Some(token) = request.token {
            builder = builder.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        let invalid = |error: ureq::http::Error| RequestError::Unreachable(error.to_string());
        let mut response = match request.body {
            Some((content_type, bytes)) => {
                if bytes.len() >= EXPECT_CONTINUE_SIZE {
                    builder = builder.header("expect", "100-continue");
                }
                self.agent.run(builder.header("content-type", content_type).body(bytes).map_err(invalid)?)?
            }
            None => self.agent.run(builder.body(()).map_err(invalid)?)?,
        };
        let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Vec<(String, String)> =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        for (_, cookie) in headers.iter().filter(|(name, _)| name == "set-cookie") {
            let name = cookie.split('=').next().unwrap_or_default();
            self.cookies.push(format!("{name} by {method} {}", request.path));
        }
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(MAX_RESPONSE).read_to_vec()?;
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Response { status, headers, bytes, json })
    }

    /// Sends `GET`, with or without a token.
    pub(super) fn get(&mut self, path: &str, token: Option<&str>) -> Result<Response, RequestError> {
        self.send(&Request { path, token, ..Request::default() })
    }

    /// Sends `DELETE`.
    pub(super) fn delete(&mut self, path: &str, token: &str) -> Result<Response, RequestError> {
        self.send(&Request { method: "DELETE", path, token: Some(token), ..Request::default() })
    }

    /// Sends a JSON body.
    pub(super) fn send_json(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Response, RequestError> {
        let bytes = body.to_string();
        let body = Some(("application/json", bytes.as_bytes()));
        self.send(&Request { method, path, token, body, ..Request::default() })
    }

    /// Sends `POST` with a JSON body.
    pub(super) fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Result<Response, RequestError> {
        self.send_json("POST", path, token, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_parsed_with_its_host_and_path() {
        let base = DeploymentUrl::parse("https://example.com:8443/api-v2/").expect("valid");
        assert_eq!(base.text, "https://example.com:8443/api-v2");
        assert!(base.is_secure && !base.is_loopback());
        assert_eq!(base.plain_http_url(80), "http://example.com:80/api-v2");
        for local in ["http://localhost:5000", "http://127.0.0.1", "http://[::1]:5000", "http://a.localhost"]
        {
            assert!(DeploymentUrl::parse(local).expect("valid").is_loopback(), "{local}");
        }
    }

    #[test]
    fn invalid_addresses_are_refused() {
        for invalid in
            ["", "example.com", "ftp://example.com", "https://", "https://a:b@example.com", "http://a/?b"]
        {
            assert!(DeploymentUrl::parse(invalid).is_err(), "{invalid}");
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

//! Hostile requests to the operations of the API document. A request depends on the seed, its
//! number and the tokens only.

use inspection_testkit::{
    clients::{FormFile, form},
    files::{hostile, pdf, png},
};
use serde_json::Value;

use crate::{
    random::Random,
    values::{id, json_bytes, mutated, text},
};

/// Operations whose responses have no end.
const ENDLESS: &[&str] = &["/api/notifications/stream"];

/// Methods that replace the declared one.
const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "DANCE", "get", "X-_.~",
];

/// Content types that replace the declared one.
const CONTENT_TYPES: &[&str] = &[
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-16",
    "application/json; charset=\"x",
    "application/merge-patch+json",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x",
    "multipart/mixed; boundary=\"a b\"",
    "*/*",
    "////",
    "image/png",
];

/// Headers, each with hostile values.
const HEADERS: &[(&str, &[&str])] = &[
    ("Accept", &["", "application/xml", "text/html;q=x", "*/*;q=0", ",,,"]),
    ("Accept-Encoding", &["gzip", "br, gzip;q=0", "identity;q=0", "*;q=0", "\""]),
    ("Accept-Language", &["ar", "en;q=x", "xx-XX,*;q=0", ",,,,", "ar;q=99999999999", "\u{645}"]),
    ("Access-Control-Request-Method", &["DELETE", "", "\u{e9}"]),
    ("Content-Encoding", &["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"]),
    ("Cookie", &["a=b", "=;=;=", "access_token=x", "\u{1}"]),
    ("Expect", &["100-continue", "200-ok"]),
    ("Forwarded", &["for=\"[::1]\";proto=https", "for=_hidden, for="]),
    ("Host", &["", "example.com:99999", "[::1", "a b", "evil.example, localhost"]),
    ("Idempotency-Key", &["a", "\"a\"", "", "a b", "\u{fc}", "same", "\"", "\"unclosed"]),
    (
        "If-Match",
        &["*", "\"x\"", "W/\"1.1\"", "1.1", "\"1.1\", \"1.2\"", "\"", ",,,", "\"99999999999999999999.1\""],
    ),
    ("If-Modified-Since", &["yesterday", "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 99 Nov 99999 99:99:99 GMT"]),
    ("If-None-Match", &["*", "\"x\"", "W/\"\"", "\"\u{1}\"", ","]),
    ("If-Range", &["\"x\"", "yesterday", "W/\"x\""]),
    ("Last-Event-ID", &["0", "-1", "99999999999999999999", "x"]),
    ("Origin", &["null", "https://evil.example", "javascript:", ""]),
    (
        "Range",
        &[
            "bytes=0-",
            "bytes=-1",
            "bytes=5-1",
            "bytes=0-0,1-1,2-2,3-3",
            "bytes=18446744073709551615-",
            "bytes=-18446744073709551616",
            "lines=1",
            "bytes",
        ],
    ),
    ("Upgrade", &["websocket", "h2c"]),
    ("X-Forwarded-For", &["1.2.3.4", "x", "::1, 1.2.3.4, ", "[::1]:9", "\u{ff}"]),
    ("X-Forwarded-Prefix", &["/x", "//evil.example", "/a\"b", "x", "/%00"]),
    ("X-Forwarded-Proto", &["https", "http,https", "\u{e9}"]),
    ("X-Request-Id", &["x", "a b", "\u{202e}", ""]),
];

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    queries: Vec<(String, Value)>,
    content: Option<(String, Value)>,
}

/// A file to upload: name, declared type and content.
type Upload = (String, String, Vec<u8>);

/// The operations of a document.
pub(crate) struct Generator {
    operations: Vec<Operation>,
    files: Vec<Upload>,
    seed: u64,
}

/// A request and the way it is sent.
pub(crate) struct HostileRequest {
    /// Method and path of the operation.
    pub(crate) operation: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) framing: Framing,
}

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// As HTTP demands: the service has to respond.
    Valid,
    /// Not as HTTP demands: the service may close the connection instead of a response.
    Invalid,
    /// Less than announced, then the end of the output.
    Ended,
    /// Less than announced, then the connection is dropped.
    Dropped,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let document: Value = serde_json::from_str(inspection_http::openapi()).expect("JSON");
        let resolve = |value: &Value| match value["$ref"].as_str() {
            Some(reference) => document.pointer(reference.trim_start_matches('#')).expect("a part").clone(),
            None => value.clone(),
        };
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("operations") {
                let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolve);
                let queries = parameters.filter(|parameter| parameter["in"] == "query");
                let queries = queries.map(|query| {
                    (query["name"].as_str().expect("a name").to_owned(), query["schema"].clone())
                });
                let body = resolve(&operation["requestBody"]);
                let content = body["content"].as_object().and_then(|content| content.iter().next());
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.clone(),
                    queries: queries.collect(),
                    content: content.map(|(kind, content)| (kind.clone(), content["example"].clone())),
                });
            }
        }
        operations.retain(|operation| !ENDLESS.contains(&operation.path.as_str()));
        let mut files: Vec<Upload> = hostile()
            .into_iter()
            .filter(|file| file.bytes.len() < 1 << 20)
            .map(|file| (file.name.to_owned(), file.declared.to_owned(), file.bytes))
            .collect();
        files.push(("photo.png".into(), "image/png".into(), png(64, 48)));
        files.push(("report.pdf".into(), "application/pdf".into(), pdf()));
        Self { operations, files, seed }
    }

    /// Number of operations.
    pub(crate) fn operations(&self) -> usize {
        self.operations.len()
    }

    /// The request with this number. `token` returns a valid token by a random number.
    pub(crate) fn request(&self, number: u64, token: impl FnOnce(usize) -> String) -> HostileRequest {
        let mut random = Random::new(self.seed ^ number.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let operation = &self.operations[random.below(self.operations.len())];
        let method = if random.percent(90) { operation.method.as_str() } else { random.pick(METHODS) };
        let mut head = format!("{method} {} HTTP/1.1\r\n", target(&mut random, operation)).into_bytes();
        let content = self.content(&mut random, operation);
        let mut names: Vec<&str> = Vec::new();
        authorization(&mut random, &mut head, token);
        for _ in 0..random.below(4) {
            let (name, values) = random.pick(HEADERS);
            if !names.contains(&name) {
                let value = if random.percent(85) {
                    random.pick(values).to_owned()
                } else {
                    header_text(&mut random)
                };
                header(&mut head, name, value.as_bytes());
                names.push(name);
            }
        }
        if !names.contains(&"Host") && !random.percent(1) {
            header(&mut head, "Host", b"localhost");
        }
        match random.below(300) {
            0 => (0..random.below(150)).for_each(|n| header(&mut head, &format!("X-{n}"), b"x")),
            1 => header(&mut head, "X-Long", &vec![b'x'; 1 << random.below(18)]),
            2 => header(&mut head, "X Y", b"z"),
            3 => head.extend(b" folded: x\r\n"),
            4 => header(&mut head, "X-Bytes", b"\xff\xfe\x01"),
            _ => {}
        }
        let is_odd_head = !head.is_ascii()
            || names.contains(&"Host")
            || names.contains(&"Expect")
            || names.contains(&"Upgrade")
            || !head.windows(6).any(|part| part == b"Host: ")
            || head.len() > 8000
            || head.windows(3).any(|part| part == b"X Y")
            || head.windows(7).any(|part| part == b" folded");
        let (bytes, mut framing) = framed(&mut random, head, content);
        if framing == Framing::Valid && is_odd_head {
            framing = Framing::Invalid;
        }
        HostileRequest { operation: format!("{method} {}", operation.path), bytes, framing }
    }

    /// Content type and body; `None` without a body.
    fn content(&self, random: &mut Random, operation: &Operation) -> Option<(String, Vec<u8>)> {
        let (kind, body) = match &operation.content {
            None if random.percent(95) => return None,
            None => ("application/json".to_owned(), json_bytes(random, &Value::Null)),
            Some((kind, _)) if kind.starts_with("multipart/") => self.form(random),
            Some((kind, example)) => {
                let percent = random.pick(&[0, 5, 20, 60]);
                let body = mutated(random, example, percent);
                (kind.clone(), json_bytes(random, &body))
            }
        };
        if random.percent(2) {
            return None;
        }
        let kind = if random.percent(92) { kind } else { random.pick(CONTENT_TYPES).to_owned() };
        Some((kind, body))
    }

    /// A form with files, whole or damaged.
    fn form(&self, random: &mut Random) -> (String, Vec<u8>) {
        let fields = ["category", "related_type", "related_id", "description", "tags"];
        let values: Vec<(&str, String)> =
            (0..random.below(4)).map(|_| (random.pick(&fields), text(random))).collect();
        let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let files: Vec<FormFile<'_>> = (0..random.below(4))
            .map(|_| {
                let (name, declared, bytes) = &self.files[random.below(self.files.len())];
                FormFile { field: random.pick(&["file", "files", "files[]", ""]), name, declared, bytes }
            })
            .collect();
        let (kind, mut body) = form(&values, &files);
        match random.below(10) {
            0 => body.truncate(random.below(body.len() + 1)),
            1 => {
                let place = random.below(body.len());
                body.insert(place, 0xff);
            }
            2 => body = body.repeat(3),
            _ => {}
        }
        (kind, body)
    }
}

/// Path and query of a request.
fn target(random: &mut Random, operation: &Operation) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in operation.path.split('/') {
        parts.push(match part {
            "{name}" if random.percent(70) => "check_backlog".to_owned(),
            part if part.starts_with('{') => {
                let value = id(random);
                encoded(random, &value)
            }
            part => part.to_owned(),
        });
    }
    let mut path = parts.join("/");
    match random.below(100) {
        0 => path.push('/'),
        1 => path = path.replace('/', "//"),
        2 => path += "/../..",
        3 => path += "%2e%2e%2f%00",
        4 => path = path.to_uppercase(),
        5 => path += &format!("/{}", "a".repeat(1 << random.below(15))),
        _ => {}
    }
    let mut pairs = Vec::new();
    for (name, schema) in &operation.queries {
        if random.percent(25) {
            pairs.push(format!("{name}={}", query_value(random, schema)));
        }
    }
    if random.percent(10) {
        let (name, value) = (short_text(random), short_text(random));
        pairs.push(format!("{}={}", encoded(random, &name), encoded(random, &value)));
    }
    if random.percent(5) {
        pairs.extend(pairs.clone());
    }
    if random.percent(3) {
        pairs.push(
            random
                .pick(&["%", "%zz=1", "a=%ff", "=", "&&&", "page=1&page=2", "?", "a=b=c", "[]=1"])
                .to_owned(),
        );
    }
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

/// A text that fits into a URL or a header.
fn short_text(random: &mut Random) -> String {
    let mut text = text(random);
    text.truncate(text.floor_char_boundary(3000));
    text
}

/// A value of a parameter: mostly one that its schema allows.
fn query_value(random: &mut Random, schema: &Value) -> String {
    if random.percent(35) {
        let value = short_text(random);
        return encoded(random, &value);
    }
    let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed[random.below(allowed.len())].as_str().unwrap_or("1").to_owned();
    }
    match schema["type"].as_str() {
        Some("integer") => random.pick(&["1", "2", "20", "100", "101", "4294967295", "0", "-1"]).to_owned(),
        Some("boolean") => random.pick(&["true", "false", "1", "yes"]).to_owned(),
        _ if schema["format"] == "date" => {
            random.pick(&["2026-03-01", "2026-11-28", "0001-01-01", "9999-12-31"]).to_owned()
        }
        _ => random.pick(&["crane", "1", "x", "%D9%81"]).to_owned(),
    }
}

/// A text as part of a URL: encoded, or in a few requests as it is where HTTP allows it.
fn encoded(random: &mut Random, text: &str) -> String {
    let is_raw = random.percent(10);
    let mut encoded = String::new();
    for byte in text.bytes().take(9000) {
        if byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || (is_raw && byte.is_ascii_graphic() && byte != b'#')
        {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

fn header(head: &mut Vec<u8>, name: &str, value: &[u8]) {
    head.extend(name.bytes());
    head.extend(b": ");
    head.extend(value);
    head.extend(b"\r\n");
}

/// A text that does not end a header.
fn header_text(random: &mut Random) -> String {
    let text = short_text(random);
    text.chars().filter(|letter| !matches!(letter, '\r' | '\n' | '\0')).collect()
}

fn authorization(random: &mut Random, head: &mut Vec<u8>, token: impl FnOnce(usize) -> String) {
    let valid = token(random.below(usize::MAX));
    let value = match random.below(40) {
        0 => return,
        1 => random
            .pick(&["Bearer", "Bearer ", "Basic YTpi", "bearer x", "Bearer x y", "Bearer ..", "Bearer a.b.c"])
            .to_owned(),
        2 => {
            let mut changed = valid.into_bytes();
            let place = random.below(changed.len());
            if let Some(byte) = changed.get_mut(place) {
                *byte = if *byte == b'A' { b'B' } else { b'A' };
            }
            format!("Bearer {}", String::from_utf8_lossy(&changed))
        }
        3 => format!("Bearer {}", header_text(random)),
        _ => format!("Bearer {valid}"),
    };
    header(head, "Authorization", value.as_bytes());
}

/// Adds the body, with a length that is right or wrong.
fn framed(random: &mut Random, mut head: Vec<u8>, content: Option<(String, Vec<u8>)>) -> (Vec<u8>, Framing) {
    let Some((kind, body)) = content else {
        head.extend(b"\r\n");
        return (head, Framing::Valid);
    };
    header(&mut head, "Content-Type", kind.as_bytes());
    let length = |head: &mut Vec<u8>, length: &str| header(head, "Content-Length", length.as_bytes());
    let whole = body.len();
    let framing = match random.below(60) {
        0 => {
            length(&mut head, &(whole + 1 + random.below(100)).to_string());
            random.pick(&[Framing::Ended, Framing::Dropped])
        }
        1 => {
            length(&mut head, &whole.saturating_sub(1 + random.below(20)).to_string());
            Framing::Invalid
        }
        2 => {
            length(&mut head, random.pick(&["-1", "x", "", "18446744073709551616", "1, 2", "+5", "0x10"]));
            Framing::Invalid
        }
        3 => {
            length(&mut head, "99999999999");
            random.pick(&[Framing::Ended, Framing::Dropped])
        }
        4 => {
            length(&mut head, &whole.to_string());
            header(&mut head, "Transfer-Encoding", b"chunked");
            Framing::Invalid
        }
        5 => {
            let bad: &[&str] = &[
                "zz\r\nabc\r\n0\r\n\r\n",
                "-1\r\n\r\n",
                "ffffffffffffffffff\r\nx",
                "5;a=b\r\nabcdefgh\r\n0\r\n\r\n",
            ];
            header(&mut head, "Transfer-Encoding", b"chunked");
            head.extend(b"\r\n");
            head.extend(random.pick(bad).bytes());
            return (head, Framing::Ended);
        }
        6..=9 => {
            header(&mut head, "Transfer-Encoding", b"chunked");
            head.extend(b"\r\n");
            for chunk in body.chunks(1 + random.below(5000)) {
                head.extend(format!("{:x}\r\n", chunk.len()).bytes());
                head.extend(chunk);
                head.extend(b"\r\n");
            }
            head.extend(b"0\r\n\r\n");
            return (head, Framing::Valid);
        }
        10 => {
            length(&mut head, &whole.to_string());
            head.extend(b"\r\n");
            head.extend(&body[..random.below(whole)]);
            return (head, random.pick(&[Framing::Ended, Framing::Dropped]));
        }
        _ => {
            length(&mut head, &whole.to_string());
            Framing::Valid
        }
    };
    head.extend(b"\r\n");
    head.extend(body);
    (head, framing)
}

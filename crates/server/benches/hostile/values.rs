//! Hostile values: texts, JSON of the wrong shape, and damaged bodies.

use serde_json::{Value, json};

use crate::random::Random;

/// Texts that programs trip over.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "a\0b",
    "\u{202e}evil",
    "\u{feff}bom",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "👩‍👩‍👧‍👦🏴‍☠️",
    "مرحبا بالعالم",
    "١٢٣",
    "ﷺ",
    "ß",
    "İ",
    "\u{1f}\u{7f}\u{85}",
    "\u{10ffff}",
    "\u{fffd}",
    "'; DROP TABLE users; --",
    "%' OR 1=1 --",
    "\" OR \"\"=\"",
    "<script>alert(1)</script>",
    "{{7*7}}${7*7}%{7*7}",
    "../../../../etc/passwd",
    "..\\..\\windows",
    "%00",
    "%zz",
    "%s%s%s%n",
    "null",
    "true",
    "NaN",
    "Infinity",
    "1e400",
    "-1",
    "0",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999",
    "0x10",
    "1.5",
    "+1",
    "2026-02-30",
    "0000-00-00",
    "9999-12-31",
    "+999999-01-01",
    "-9999-01-01",
    "2026-03-01T24:00:60Z",
    "2026-03-01T00:00:00+25:00",
    "9999-12-31T23:59:59.999999999Z",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://[::1]:5000",
    "\r\nSet-Cookie: x=1",
    "a@b@c",
    "\"quoted\"@example.com",
    "@",
    "(((((((((((((((((((((((((",
    "**********",
    "AND OR NOT NEAR",
    "\"",
    "'",
    "\\",
    ":*",
    "&|!()<->",
];

/// A hostile text, sometimes a long one.
pub(crate) fn text(random: &mut Random) -> String {
    let text = random.pick(TEXTS);
    match random.below(40) {
        0 => text.repeat(10_000),
        1 => "x".repeat(1 << random.below(18)),
        2 => "é".repeat(1 << random.below(16)),
        3..=8 => format!("{text}{}", random.pick(TEXTS)),
        _ => text.to_owned(),
    }
}

/// A number that is an id of some object, or is hostile.
pub(crate) fn id(random: &mut Random) -> String {
    match random.below(12) {
        0 => text(random),
        1 => random
            .pick(&["0", "-1", "9223372036854775807", "9223372036854775808", "1.0", "１", "007"])
            .to_string(),
        2 => random.next().to_string(),
        n if n < 7 => (1 + random.below(20)).to_string(),
        _ => (1 + random.below(400)).to_string(),
    }
}

/// A JSON value of any type.
pub(crate) fn value(random: &mut Random) -> Value {
    match random.below(16) {
        0 => Value::Null,
        1 => json!(random.percent(50)),
        2 => json!(random.pick(&[0, -1, 1, i64::MAX, i64::MIN, 4_294_967_296])),
        3 => json!(u64::MAX),
        4 => json!(random.pick(&[0.5, -0.0, 1e308, 1e-308, 1e19, 0.1])),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[], {}, null, "x", 1]),
        8 => json!(vec![text(random); random.below(300)]),
        9 => nested(random.below(120)),
        10 => json!({ text(random): text(random) }),
        11 => json!(id(random).parse::<i64>().unwrap_or(1)),
        _ => json!(text(random)),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth)
        .fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
}

/// Changes some parts of a value: other values, missing and additional fields.
pub(crate) fn mutated(random: &mut Random, valid: &Value, percent: usize) -> Value {
    if random.percent(percent) {
        return value(random);
    }
    match valid {
        Value::Object(fields) => {
            let mut changed = serde_json::Map::new();
            for (name, inner) in fields {
                if !random.percent(percent / 2) {
                    changed.insert(name.clone(), mutated(random, inner, percent));
                }
            }
            if random.percent(percent) {
                changed.insert(text(random), value(random));
            }
            changed.into()
        }
        Value::Array(items) => {
            let repeated = if random.percent(percent / 4) { random.below(300) } else { 1 };
            let all = items.iter().cycle().take(items.len() * repeated);
            all.map(|item| mutated(random, item, percent)).collect()
        }
        // Another object, so that there is something to find.
        Value::Number(number) if number.is_i64() && random.percent(50) => json!(1 + random.below(300)),
        other => other.clone(),
    }
}

/// The bytes of a JSON body, damaged in some requests.
pub(crate) fn json_bytes(random: &mut Random, body: &Value) -> Vec<u8> {
    let mut bytes = body.to_string().into_bytes();
    match random.below(40) {
        0 => bytes.truncate(random.below(bytes.len() + 1)),
        1 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        2 => bytes = body.to_string().encode_utf16().flat_map(u16::to_le_bytes).collect(),
        3 => bytes.extend(b"}{]["),
        4 => {
            let place = random.below(bytes.len());
            bytes.insert(place, 0xff);
        }
        5 => bytes = b"[".repeat(1 << random.below(18)),
        6 => bytes = b"{\"a\":".repeat(1 << random.below(14)),
        7 => bytes = br#"{"email":"\ud800","full_name":"\udfff\ud800","description":"\u0000"}"#.to_vec(),
        8 => bytes = br#"{"id":1,"id":2,"id":1e400,"amount":-0,"n":1E+99999}"#.to_vec(),
        9 => bytes = b"a=1&b=2".to_vec(),
        10 => bytes.clear(),
        11 => {
            let place = random.below(bytes.len());
            if let Some(byte) = bytes.get_mut(place) {
                *byte = byte.wrapping_add(u8::try_from(random.below(255)).unwrap_or(1));
            }
        }
        12 => bytes = format!("{{\"description\":\"{}\"}}", "x".repeat(1 << random.below(21))).into_bytes(),
        _ => {}
    }
    bytes
}

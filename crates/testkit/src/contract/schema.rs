//! JSON Schema 2020-12, as far as the document uses it. A keyword that is not supported is a
//! violation, so that the document never says more than is checked.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Keywords that describe and do not restrict.
const ANNOTATIONS: &[&str] = &[
    "contentMediaType",
    "deprecated",
    "description",
    "example",
    "examples",
    "readOnly",
    "title",
    "writeOnly",
];

/// The beginning of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The target of a reference, or the value itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).map_or(value, |target| resolve(document, target)),
        None => value,
    }
}

/// Checks values against schemas.
pub(super) struct Checker<'a> {
    document: &'a Value,
    /// Whether a field that no schema of the object describes is a violation.
    is_closed: bool,
    violations: Vec<String>,
}

impl<'a> Checker<'a> {
    /// A checker that admits no undeclared fields.
    pub(super) const fn closed(document: &'a Value) -> Self {
        Self { document, is_closed: true, violations: Vec::new() }
    }

    /// A checker that admits undeclared fields.
    pub(super) const fn open(document: &'a Value) -> Self {
        Self { document, is_closed: false, violations: Vec::new() }
    }

    /// The violations found so far.
    pub(super) fn into_violations(self) -> Vec<String> {
        self.violations
    }

    fn report(&mut self, at: &str, problem: &str) {
        self.violations.push(format!("{} {problem}", if at.is_empty() { "/" } else { at }));
    }

    /// Checks the value at a position of the body.
    pub(super) fn check(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let mut described = BTreeSet::new();
        self.apply(schema, value, at, &mut described);
        let names = value.as_object().into_iter().flat_map(Map::keys);
        for name in
            names.filter(|name| self.is_closed && !described.contains(*name)).cloned().collect::<Vec<_>>()
        {
            self.report(&format!("{at}/{name}"), "is not declared");
        }
    }

    /// Whether the value is valid by the standard, which admits undeclared fields.
    fn is_valid(&self, schema: &'a Value, value: &Value) -> bool {
        let mut checker = Self::open(self.document);
        checker.apply(schema, value, "", &mut BTreeSet::new());
        checker.violations.is_empty()
    }

    /// Applies the keywords of a schema, and collects the names of the fields they describe.
    fn apply(&mut self, schema: &'a Value, value: &Value, at: &str, described: &mut BTreeSet<String>) {
        let Some(keywords) = schema.as_object() else {
            self.report(at, "has no schema");
            return;
        };
        if keywords.keys().all(|keyword| ANNOTATIONS.contains(&keyword.as_str())) {
            // Any value.
            described.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
            return;
        }
        for (keyword, operand) in keywords {
            match keyword.as_str() {
                "$ref" => self.apply(resolve(self.document, schema), value, at, described),
                "allOf" => {
                    for part in operand.as_array().into_iter().flatten() {
                        self.apply(part, value, at, described);
                    }
                }
                "oneOf" | "anyOf" => self.apply_one(keyword, operand, value, at, described),
                "properties" => self.apply_properties(operand, value, at, described),
                "additionalProperties" => self.apply_rest(keywords, operand, value, at, described),
                "items" => {
                    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(operand, element, &format!("{at}/{index}"));
                    }
                }
                "propertyNames" => {
                    for name in value.as_object().into_iter().flat_map(Map::keys) {
                        self.check(operand, &name.as_str().into(), &format!("{at}/{name}"));
                    }
                }
                "required" => {
                    for name in operand.as_array().into_iter().flatten().filter_map(Value::as_str) {
                        if value.as_object().is_some_and(|fields| !fields.contains_key(name)) {
                            self.report(&format!("{at}/{name}"), "is missing");
                        }
                    }
                }
                annotation if ANNOTATIONS.contains(&annotation) => {}
                _ => {
                    if let Some(problem) = problem(keyword, operand, value) {
                        self.report(at, &problem);
                    }
                }
            }
        }
    }

    fn apply_one(
        &mut self,
        keyword: &str,
        parts: &'a Value,
        value: &Value,
        at: &str,
        described: &mut BTreeSet<String>,
    ) {
        let parts = parts.as_array().into_iter().flatten();
        let valid: Vec<&Value> = parts.filter(|part| self.is_valid(part, value)).collect();
        if valid.is_empty() {
            self.report(at, &format!("fits none of its types: {}", shortened(&value.to_string())));
            described.extend(value.as_object().into_iter().flat_map(Map::keys).cloned());
        }
        if keyword == "oneOf" && valid.len() > 1 {
            self.report(at, "fits several of its types");
        }
        for part in valid {
            self.apply(part, value, at, described);
        }
    }

    fn apply_properties(
        &mut self,
        properties: &'a Value,
        value: &Value,
        at: &str,
        described: &mut BTreeSet<String>,
    ) {
        let Some(fields) = value.as_object() else { return };
        for (name, schema) in properties.as_object().into_iter().flatten() {
            if let Some(field) = fields.get(name) {
                described.insert(name.clone());
                self.check(schema, field, &format!("{at}/{name}"));
            }
        }
    }

    fn apply_rest(
        &mut self,
        keywords: &Map<String, Value>,
        operand: &'a Value,
        value: &Value,
        at: &str,
        described: &mut BTreeSet<String>,
    ) {
        let known = keywords.get("properties").and_then(Value::as_object);
        for (name, field) in value.as_object().into_iter().flatten() {
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            described.insert(name.clone());
            match operand {
                Value::Bool(true) => {}
                Value::Bool(false) => self.report(&format!("{at}/{name}"), "is not declared"),
                schema => self.check(schema, field, &format!("{at}/{name}")),
            }
        }
    }
}

/// The problem of a value with a keyword that concerns single values.
fn problem(keyword: &str, operand: &Value, value: &Value) -> Option<String> {
    let number = |is_fine: fn(f64, f64) -> bool, what: &str| {
        let (limit, number) = (operand.as_f64()?, value.as_f64()?);
        (!is_fine(number, limit)).then(|| format!("is {what} {operand}"))
    };
    let length = |length: Option<usize>, is_fine: fn(usize, usize) -> bool, what: &str| {
        let limit = usize::try_from(operand.as_u64()?).ok()?;
        (!is_fine(length?, limit)).then(|| format!("is {what} than {limit}"))
    };
    let characters = value.as_str().map(|text| text.chars().count());
    let elements = value.as_array().map(Vec::len);
    match keyword {
        "type" => {
            let has = |kind: &Value| has_type(kind.as_str().unwrap_or_default(), value);
            let fits = operand.as_array().map_or_else(|| has(operand), |kinds| kinds.iter().any(has));
            (!fits).then(|| format!("is not of the type {operand}: {}", shortened(&value.to_string())))
        }
        "enum" => {
            let is_known = operand.as_array().is_some_and(|values| values.contains(value));
            (!is_known).then(|| format!("is {value}, which the enum does not have"))
        }
        "const" => (operand != value).then(|| format!("is {value}, not {operand}")),
        "format" => {
            let format = operand.as_str().unwrap_or_default();
            (!has_format(format, value)).then(|| format!("is not of the format {format}: {value}"))
        }
        "pattern" => {
            let text = value.as_str()?;
            match matches_pattern(operand.as_str().unwrap_or_default(), text) {
                Some(true) => None,
                Some(false) => Some(format!("does not match {operand}: {value}")),
                None => Some(format!("has the pattern {operand}, which the check does not support")),
            }
        }
        "minimum" => number(|number, limit| number >= limit, "less than"),
        "maximum" => number(|number, limit| number <= limit, "more than"),
        "exclusiveMinimum" => number(|number, limit| number > limit, "not more than"),
        "minLength" => length(characters, |length, limit| length >= limit, "shorter"),
        "maxLength" => length(characters, |length, limit| length <= limit, "longer"),
        "minItems" => length(elements, |length, limit| length >= limit, "shorter"),
        "maxItems" => length(elements, |length, limit| length <= limit, "longer"),
        other => Some(format!("has the keyword {other}, which the check does not support")),
    }
}

fn has_type(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn has_format(format: &str, value: &Value) -> bool {
    if let Some(number) = value.as_i64() {
        return match format {
            "int32" => i32::try_from(number).is_ok(),
            "int64" | "double" | "float" => true,
            _ => false,
        };
    }
    let Some(text) = value.as_str() else { return value.is_f64() || value.is_null() };
    match format {
        "date" => is_date(text),
        "date-time" => text.split_once('T').is_some_and(|(date, time)| is_date(date) && is_time(time)),
        "uuid" => has_shape(text, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"),
        "email" => text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()),
        "password" | "uri-reference" => true,
        _ => false,
    }
}

/// Whether a text has digits at each `0` of the shape, hexadecimal ones at each `x`, and its other
/// characters.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(found, expected)| match expected {
            b'0' => found.is_ascii_digit(),
            b'x' => found.is_ascii_hexdigit(),
            other => found == other,
        })
}

fn is_date(text: &str) -> bool {
    let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok());
    has_shape(text, "0000-00-00")
        && part(5..7).is_some_and(|month| (1..=12).contains(&month))
        && part(8..10).is_some_and(|day| (1..=31).contains(&day))
}

/// Whether a text is the time of an RFC 3339 instant: with seconds and an offset.
fn is_time(text: &str) -> bool {
    let Some((clock, rest)) = text.split_at_checked(8) else { return false };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    has_shape(clock, "00:00:00") && (rest == "Z" || has_shape(rest, "+00:00") || has_shape(rest, "-00:00"))
}

/// Whether a text matches a pattern of one class of characters with a count, such as
/// `^[a-z-]{2,20}$`. `None` for other patterns.
fn matches_pattern(pattern: &str, text: &str) -> Option<bool> {
    let (characters, count) = pattern.strip_prefix("^[")?.strip_suffix('$')?.split_once(']')?;
    let (least, most) = match count {
        "+" => (1, usize::MAX),
        "*" => (0, usize::MAX),
        counted => {
            let (least, most) = counted.strip_prefix('{')?.strip_suffix('}')?.split_once(',')?;
            (least.parse().ok()?, most.parse().ok()?)
        }
    };
    let characters: Vec<char> = characters.chars().collect();
    let is_in_class = |c: char| {
        let mut rest = characters.as_slice();
        while let Some((first, others)) = rest.split_first() {
            rest = match others {
                ['-', end, beyond @ ..] => {
                    if (*first..=*end).contains(&c) {
                        return true;
                    }
                    beyond
                }
                _ if *first == c => return true,
                _ => others,
            };
        }
        false
    };
    Some((least..=most).contains(&text.chars().count()) && text.chars().all(is_in_class))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formats_and_patterns_are_checked() {
        for (format, fine, wrong) in [
            ("date", json!("2026-03-01"), json!("2026-13-01")),
            ("date-time", json!("2026-03-01T07:00:00.000Z"), json!("2026-03-01T07:00")),
            ("date-time", json!("2026-03-01T07:00:00+03:00"), json!("2026-03-01 07:00:00Z")),
            ("uuid", json!("00000000-0000-4000-8000-00000000000f"), json!("0")),
            ("email", json!("a@example.com"), json!("a")),
            ("int32", json!(7), json!(5_000_000_000_i64)),
        ] {
            assert!(has_format(format, &fine), "{format} {fine}");
            assert!(!has_format(format, &wrong), "{format} {wrong}");
        }
        let badge = |text| matches_pattern("^[A-Z0-9-]{2,20}$", text);
        assert_eq!([badge("INS-007"), badge("x7"), badge("A")], [Some(true), Some(false), Some(false)]);
        assert_eq!(matches_pattern("^(a|b)$", "a"), None);
    }

    #[test]
    fn an_unknown_keyword_is_a_violation() {
        let document = json!({});
        let schema = json!({"type": "object", "dependentRequired": {}});
        let mut checker = Checker::closed(&document);
        checker.check(&schema, &json!({}), "");
        assert_eq!(checker.into_violations().len(), 1);
    }

    #[test]
    fn exactly_one_type_fits() {
        let document = json!({});
        let schema = json!({"oneOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]});
        let found = |value: Value| {
            let mut checker = Checker::closed(&document);
            checker.check(&schema, &value, "/x");
            checker.into_violations()
        };
        assert_eq!(found(json!(1)), ["/x fits several of its types"]);
        assert_eq!(found(json!(1.5)), Vec::<String>::new());
        assert_eq!(found(json!("a")), ["/x fits none of its types: \"a\""]);
    }
}

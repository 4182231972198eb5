//! The table of fields, compared with the API document and with responses.

use std::collections::{BTreeMap, BTreeSet};

use inspection_testkit::clients::Response;
use serde_json::Value;

/// The objects of the table, and the schemas of the document that show them.
pub(super) const OBJECTS: &[(&str, &[&str])] = &[
    ("assessment", &["AssessmentView"]),
    ("bonus_star", &["BonusView"]),
    ("checklist", &["ChecklistView"]),
    ("checklist_item", &["ItemView"]),
    ("defect", &["DefectView"]),
    ("defect_assessment", &["DefectAssessmentView"]),
    ("engineer_job", &["EngineerJobView"]),
    ("equipment", &["EquipmentView"]),
    ("file", &["FileView"]),
    ("inspection", &["InspectionView"]),
    ("inspection_answer", &["InspectionAnswerView"]),
    ("inspection_assignment", &["AssignmentView"]),
    ("inspection_list", &["ListDetail"]),
    ("inspection_routine", &["RoutineView"]),
    ("inspection_schedule", &["ScheduleView"]),
    ("leave", &["LeaveView"]),
    ("notification", &["NotificationView"]),
    ("pause", &["PauseView"]),
    ("quality_review", &["ReviewView"]),
    ("rating", &["RatingView"]),
    ("specialist_job", &["SpecialistJobView"]),
    ("sync_item", &["SyncItemView"]),
    ("takeover", &["TakeoverView"]),
    ("user", &["UserView", "UserSummary"]),
];

/// Fields that are null although the table says that they have a value: private ones of another
/// person, the details of a job whose owner has not entered the planned time, and the inspection of
/// a defect that was reported without one.
const HIDDEN: &[(&str, &str)] = &[
    ("UserSummary", "email"),
    ("EngineerJobView", "title"),
    ("EngineerJobView", "description"),
    ("DefectView", "inspection_id"),
];

/// A field of an object.
pub(super) struct Field {
    name: &'static str,
    kind: &'static str,
    /// Whether it may be null. It is never missing.
    is_optional: bool,
}

/// The table: the fields of each object.
pub(super) fn objects() -> BTreeMap<String, Vec<Field>> {
    let mut objects = BTreeMap::<String, Vec<Field>>::new();
    for line in include_str!("../client_fields.tsv").lines().skip(1) {
        let columns: Vec<_> = line.split('\t').collect();
        let [object, name, kind] = columns.try_into().expect("three columns");
        let field = Field { name, kind: kind.trim_end_matches('?'), is_optional: kind.ends_with('?') };
        objects.entry(object.to_owned()).or_default().push(field);
    }
    objects
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => resolved(document, document.pointer(pointer).expect("a target")),
        None => schema,
    }
}

/// The properties of an object, and the names of those that are always present.
fn properties<'a>(
    document: &'a Value,
    schema: &'a Value,
) -> (BTreeMap<&'a str, &'a Value>, BTreeSet<&'a str>) {
    let schema = resolved(document, schema);
    let mut all: BTreeMap<_, _> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, it)| (name.as_str(), it))
        .collect();
    let mut required: BTreeSet<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        let (more, needed) = properties(document, part);
        all.extend(more);
        required.extend(needed);
    }
    (all, required)
}

/// The types of a schema's values, with the format or `enum`: `integer`, `string date`, `null`, ….
fn types(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolved(document, schema);
    let mut found = BTreeSet::new();
    for part in ["oneOf", "anyOf"] {
        let parts = schema[part].as_array().into_iter().flatten();
        found.extend(parts.flat_map(|part| types(document, part)));
    }
    if schema["allOf"].is_array() {
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let parts: BTreeSet<_> = parts.flat_map(|part| types(document, part)).collect();
        found.extend(if parts.is_empty() { BTreeSet::from(["object".to_owned()]) } else { parts });
    }
    let named = match &schema["type"] {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect::<Vec<_>>(),
    };
    for name in named {
        let format = match (name, schema["format"].as_str()) {
            ("string", Some(format)) => format!(" {format}"),
            ("string", None) if schema["enum"].is_array() => " enum".to_owned(),
            _ => String::new(),
        };
        found.insert(format!("{name}{format}"));
    }
    found
}

/// The documented types that are compatible with a type of the table.
fn compatible(kind: &str) -> &'static [&'static str] {
    match kind {
        "integer" => &["integer"],
        "number" => &["number", "integer"],
        "text" => &["string", "string enum"],
        "enum" => &["string enum"],
        "boolean" => &["boolean"],
        "instant" => &["string date-time"],
        "date" => &["string date"],
        "object" => &["object"],
        "list" => &["array"],
        "json" => &["object", "array"],
        other => panic!("no type {other}"),
    }
}

/// The fields of an object that its schema lacks or describes with another type.
pub(super) fn documented(document: &Value, schema: &str, object: &str, fields: &[Field]) -> Vec<String> {
    let Some(described) = document["components"]["schemas"].get(schema) else {
        return vec![format!("{object}: there is no schema {schema}")];
    };
    let (properties, required) = properties(document, described);
    let mut wrong = Vec::new();
    for Field { name, kind, is_optional } in fields {
        let Some(property) = properties.get(name) else {
            wrong.push(format!("{schema}.{name} ({object}, {kind}) is missing"));
            continue;
        };
        if !required.contains(name) {
            wrong.push(format!("{schema}.{name} may be missing"));
        }
        let mut types = types(document, property);
        if types.remove("null") && !is_optional && !HIDDEN.contains(&(schema, name)) {
            wrong.push(format!("{schema}.{name} may be null"));
        }
        if types.is_empty() || !types.iter().all(|found| compatible(kind).contains(&found.as_str())) {
            wrong.push(format!("{schema}.{name} is {types:?}, not {kind}"));
        }
    }
    wrong
}

/// Whether a value of a response has a type of the table.
fn has_type(value: &Value, kind: &str) -> bool {
    let digits = |text: &str, shape: &str| {
        text.len() >= shape.len()
            && text
                .chars()
                .zip(shape.chars())
                .all(|(c, s)| if s == '0' { c.is_ascii_digit() } else { c == s })
    };
    match kind {
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "instant" => {
            value.as_str().is_some_and(|text| digits(text, "0000-00-00T00:00:00") && text.ends_with('Z'))
        }
        "date" => value.as_str().is_some_and(|text| digits(text, "0000-00-00") && text.len() == 10),
        "object" => value.is_object(),
        "list" => value.is_array(),
        "json" => value.is_object() || value.is_array(),
        _ => value.is_string(),
    }
}

/// Compares the objects in responses with the table. The schema of a response says which objects
/// are in it.
pub(super) struct Checker<'a> {
    document: &'a Value,
    not_yet: &'a [&'a str],
    objects: BTreeMap<String, Vec<Field>>,
    wrong: BTreeSet<String>,
    /// Schemas of the table that were met.
    met: BTreeSet<&'static str>,
    /// Values of enums that were met, by schema and field.
    states: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(document: &'a Value, not_yet: &'a [&'a str]) -> Self {
        Self {
            document,
            not_yet,
            objects: objects(),
            wrong: BTreeSet::new(),
            met: BTreeSet::new(),
            states: BTreeMap::new(),
        }
    }

    /// Checks a response; whether it is a success.
    pub(super) fn check(&mut self, path: &str, operation: &'a Value, response: &Response) -> bool {
        if response.status != 200 {
            assert!(matches!(response.status, 403 | 404), "{path}: {} {}", response.status, response.text);
            return false;
        }
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        self.walk(path, schema, &response.json);
        true
    }

    fn walk(&mut self, path: &str, schema: &'a Value, value: &Value) {
        if value.is_null() {
            return;
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            let shows = OBJECTS.iter().find_map(|(object, schemas)| {
                schemas.iter().find(|schema| **schema == name).map(|schema| (*object, *schema))
            });
            if let Some((object, schema)) = shows {
                self.object(path, object, schema, value);
            }
        }
        let schema = resolved(self.document, schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.walk(path, part, value);
        }
        let one_of = schema["oneOf"].as_array().into_iter().flatten();
        let fitting = one_of
            .filter(|part| self.fits(part, value))
            .max_by_key(|part| properties(self.document, part).1.len());
        if let Some(part) = fitting {
            self.walk(path, part, value);
        }
        for element in value.as_array().into_iter().flatten() {
            self.walk(path, &schema["items"], element);
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            let property = &schema["properties"][name];
            self.walk(
                path,
                if property.is_null() { &schema["additionalProperties"] } else { property },
                value,
            );
        }
    }

    /// Whether a value has all properties that a schema requires.
    fn fits(&self, schema: &'a Value, value: &Value) -> bool {
        let (_, required) = properties(self.document, schema);
        resolved(self.document, schema)["type"] != "null"
            && required.iter().all(|name| value.get(name).is_some())
    }

    fn object(&mut self, path: &str, object: &str, schema: &'static str, value: &Value) {
        self.met.insert(schema);
        let (described, _) = properties(self.document, &self.document["components"]["schemas"][schema]);
        for (name, property) in described {
            let values = types(self.document, property)
                .contains("string enum")
                .then(|| value[name].as_str())
                .flatten();
            if name.ends_with("status")
                && let Some(state) = values
            {
                self.states.entry(format!("{schema}.{name}")).or_default().insert(state.to_owned());
            }
        }
        if self.not_yet.contains(&object) {
            return;
        }
        for Field { name, kind, is_optional } in &self.objects[object] {
            let is_right = match value.get(name) {
                None => false,
                Some(Value::Null) => *is_optional || HIDDEN.contains(&(schema, name)),
                Some(value) => has_type(value, kind),
            };
            if !is_right {
                let found = value.get(name).map_or_else(|| "missing".to_owned(), Value::to_string);
                self.wrong.insert(format!("{path}: {schema}.{name} is {found}, not {kind}"));
            }
        }
    }

    /// Reports what is wrong, and schemas and states that no response showed.
    pub(super) fn finish(mut self, transient: &[&str]) {
        for (object, schemas) in OBJECTS.iter().filter(|(object, _)| !self.not_yet.contains(object)) {
            let unseen = schemas.iter().filter(|schema| !self.met.contains(*schema));
            self.wrong.extend(unseen.map(|schema| format!("no response shows {object} as {schema}")));
        }
        let is_done = |name: &str| {
            OBJECTS.iter().any(|(object, schemas)| schemas.contains(&name) && !self.not_yet.contains(object))
        };
        for schema in self.met.iter().filter(|schema| is_done(schema)) {
            let (described, _) = properties(self.document, &self.document["components"]["schemas"][schema]);
            for (name, property) in described.into_iter().filter(|(name, _)| name.ends_with("status")) {
                let field = format!("{schema}.{name}");
                let values = enum_values(self.document, property);
                let unseen = values.iter().filter(|value| {
                    let seen = self.states.get(&field).is_some_and(|seen| seen.contains(**value));
                    !seen && !transient.contains(&format!("{field} {value}").as_str())
                });
                self.wrong.extend(unseen.map(|value| format!("no response shows {field} {value}")));
            }
        }
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
    }
}

fn enum_values<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let schema = resolved(document, schema);
    let own = schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let parts = ["oneOf", "anyOf", "allOf"]
        .into_iter()
        .flat_map(|part| schema[part].as_array().into_iter().flatten());
    own.chain(parts.flat_map(|part| enum_values(document, part))).collect()
}

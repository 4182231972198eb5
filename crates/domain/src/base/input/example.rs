//! Examples of inputs in the API document, by field name and schema.

use serde_json::{Value, json};
use utoipa::openapi::{
    Object, RefOr, Schema,
    schema::{ArrayItems, SchemaType, Type},
};

/// Texts of fields that have no format, by field name.
const TEXTS: &[(&str, &str)] = &[
    ("asset_types", "Quay crane"),
    ("berth", "B3"),
    ("category", "evidence"),
    ("client_id", "0f8fad5b-d9cb-469f-a165-70867728950e"),
    ("comment", "Small leak at the flange."),
    ("current_password", "harbour-demo-site"),
    ("description", "Oil leak at the main hoist."),
    ("equipment_type", "Quay crane"),
    ("email", "jana@example.com"),
    ("full_name", "Jana Example"),
    ("location", "North quay"),
    ("location_ar", "الرصيف الشمالي"),
    ("location_en", "North quay"),
    ("manufacturer", "Acme"),
    ("model_number", "QC-200"),
    ("name", "Quay crane 1"),
    ("name_ar", "رافعة الرصيف 1"),
    ("new_password", "a new pass phrase 7"),
    ("notes", "Checked after the repair."),
    ("password", "a new pass phrase 7"),
    ("phone", "+44 20 7946 0000"),
    ("photo_path", "photos/flange.jpg"),
    ("question_text", "Is the casing free of leaks?"),
    ("question_text_ar", "هل الغلاف خالٍ من التسرب؟"),
    ("reason", "The spare part arrives tomorrow."),
    ("rejection_reason", "The weld is cracked and must be redone."),
    ("resolution_notes", "Replaced the seal and tested it."),
    ("serial_number", "QC-0042"),
    ("technical_notes", "The bearing has too much play."),
    ("title", "Overhaul of the main hoist"),
    ("version", "2.0"),
    ("work_notes", "Replaced the seal and tested it."),
];

/// Fields that an example leaves out, since they exclude or presuppose others.
const LEFT_OUT: &[&str] = &[
    "assigned_technician_id",
    "choices",
    "fails_on",
    "list_id",
    "minor_role",
    "minor_role_id",
    "photo_file_ids",
    "planned_time_days",
    "recurrence",
    "related_id",
    "related_job_id",
    "related_job_type",
    "related_type",
    "role_id",
    "show_if",
    "starts_on",
    "unit",
    "warning",
];

/// The example of a field; `None` if the example of the object leaves it out.
pub(super) fn of_field(name: &str, schema: &RefOr<Schema>) -> Option<Value> {
    if LEFT_OUT.contains(&name) { None } else { of_schema(name, schema) }
}

fn of_schema(name: &str, schema: &RefOr<Schema>) -> Option<Value> {
    match schema {
        RefOr::T(Schema::Object(object)) => of_object(name, object),
        RefOr::T(Schema::Array(array)) if !array.examples.is_empty() => array.examples.first().cloned(),
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(element) => Some(Value::Array(vec![of_schema(name, element)?])),
            ArrayItems::False => None,
        },
        RefOr::T(Schema::AllOf(all)) => of_schema(name, all.items.first()?),
        RefOr::T(Schema::OneOf(one)) => of_schema(name, one.items.first()?),
        RefOr::T(Schema::AnyOf(any)) => of_schema(name, any.items.first()?),
        _ => None,
    }
}

fn of_object(name: &str, object: &Object) -> Option<Value> {
    if let Some(first) = object.enum_values.iter().flatten().next() {
        return Some(first.clone());
    }
    if let Some(example) = object.examples.first() {
        return Some(example.clone());
    }
    let kind = match &object.schema_type {
        SchemaType::Type(kind) => kind,
        SchemaType::Array(kinds) => kinds.first()?,
        SchemaType::AnyValue => return None,
    };
    match kind {
        Type::String => {
            let text = TEXTS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text);
            let text = text.unwrap_or("See the log book of the machine.");
            let most = object.max_length.unwrap_or(usize::MAX);
            Some(json!(text.chars().take(most).collect::<String>().trim_end()))
        }
        Type::Integer => Some(json!(1)),
        Type::Number => Some(json!(1.5)),
        Type::Boolean => Some(json!(true)),
        Type::Object => {
            let fields = object.properties.iter().filter(|(_, property)| !is_deprecated(property));
            let examples =
                fields.filter_map(|(name, property)| Some((name.clone(), of_field(name, property)?)));
            Some(Value::Object(examples.collect()))
        }
        Type::Array | Type::Null => None,
    }
}

fn is_deprecated(schema: &RefOr<Schema>) -> bool {
    let description = match schema {
        RefOr::T(Schema::Object(object)) => &object.description,
        RefOr::T(Schema::Array(array)) => &array.description,
        RefOr::T(Schema::OneOf(one)) => &one.description,
        RefOr::T(Schema::AllOf(all)) => &all.description,
        _ => return false,
    };
    description.as_ref().is_some_and(|text| text.starts_with("Another name of "))
}

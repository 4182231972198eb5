//! Translatable texts of objects and their translations (rule book §13).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{page::Page, text::Language, time::Instant};

/// A text written by a user, with its place in an object.
#[derive(Debug)]
pub struct Slot<'a> {
    /// Type of the object.
    pub model_type: &'static str,
    /// Primary key of the object.
    pub model_id: i64,
    /// Name of the field.
    pub field_name: &'static str,
    /// The text, which a translation may replace.
    pub text: &'a mut String,
    /// Arabic text written by a user; it takes precedence over a machine translation.
    pub arabic: Option<&'a str>,
}

/// A value that contains texts written by users.
pub trait Translated {
    /// Visits every text.
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>));
}

impl<T: Translated> Translated for Option<T> {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        if let Some(one) = self {
            one.texts(see);
        }
    }
}

impl<T: Translated> Translated for Vec<T> {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        for one in self {
            one.texts(see);
        }
    }
}

impl<T: Translated> Translated for Box<T> {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        (**self).texts(see);
    }
}

impl<T: Translated> Translated for Page<T> {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        self.items.texts(see);
    }
}

impl<T: Translated> Translated for &mut T {
    fn texts(&mut self, see: &mut dyn FnMut(Slot<'_>)) {
        (**self).texts(see);
    }
}

/// Lists the fields of a view that contain translatable text; empty braces declare a view without
/// any:
/// `shows!(DefectView { defect, equipment });`
#[macro_export]
macro_rules! shows {
    ($($shown:ty { $($part:ident),* $(,)? }),+ $(,)?) => {$(
        impl $crate::translations::Translated for $shown {
            #[allow(unused_variables, reason = "a view without translatable parts has no use for `see`")]
            fn texts(&mut self, see: &mut dyn FnMut($crate::translations::Slot<'_>)) {
                $( $crate::translations::Translated::texts(&mut self.$part, see); )*
            }
        }
    )+};
}

shows! {
    () {},
    i64 {},
    usize {},
}

/// A field that may hold a text.
pub trait Textual {
    /// The text, if present.
    fn text(&mut self) -> Option<&mut String>;
}

impl Textual for String {
    fn text(&mut self) -> Option<&mut String> {
        Some(self)
    }
}

impl Textual for Option<String> {
    fn text(&mut self) -> Option<&mut String> {
        self.as_mut()
    }
}

/// Declares the translatable fields of an entity or of its view, each with the field of its Arabic
/// text, if any:
/// `translated!(Defect, "defect", { description / description_ar, resolution_notes });`
#[macro_export]
macro_rules! translated {
    ($entity:ty, $model:literal, { $($field:ident $(/ $arabic:ident)?),+ $(,)? }) => {
        impl $crate::translations::Translated for $entity {
            fn texts(&mut self, see: &mut dyn FnMut($crate::translations::Slot<'_>)) {
                $(
                    if let Some(text) = $crate::translations::Textual::text(&mut self.$field) {
                        let arabic: Option<&str> = None$(.or(self.$arabic.as_deref()))?;
                        see($crate::translations::Slot {
                            model_type: $model,
                            model_id: self.id.get(),
                            field_name: stringify!($field),
                            text,
                            arabic,
                        });
                    }
                )+
            }
        }
    };
}

/// SHA-256 of a text in hexadecimal, which identifies the content that a translation belongs to.
pub fn content_hash(text: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(text.as_bytes()))
}

/// Whether a text contains letters. Numbers and punctuation need no translation.
pub(crate) fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// A request to translate a text, with its content at the time of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranslationRequest {
    /// Type of the object.
    pub model_type: String,
    /// Primary key of the object.
    pub model_id: i64,
    /// Name of the field.
    pub field_name: String,
    /// Content.
    pub text: String,
}

impl TranslationRequest {
    /// Serialises the request as the payload of a background job.
    pub fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses the payload of a background job; `None` if it is not a translation request. The
    /// reasons of leaves, which earlier versions requested, are none.
    pub fn of_payload(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok().filter(|request: &Self| request.model_type != "leave")
    }

    /// Target language.
    pub fn language(&self) -> Language {
        Language::of(&self.text).other()
    }
}

/// Requests for the texts that a change adds or replaces and that have no Arabic text by a user
/// (§13).
pub fn requests<T: Translated + Clone>(before: Option<&T>, after: &T) -> Vec<TranslationRequest> {
    let mut known = Vec::new();
    if let Some(before) = before {
        before.clone().texts(&mut |slot| {
            if slot.arabic.is_none() {
                known.push((slot.field_name, slot.text.clone()));
            }
        });
    }
    let mut requests = Vec::new();
    after.clone().texts(&mut |slot| {
        let is_known = known.iter().any(|(field, text)| *field == slot.field_name && text == slot.text);
        if slot.arabic.is_none() && !is_known && has_words(slot.text) {
            requests.push(TranslationRequest {
                model_type: slot.model_type.to_owned(),
                model_id: slot.model_id,
                field_name: slot.field_name.to_owned(),
                text: slot.text.clone(),
            });
        }
    });
    requests
}

/// A machine translation of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::translations)
)]
pub struct Translation {
    /// Type of the object.
    pub model_type: String,
    /// Primary key of the object.
    pub model_id: i64,
    /// Name of the field.
    pub field_name: String,
    /// Target language.
    pub language: Language,
    /// Hash of the source text. The translation applies to no other content.
    pub source_hash: String,
    /// Translated text.
    pub text: String,
    /// Background job that produced it. A later job's translation is not overwritten.
    pub version: i64,
    /// Creation time.
    pub created_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        defects::Defect,
        equipment::Equipment,
        leaves::Leave,
        page::PageRequest,
        testing::{self, id},
        time::Date,
    };

    fn fields(before: Option<&Equipment>, after: &Equipment) -> Vec<String> {
        requests(before, after).into_iter().map(|request| request.field_name).collect()
    }

    #[test]
    fn a_new_text_without_arabic_of_its_own_is_requested() {
        let nowhere = Equipment { location: None, location_ar: None, ..testing::equipment() };
        assert!(fields(None, &nowhere).is_empty());
        let quay = Equipment { location: Some("Quay 3, north".into()), ..nowhere.clone() };
        assert_eq!(fields(None, &quay), ["location"]);
        assert_eq!(fields(Some(&nowhere), &quay), ["location"]);
        assert!(fields(Some(&quay), &quay).is_empty(), "the text is unchanged");
        let written = Equipment { location_ar: Some("الرصيف".into()), ..quay.clone() };
        assert!(fields(None, &written).is_empty(), "a text by a user is never replaced");
        assert_eq!(fields(Some(&written), &quay), ["location"], "the Arabic text was removed");
        let numbers = Equipment { location: Some("12.5 / 13".into()), ..quay.clone() };
        assert!(fields(None, &numbers).is_empty(), "nothing to translate");
        let arabic = Equipment { location: Some("الرصيف الشمالي".into()), ..quay };
        let requests = requests(None, &arabic);
        assert_eq!(requests.iter().map(TranslationRequest::language).collect::<Vec<_>>(), [Language::En]);
        assert_eq!(TranslationRequest::of_payload(&requests[0].payload()).as_ref(), requests.first());
    }
    #[test]
    fn a_request_names_the_field_of_the_object() {
        let quiet = Defect { id: id(7), description: "Moving".into(), ..testing::defect() };
        let told = Defect { resolution_notes: Some("Moving".into()), ..quiet.clone() };
        let request = |field: &str| TranslationRequest {
            model_type: "defect".into(),
            model_id: 7,
            field_name: field.into(),
            text: "Moving".into(),
        };
        assert_eq!(requests(None, &told), [request("description"), request("resolution_notes")]);
        assert_eq!(
            requests(Some(&quiet), &told),
            [request("resolution_notes")],
            "the same text in another field"
        );
        assert_eq!(request("description").language(), Language::Ar);
        let defect = requests(None, &testing::defect());
        let named: Vec<_> = defect.iter().map(|request| (&*request.field_name, &*request.text)).collect();
        assert_eq!(named, [("description", "Failed: Question 42?")]);
        assert_eq!(TranslationRequest::of_payload("{}"), None);
    }

    #[test]
    fn the_reasons_of_a_leave_are_sent_to_no_service() {
        let day = Date::new(2026, 3, 2).expect("a date");
        let ill = || Some("An operation".to_owned());
        let leave =
            Leave { reason: ill(), other_reason: ill(), rejection_reason: ill(), ..testing::leave(day, day) };
        assert_eq!(requests(None, &leave), []);
        let queued_before = TranslationRequest {
            model_type: "leave".into(),
            model_id: 7,
            field_name: "reason".into(),
            text: "An operation".into(),
        };
        assert_eq!(TranslationRequest::of_payload(&queued_before.payload()), None);
    }

    #[test]
    fn texts_are_found_in_every_container_and_can_be_replaced() {
        fn shown(mut value: impl Translated) -> Vec<String> {
            let mut texts = Vec::new();
            value.texts(&mut |slot| texts.push(std::mem::take(slot.text)));
            texts
        }
        let at = |place: &str| Equipment { location: Some(place.into()), ..testing::equipment() };
        assert_eq!(shown(Some(at("A"))), ["A"]);
        assert_eq!(shown(None::<Equipment>), [""; 0]);
        assert_eq!(shown(Box::new(at("B"))), ["B"]);
        assert_eq!(shown(vec![at("C"), at("D")]), ["C", "D"]);
        assert_eq!(shown(PageRequest::first(20).of(vec![at("E")], |_| 0)), ["E"]);
        let mut quay = at("F");
        assert_eq!((shown(&mut quay), quay.location.as_deref()), (vec!["F".to_owned()], Some("")));
    }

    #[test]
    fn a_hash_identifies_a_text() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(content_hash("abc"), known);
    }
}

//! Texts in the other language: which texts of which objects have one (rule book §13).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{page::Page, text::Language, time::Instant};

/// A text that people have written, in its place.
#[derive(Debug)]
pub struct Slot<'a> {
    /// Kind of the object.
    pub model_type: &'static str,
    /// Number of the object.
    pub model_id: i64,
    /// Which of its texts.
    pub field_name: &'static str,
    /// The text as it is shown.
    pub text: &'a mut String,
    /// The Arabic text that somebody has written beside it; then none is made.
    pub arabic: Option<&'a str>,
}

/// Something that shows texts people have written.
pub trait Translated {
    /// Goes through the texts.
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

/// Declares what an answer shows that may have texts in it; with nothing in the braces, it has none:
/// `shows!(DefectView { defect, equipment });`
#[macro_export]
macro_rules! shows {
    ($($shown:ty { $($part:ident),* $(,)? }),+ $(,)?) => {$(
        impl $crate::translations::Translated for $shown {
            #[allow(unused_variables)]
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

/// A text of an object, which there may be or not.
pub trait Textual {
    /// The text, if there is one.
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

/// Declares the texts of an object that are translated, each with the field in which somebody may have written it in Arabic:
/// `translated!(Defect, "defect", { description / description_ar, resolution_notes });`
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
pub(crate) use translated;

/// What tells one content of a text from another.
pub fn content_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Whether there is anything in a text to translate: numbers and signs are the same in both languages.
pub fn has_words(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// A text that is to be translated, as it stood when it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranslationRequest {
    /// Kind of the object.
    pub model_type: String,
    /// Number of the object.
    pub model_id: i64,
    /// Which of its texts.
    pub field_name: String,
    /// The text.
    pub text: String,
}

impl TranslationRequest {
    /// As what a job carries.
    pub fn payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a job carries, if it is one of these.
    pub fn of_payload(payload: &str) -> Option<Self> {
        serde_json::from_str(payload).ok()
    }

    /// The language it is to be translated into.
    pub fn language(&self) -> Language {
        Language::of(&self.text).other()
    }
}

/// The texts of an object that a change makes new, and that want a translation (§13).
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

/// A text in the other language.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::translations)
)]
pub struct Translation {
    /// Kind of the object.
    pub model_type: String,
    /// Number of the object.
    pub model_id: i64,
    /// Which of its texts.
    pub field_name: String,
    /// The language it is in.
    pub language: Language,
    /// The content it was made from; of another content it is no translation.
    pub source_hash: String,
    /// The text.
    pub text: String,
    /// The job that made it; what a later job has made is not overwritten.
    pub version: i64,
    /// When it was made.
    pub created_at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{equipment::Equipment, testing};

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
        assert!(fields(Some(&quay), &quay).is_empty(), "it is known already");
        let written = Equipment { location_ar: Some("الرصيف".into()), ..quay.clone() };
        assert!(fields(None, &written).is_empty(), "a human's own text is never replaced");
        assert_eq!(fields(Some(&written), &quay), ["location"], "it was taken away");
        let numbers = Equipment { location: Some("12.5 / 13".into()), ..quay.clone() };
        assert!(fields(None, &numbers).is_empty(), "nothing to translate");
        let arabic = Equipment { location: Some("الرصيف الشمالي".into()), ..quay };
        let requests = requests(None, &arabic);
        assert_eq!(requests.iter().map(TranslationRequest::language).collect::<Vec<_>>(), [Language::En]);
        assert_eq!(TranslationRequest::of_payload(&requests[0].payload()).as_ref(), requests.first());
    }
}

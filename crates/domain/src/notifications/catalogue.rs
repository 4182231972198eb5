//! Texts of the catalogue: one Fluent resource per language, compiled into the program.

use std::sync::LazyLock;

use fluent_bundle::{FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle};
use unic_langid::LanguageIdentifier;

use super::param::Param;
use crate::text::Language;

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::En));
static ARABIC: LazyLock<Bundle> = LazyLock::new(|| bundle(Language::Ar));

/// Fluent source of a language.
pub(super) const fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("en.ftl"),
        Language::Ar => include_str!("ar.ftl"),
    }
}

fn bundle(language: Language) -> Bundle {
    let locale = language.as_str().parse::<LanguageIdentifier>().unwrap_or_default();
    // The sources are part of the program: a test proves that they parse and are complete.
    let resource = FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(valid, _)| valid);
    let mut bundle = Bundle::new_concurrent(vec![locale]);
    // Texts are stored and sent as plain text: no Unicode isolation marks around parameters.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

/// Formats a message of the catalogue, or one of its attributes; empty if there is no such text.
pub(super) fn format(
    language: Language,
    message: &str,
    attribute: Option<&str>,
    params: &[(&'static str, Param)],
) -> String {
    let bundle = match language {
        Language::En => &*ENGLISH,
        Language::Ar => &*ARABIC,
    };
    let pattern = bundle.get_message(message).and_then(|found| match attribute {
        Some(name) => found.get_attribute(name).map(|attribute| attribute.value()),
        None => found.value(),
    });
    let args: FluentArgs<'_> = params.iter().map(|(name, param)| (*name, value(param, language))).collect();
    pattern.map_or_else(String::new, |pattern| {
        bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    })
}

fn value(param: &Param, language: Language) -> FluentValue<'_> {
    match (param, language) {
        (Param::Count(count), _) => FluentValue::from(*count),
        (Param::Plain(text) | Param::Both(text, _), Language::En)
        | (Param::Plain(text) | Param::Both(_, text), Language::Ar) => FluentValue::from(text.as_str()),
    }
}

impl Param {
    /// The inspection of a machine, as the subject of another text; `machine` is the name of the
    /// machine.
    pub fn inspection_of(machine: impl Into<Self>) -> Self {
        let params = [("equipment", machine.into())];
        let phrase = |language| format(language, "inspection_of", None, &params);
        Self::Both(phrase(Language::En), phrase(Language::Ar))
    }
}

//! The messages of responses: each one is in the catalogue, with an Arabic text.

use inspection_domain::message;
use serde_json::Value;

/// Whether a text follows a template with places such as `{max}`.
fn follows(text: &str, template: &str) -> bool {
    let mut parts = template.split('{').map(|part| part.split_once('}').map_or(part, |(_, after)| after));
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.is_empty() || template.ends_with('}')
}

/// Whether the catalogue has an English text. Templates of places only say nothing of a text.
fn is_known(text: &str) -> bool {
    let is_sentence =
        |template: &str| template.split(' ').any(|word| !word.is_empty() && !word.contains('{'));
    message::catalogue().any(|(english, _)| is_sentence(english) && follows(text, english))
}

fn is_arabic(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{0600}'..='\u{06FF}'))
}

/// Checks the messages of a response: that of the result, those of invalid fields, and those of
/// rejected items of offline work.
pub(crate) fn check(response: &Value) {
    if !matches!(response["status"].as_str(), Some("success" | "error")) {
        return;
    }
    let items = response["data"]["results"].as_array().into_iter().flatten();
    let rejections = items.chain([&response["data"]]).map(|item| &item["error"]);
    for result in rejections.chain([response]) {
        let fields = result["errors"].as_array().into_iter().flatten().map(|error| &error["message"]);
        for text in fields.chain([&result["message"]]).filter_map(Value::as_str) {
            assert!(is_arabic(text) || is_known(text), "no Arabic text in the catalogue for {text:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_follows_its_template() {
        assert!(is_known("is required") && is_known("equipment not found"));
        assert!(is_known("may have at most 5 characters, not 12"));
        assert!(!is_known("may have at most 5 words") && !is_known("anything") && !is_known("x; y"));
        assert!(!follows("has 5 parts left", "has {n} parts") && follows("has 5 parts", "has {n} parts"));
    }

    #[test]
    #[should_panic(expected = "no Arabic text in the catalogue for \"is odd\"")]
    fn an_unknown_message_of_a_field_is_reported() {
        check(&json!({"status": "error", "message": "فشل", "errors": [{"field": "a", "message": "is odd"}]}));
    }
}

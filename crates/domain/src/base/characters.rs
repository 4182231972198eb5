//! Characters that are typed for each other, and invisible characters.

/// Whether a character has no shape and only controls others: joiners, marks of direction, the
/// byte order mark. Texts lose them.
pub(crate) const fn is_format(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Whether a character is invisible: a format character, an older control of direction, a soft
/// hyphen, a joiner of accents, or a selector of glyphs. No comparison regards it.
pub(crate) const fn is_invisible(c: char) -> bool {
    is_format(c) || matches!(c, '\u{AD}' | '\u{34F}' | '\u{202A}'..='\u{202E}' | '\u{FE00}'..='\u{FE0F}')
}

/// Whether a character looks like a hyphen or a minus sign.
pub(crate) const fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' | '\u{FF0D}')
}

/// The zeros of the scripts that have digits of their own; the other nine follow each.
const ZEROS: [u32; 67] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0,
    0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50,
    0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0,
    0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50,
    0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6,
    0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0,
];

/// The ASCII digit of a digit of any script.
pub(crate) fn ascii_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let value = ZEROS.iter().find_map(|zero| u32::from(c).checked_sub(*zero).filter(|value| *value < 10))?;
    char::from_digit(value, 10)
}

/// A text without invisible characters, with ASCII digits and hyphens: a date or a number as
/// programs write it.
pub(crate) fn plain(text: &str) -> String {
    let seen = text.trim().chars().filter(|c| !is_invisible(*c));
    seen.map(|c| if is_dash(c) { '-' } else { ascii_digit(c).unwrap_or(c) })
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_all_scripts_are_numeric_and_stand_in_tens() {
        for zero in ZEROS {
            let digits: String = (zero..zero + 10).filter_map(char::from_u32).collect();
            assert!(digits.chars().all(char::is_numeric), "{zero:x}: {digits}");
            assert_eq!(plain(&digits), "0123456789", "{zero:x}");
        }
        assert_eq!(ascii_digit('²').or(ascii_digit('Ⅷ')).or(ascii_digit('a')), None);
    }

    #[test]
    fn a_plain_text_has_ascii_digits_and_hyphens() {
        assert_eq!(plain(" \u{200f}٢٠٢٦‑٠٣−۰۱\u{feff} "), "2026-03-01");
        assert_eq!(plain("2026-03-01"), "2026-03-01");
    }
}

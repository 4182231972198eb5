//! Decimal numbers as people and phones write them.

use crate::{
    characters::{ascii_digit, is_dash, is_invisible},
    message,
    message::Message,
};

/// Reason for refusing a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberError {
    /// Not a finite decimal number.
    NotANumber,
    /// The mark is that of decimals, or that between groups of three digits.
    TwoReadings {
        /// The number with decimals.
        decimal: String,
        /// The number with groups.
        whole: String,
    },
}

impl From<NumberError> for Message {
    fn from(error: NumberError) -> Self {
        match error {
            NumberError::NotANumber => message!("must be a finite decimal number"),
            NumberError::TwoReadings { decimal, whole } => {
                message!("can be read as {decimal} or as {whole}; write one of these", decimal, whole)
            }
        }
    }
}

/// A number with ASCII digits, a point before decimals, no marks between groups and no sign but
/// `-`; an exponent stays.
///
/// The text may have digits of any script. Before decimals stands `.`, `,`, `٫` or `،`; between
/// groups of three digits one of `٬`, `'`, a blank, `,` and `،`. A sign stands before the number,
/// in a right-to-left text also behind it. A text that can be read as two numbers is refused.
pub fn normalised(text: &str) -> Result<String, NumberError> {
    let is_right_to_left = text.contains(is_of_right_to_left);
    let plain: String = text.chars().filter(|c| !is_invisible(*c)).map(plain).collect();
    let plain = plain.trim();
    let signs = ['+', '-'];
    let (sign, unsigned) = match plain.strip_prefix(signs) {
        Some(unsigned) => (plain.chars().next(), unsigned),
        None if is_right_to_left && plain.ends_with(signs) => {
            (plain.chars().last(), plain.trim_end_matches(signs))
        }
        None => (None, plain),
    };
    if plain.len() > unsigned.len() + 1 {
        return Err(NumberError::NotANumber);
    }
    let sign = if sign == Some('-') { "-" } else { "" };
    let (digits, exponent) = match unsigned.trim().split_once(['e', 'E']) {
        Some((digits, exponent)) if is_digits(exponent.strip_prefix(signs).unwrap_or(exponent)) => {
            (digits, format!("e{exponent}"))
        }
        Some(_) => return Err(NumberError::NotANumber),
        None => (unsigned.trim(), String::new()),
    };
    let complete = |number: String| format!("{sign}{number}{exponent}");
    match (with_decimals(digits), in_groups(digits)) {
        (Some(decimal), Some(whole)) if decimal != whole => {
            Err(NumberError::TwoReadings { decimal: complete(decimal), whole: complete(whole) })
        }
        (Some(number), _) | (None, Some(number)) => Some(complete(number))
            .filter(|number| number.parse().is_ok_and(f64::is_finite))
            .ok_or(NumberError::NotANumber),
        (None, None) => Err(NumberError::NotANumber),
    }
}

/// The value of a number.
pub fn value(text: &str) -> Result<f64, NumberError> {
    normalised(text)?.parse().map_err(|_| NumberError::NotANumber)
}

/// Whether a character belongs to a text that is written from right to left: an Arabic or Persian
/// digit or mark, or a mark of direction.
const fn is_of_right_to_left(c: char) -> bool {
    matches!(c,
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' | '\u{66B}' | '\u{66C}' | '\u{60C}' | '\u{61C}'
        | '\u{200F}' | '\u{202B}' | '\u{202E}' | '\u{2067}')
}

/// The common form of digits, signs and marks: `.` only before decimals, `,` before decimals or
/// between groups, the others only between groups.
fn plain(c: char) -> char {
    match c {
        '\u{66B}' | '．' => '.',
        '\u{60C}' | '，' => ',',
        '’' => '\'',
        '＋' => '+',
        c if is_dash(c) => '-',
        c if c.is_whitespace() => ' ',
        c => ascii_digit(c).unwrap_or(c),
    }
}

/// Marks between groups.
const GROUPING: [char; 4] = ['\u{66C}', '\'', ' ', ','];

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}

/// The number if its last mark stands before decimals.
fn with_decimals(text: &str) -> Option<String> {
    let Some((before, mark, after)) = split_at_last(text, ['.', ',']) else {
        return is_digits(text).then(|| text.to_owned());
    };
    let whole = match before {
        "" if after.is_empty() => return None,
        "" => "0".to_owned(),
        before if is_digits(before) => before.to_owned(),
        before if before.contains(mark) => return None,
        before => in_groups(before)?,
    };
    match after {
        "" => Some(whole),
        after => is_digits(after).then(|| format!("{whole}.{after}")),
    }
}

fn split_at_last(text: &str, marks: [char; 2]) -> Option<(&str, char, &str)> {
    let at = text.rfind(marks)?;
    let (before, rest) = text.split_at_checked(at)?;
    let mut rest = rest.chars();
    let mark = rest.next()?;
    Some((before, mark, rest.as_str()))
}

/// The whole number if all its marks are the same one and stand between groups of three digits.
fn in_groups(text: &str) -> Option<String> {
    let mark = text.chars().find(|c| !c.is_ascii_digit()).filter(|mark| GROUPING.contains(mark))?;
    let mut groups = text.split(mark);
    let first = groups.next()?;
    let is_first = is_digits(first) && first.len() <= 3 && !first.starts_with('0');
    let are_groups = groups.all(|group| is_digits(group) && group.len() == 3);
    (is_first && are_groups).then(|| text.split(mark).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A text in which each ASCII digit is replaced by that of a script.
    fn in_script(text: &str, zero: u32) -> String {
        let own = |c: char| {
            let value = c.to_digit(10)?;
            char::from_u32(zero + value)
        };
        text.chars().map(|c| own(c).unwrap_or(c)).collect()
    }

    fn grouped(whole: &str, mark: &str) -> String {
        let mut groups: Vec<&str> = Vec::new();
        let mut rest = whole;
        while !rest.is_empty() {
            let (before, group) = rest.split_at(rest.len().saturating_sub(3));
            groups.insert(0, group);
            rest = before;
        }
        groups.join(mark)
    }

    proptest! {
        #[test]
        fn a_number_is_read_in_all_its_spellings(
            (whole, decimals) in ("[1-9][0-9]{0,8}", "[0-9]{1,6}"),
            is_negative: bool,
            zero in prop_oneof![Just(0x30_u32), Just(0x660), Just(0x6F0), Just(0xFF10)],
            group in prop_oneof![Just(""), Just("\u{66C}"), Just("'"), Just("’"), Just(" "), Just("\u{a0}"), Just("\u{202f}")],
            mark in prop_oneof![Just("."), Just(","), Just("٫"), Just("،")],
            minus in prop_oneof![Just("-"), Just("−"), Just("‑"), Just("\u{200e}-"), Just("- ")],
        ) {
            let sign = if is_negative { minus } else { "" };
            // A single comma with three digits behind it has two readings.
            prop_assume!(!(matches!(mark, "," | "،") && decimals.len() == 3 && whole.len() <= 3));
            let expected = format!("{}{whole}.{decimals}", if is_negative { "-" } else { "" });
            let unsigned = in_script(&format!("{}{mark}{decimals}", grouped(&whole, group)), zero);
            prop_assert_eq!(normalised(&format!("{sign}{unsigned}")), Ok(expected.clone()));
            let behind = format!("{unsigned}{sign}");
            let is_right_to_left = matches!(zero, 0x660 | 0x6F0) || matches!(mark, "٫" | "،") || unsigned.contains('\u{66C}');
            if is_right_to_left || !is_negative {
                prop_assert_eq!(normalised(&behind), Ok(expected));
            } else {
                prop_assert_eq!(normalised(&behind), Err(NumberError::NotANumber));
            }
        }

        #[test]
        fn what_has_two_readings_is_refused_with_both(whole in "[1-9][0-9]{0,2}", rest in "[0-9]{3}", mark in "[,،]") {
            let text = format!("{whole}{mark}{rest}");
            let readings = NumberError::TwoReadings { decimal: format!("{whole}.{rest}"), whole: format!("{whole}{rest}") };
            prop_assert_eq!(normalised(&text), Err(readings));
            prop_assert_eq!(normalised(&format!("{text}.5")), Ok(format!("{whole}{rest}.5")));
            prop_assert_eq!(normalised(&format!("{text}{mark}000")), Ok(format!("{whole}{rest}000")));
        }

        #[test]
        fn a_normalised_number_is_its_own_form(text in "[-+−]?[0-9٠-٩۰-۹.,٫،٬' ]{0,9}([eE][+-]?[0-9]{1,3})?[-+−]?") {
            if let Ok(number) = normalised(&text) {
                prop_assert!(number.parse::<f64>().is_ok_and(f64::is_finite), "{}", number);
                prop_assert_eq!(normalised(&number), Ok(number));
            }
        }

        #[test]
        fn numbers_of_programs_stay_equal(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            prop_assert_eq!(value(&number.to_string()), Ok(number));
            prop_assert_eq!(value(&format!("{number:e}")), Ok(number));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,12}") {
            let _ = normalised(&text);
        }
    }
}

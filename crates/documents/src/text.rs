//! Texts in one or two languages, and the isolation of values in them.

/// The direction of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// As in English.
    #[default]
    LeftToRight,
    /// As in Arabic.
    RightToLeft,
}

/// A text with the direction of its paragraph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) direction: Direction,
}

/// A text, or a text in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    parts: Vec<Part>,
}

impl Text {
    /// A text in one language.
    pub fn new(text: impl Into<String>, direction: Direction) -> Self {
        Self { parts: vec![Part { text: text.into(), direction }] }
    }

    /// A text that is read from left to right.
    pub fn ltr(text: impl Into<String>) -> Self {
        Self::new(text, Direction::LeftToRight)
    }

    /// A text that is read from right to left.
    pub fn rtl(text: impl Into<String>) -> Self {
        Self::new(text, Direction::RightToLeft)
    }

    /// A text in two languages: the first reads from left to right, the second from right to left.
    pub fn both(left_to_right: impl Into<String>, right_to_left: impl Into<String>) -> Self {
        let mut both = Self::ltr(left_to_right);
        both.parts.extend(Self::rtl(right_to_left).parts);
        both
    }

    /// This text, and another one below it.
    #[must_use]
    pub fn and(mut self, below: Self) -> Self {
        self.parts.extend(below.parts);
        self
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The text with the numbers of a page in the places of `{page}` and `{pages}`.
    pub(crate) fn numbered(&self, page: usize, pages: usize) -> Self {
        let numbered = |part: &Part| Part {
            text: part.text.replace("{page}", &page.to_string()).replace("{pages}", &pages.to_string()),
            direction: part.direction,
        };
        Self { parts: self.parts.iter().map(numbered).collect() }
    }
}

/// Whether a character changes the direction of the text behind it.
pub(crate) fn is_directional_control(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Each line of a text between an opening mark and U+2069. Its own marks are removed, so that it
/// can't end the isolation.
fn isolated(text: &str, opening: char) -> String {
    let line = |line: &str| {
        let plain: String = line.chars().filter(|c| !is_directional_control(*c)).collect();
        if plain.is_empty() { plain } else { format!("{opening}{plain}\u{2069}") }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Isolates the text of a user, whose language and direction are unknown, from the text around it.
pub fn isolate(text: &str) -> String {
    isolated(text, '\u{2068}')
}

/// Isolates a value that reads from left to right in every language, such as a number with its
/// unit, a code, a date or a name of a file.
///
/// Without isolation, "(75 °C)" in an Arabic paragraph reads "(C° 75)".
pub fn isolate_ltr(value: &str) -> String {
    isolated(value, '\u{2066}')
}

/// A text as it can be set: without control characters, and with one kind of line end.
pub(crate) fn printable(text: &str) -> String {
    let character = |c: char| match c {
        '\n' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' | '\u{a0}' => Some(' '),
        '\u{feff}' | '\u{fffe}' => None,
        c if c.is_control() => None,
        c => Some(c),
    };
    text.chars().filter_map(character).collect()
}

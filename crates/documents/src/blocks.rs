//! The parts of a document.

use crate::{code::Code, text::Text};

/// A part of a document. Long ones continue on the next page.
#[derive(Debug)]
pub enum Block {
    /// The title of the document. A second language stands beside the first.
    Title(Text),
    /// The title of a section. It stays with the beginning of the next block.
    Heading(Text),
    /// A paragraph.
    Paragraph(Text),
    /// A smaller and lighter paragraph.
    Note(Text),
    /// Names and values.
    Facts(Facts),
    /// A table.
    Table(Table),
    /// Photos, two in a row.
    Photos(Vec<Photo>),
}

/// Names and values, one pair below the other, with a QR code beside them. A name in a second
/// language stands on the other side of the value.
#[derive(Debug, Default)]
pub struct Facts {
    /// The names and their values.
    pub rows: Vec<(Text, Text)>,
    /// A QR code beside the names and values.
    pub code: Option<Code>,
}

/// A table. Its head is repeated on every page.
#[derive(Debug, Default)]
pub struct Table {
    /// The columns, in reading order.
    pub columns: Vec<Column>,
    /// The rows; each has a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table.
#[derive(Debug)]
pub struct Column {
    /// Its head.
    pub head: Text,
    /// Its width in relation to those of the other columns.
    pub width: f32,
}

impl Column {
    /// A column with this head and relative width.
    pub fn new(head: Text, width: f32) -> Self {
        Self { head, width }
    }
}

/// A cell of a table.
#[derive(Debug, Default)]
pub struct Cell {
    /// Its text.
    pub text: Text,
    /// The emphasis of the text.
    pub tone: Tone,
}

impl Cell {
    /// A cell with emphasis.
    pub fn new(text: Text, tone: Tone) -> Self {
        Self { text, tone }
    }
}

impl From<Text> for Cell {
    fn from(text: Text) -> Self {
        Self { text, tone: Tone::Plain }
    }
}

/// The emphasis of a text. Its color repeats what the text says, for print in black and white.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// None.
    #[default]
    Plain,
    /// Lighter.
    Muted,
    /// Bold.
    Strong,
    /// Bold and green.
    Good,
    /// Bold and amber.
    Warning,
    /// Bold and red.
    Bad,
}

/// A photo with its caption.
#[derive(Debug)]
pub struct Photo {
    /// The file: JPEG, PNG, GIF or WebP. `None` if it isn't available.
    pub bytes: Option<Vec<u8>>,
    /// The text below it.
    pub caption: Text,
    /// The text in its place if it isn't available or not readable.
    pub missing: Text,
}

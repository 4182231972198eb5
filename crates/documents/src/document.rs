//! Documents, and their PDF.

use krilla::{
    Document as Pdf, SerializeSettings,
    configure::{Archival, ConfigurationBuilder},
    metadata::{DateTime, Metadata},
    page::PageSettings,
};

use crate::{
    blocks::Block,
    error::Error,
    flow::{BOTTOM, Flow, MARGIN, SMALL, WIDTH},
    fonts::Fonts,
    pages::{A4, Drawing, Ink, Page, draw},
    text::{Direction, Text},
};
use std::sync::Arc;

/// A time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The year.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second.
    pub second: u8,
}

/// The description of a file, which programs show without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// The title.
    pub title: String,
    /// The main language, such as `en`.
    pub language: &'static str,
    /// The time of creation.
    pub created: Moment,
}

/// A document of A4 pages.
#[derive(Debug)]
pub struct Document {
    /// Title, language and time.
    pub properties: Properties,
    /// The order of columns, and the side at which lines of a table begin.
    pub direction: Direction,
    /// A text at the bottom of every page.
    pub footer: Text,
    /// The number of the page, with `{page}` and `{pages}` for the numbers.
    pub numbering: Text,
    /// The content.
    pub blocks: Vec<Block>,
}

impl Document {
    /// The document as PDF/A-2b. Equal documents have equal bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the PDF does not meet the standard.
    pub fn to_pdf(self) -> Result<Vec<u8>, Error> {
        let mut fonts = Fonts::new()?;
        let mut flow = Flow::new(&mut fonts, self.direction);
        for block in self.blocks {
            flow.add(block);
        }
        let mut pages = flow.finish();
        let count = pages.len();
        for (at, page) in pages.iter_mut().enumerate() {
            let number = self.numbering.numbered(at + 1, count);
            footer(&mut fonts, page, self.direction, &self.footer, &number);
        }
        print(&fonts, &self.properties, pages)
    }
}

/// Draws the footer: the text at the beginning of the line, the number of the page at its end.
fn footer(fonts: &mut Fonts, page: &mut Page, direction: Direction, text: &Text, number: &Text) {
    let widths = (WIDTH * 0.76, WIDTH * 0.2);
    let (text_x, number_x) = match direction {
        Direction::LeftToRight => (MARGIN, MARGIN + WIDTH),
        Direction::RightToLeft => (MARGIN + WIDTH - widths.0, MARGIN),
    };
    let ink = Ink::MUTED;
    page.push(Drawing::Rectangle { x: MARGIN, y: BOTTOM + 10.0, width: WIDTH, height: 0.5, ink: Ink::RULE });
    let mut y = BOTTOM + 13.0;
    for line in fonts.lines(text, SMALL, widths.0).into_iter().take(4) {
        let height = line.height;
        page.push(Drawing::Line { x: text_x, y, line: Arc::new(line), ink });
        y += height;
    }
    y = BOTTOM + 13.0;
    for mut line in fonts.lines(number, SMALL, widths.1) {
        // At the outer edge, in the direction of the document and not of the line.
        let start = line.runs.first().map_or(0.0, |run| run.x);
        let width = line.width;
        for run in &mut line.runs {
            run.x -= start;
        }
        let x = match direction {
            Direction::LeftToRight => number_x - width,
            Direction::RightToLeft => number_x,
        };
        let height = line.height;
        page.push(Drawing::Line { x, y, line: Arc::new(line), ink });
        y += height;
    }
}

/// Writes pages as PDF/A-2b.
pub(crate) fn print(fonts: &Fonts, properties: &Properties, pages: Vec<Page>) -> Result<Vec<u8>, Error> {
    let invalid = |error: &dyn std::fmt::Debug| Error::Invalid(format!("{error:?}"));
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| invalid(&error))?;
    let settings = SerializeSettings { configuration, enable_tagging: false, ..SerializeSettings::default() };
    let mut pdf = Pdf::new_with(settings);
    let Moment { year, month, day, hour, minute, second } = properties.created;
    let created = DateTime::new(year)
        .month(month)
        .day(day)
        .hour(hour)
        .minute(minute)
        .second(second)
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    pdf.set_metadata(
        Metadata::new()
            .title(properties.title.clone())
            .language(properties.language.to_owned())
            .creation_date(created),
    );
    let size = PageSettings::from_wh(A4.0, A4.1).ok_or_else(|| Error::Invalid("no page size".to_owned()))?;
    for drawings in pages {
        let mut page = pdf.start_page_with(size.clone());
        let mut surface = page.surface();
        draw(&mut surface, fonts, drawings);
        surface.finish();
        page.finish();
    }
    pdf.finish().map_err(|error| invalid(&error))
}

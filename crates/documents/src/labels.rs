//! Sheets of labels.

use std::sync::Arc;

use crate::{
    code::Code,
    document::{Properties, print},
    error::Error,
    fonts::{Fonts, Style},
    numbers::number,
    pages::{A4, Drawing, Ink, MM, Page},
    text::Text,
};

/// Labels in a row.
const COLUMNS: usize = 3;

/// Rows of labels on a page.
const ROWS: usize = 8;

/// Space between the edge of a label and its content.
const PADDING: f32 = 3.0 * MM;

/// Edge of the QR code.
const CODE: f32 = 27.0 * MM;

/// Color of the lines between the labels.
const GUIDE: Ink = Ink(0xe3, 0xe6, 0xea);

/// A label with a QR code.
#[derive(Debug)]
pub struct Label {
    /// The code.
    pub code: Code,
    /// The name, in bold.
    pub name: Text,
    /// Texts below the name.
    pub lines: Vec<Text>,
}

/// The labels on sheets of A4, three in a row and eight rows, as PDF/A-2b. A text that doesn't fit
/// on its label is cut.
///
/// # Errors
///
/// [`Error::Invalid`] if the PDF does not meet the standard.
pub fn print_labels(properties: &Properties, labels: Vec<Label>) -> Result<Vec<u8>, Error> {
    let mut fonts = Fonts::new()?;
    let mut pages: Vec<Page> = Vec::new();
    for (at, label) in labels.into_iter().enumerate() {
        let at = at % (COLUMNS * ROWS);
        if at == 0 {
            pages.push(guides());
        }
        if let Some(page) = pages.last_mut() {
            place(&mut fonts, page, label, (at % COLUMNS, at / COLUMNS));
        }
    }
    if pages.is_empty() {
        pages.push(guides());
    }
    print(&fonts, properties, pages)
}

/// Width and height of a label.
fn size() -> (f32, f32) {
    (A4.0 / number(COLUMNS), A4.1 / number(ROWS))
}

/// The lines to cut along.
fn guides() -> Page {
    let (width, height) = size();
    let (thin, ink) = (0.4, GUIDE);
    let vertical = (1..COLUMNS).map(|at| (width * number(at), 0.0, thin, A4.1));
    let horizontal = (1..ROWS).map(|at| (0.0, height * number(at), A4.0, thin));
    vertical
        .chain(horizontal)
        .map(|(x, y, width, height)| Drawing::Rectangle { x, y, width, height, ink })
        .collect()
}

fn place(fonts: &mut Fonts, page: &mut Page, label: Label, (column, row): (usize, usize)) {
    let (width, height) = size();
    let (left, top) = (width * number(column), height * number(row));
    let code_y = top + (height - CODE) / 2.0;
    page.push(Drawing::Code { x: left + 1.5 * MM, y: code_y, size: CODE, code: label.code });
    let x = left + 1.5 * MM + CODE + 1.0 * MM;
    let text_width = left + width - PADDING - x;
    let bottom = top + height - PADDING;
    let name = fonts.lines(&label.name, Style { size: 9.0, is_bold: true }, text_width);
    let mut lines: Vec<_> = name.into_iter().take(4).map(|line| (line, Ink::TEXT)).collect();
    for text in &label.lines {
        let of_text = fonts.lines(text, Style { size: 7.5, is_bold: false }, text_width);
        lines.extend(of_text.into_iter().take(2).map(|line| (line, Ink::MUTED)));
    }
    let total: f32 = lines.iter().map(|(line, _)| line.height).sum();
    let mut y = (top + (height - total) / 2.0).max(top + PADDING);
    for (line, ink) in lines {
        if y + line.height > bottom {
            break;
        }
        let below = y + line.height;
        page.push(Drawing::Line { x, y, line: Arc::new(line), ink });
        y = below;
    }
}

//! The flow of blocks over pages.

use std::{collections::VecDeque, mem, sync::Arc};

use crate::{
    blocks::{Block, Cell, Facts, Photo, Table, Tone},
    fonts::{Fonts, Line, Style},
    numbers::number,
    pages::{A4, Drawing, Ink, MM, Page},
    picture::Picture,
    text::{Direction, Text},
};

/// Margins at the left and at the right.
pub(crate) const MARGIN: f32 = 15.0 * MM;

/// Width of the blocks.
pub(crate) const WIDTH: f32 = A4.0 - 2.0 * MARGIN;

/// The end of the blocks; the footer is below.
pub(crate) const BOTTOM: f32 = A4.1 - 22.0 * MM;

const TOP: f32 = 15.0 * MM;

/// Space between columns.
const GAP: f32 = 8.0;

/// Space above and below the text of a row.
const PADDING: f32 = 3.0;

/// The space that a heading needs below it, so that it doesn't end a page.
const BELOW_HEADING: f32 = 48.0;

/// Edge of a QR code beside facts.
const CODE: f32 = 30.0 * MM;

/// The greatest height of a photo.
const PHOTO_HEIGHT: f32 = 60.0 * MM;

/// Height of the box in the place of a photo.
const BOX_HEIGHT: f32 = 36.0 * MM;

/// The most lines of a caption, and of the reason why a photo is missing.
const CAPTION_LINES: usize = 8;

const TITLE: Style = Style { size: 17.0, is_bold: true };
const HEADING: Style = Style { size: 11.5, is_bold: true };
const BODY: Style = Style { size: 9.5, is_bold: false };
const BOLD: Style = Style { size: 9.5, is_bold: true };
pub(crate) const SMALL: Style = Style { size: 8.0, is_bold: false };
const HEAD: Style = Style { size: 8.0, is_bold: true };

/// The lines of a cell.
#[derive(Debug, Clone)]
struct Lines {
    /// The left edge of the cell.
    x: f32,
    lines: VecDeque<(Arc<Line>, Ink)>,
}

impl Lines {
    fn new(x: f32, lines: Vec<Line>, ink: Ink) -> Self {
        Self { x, lines: lines.into_iter().map(|line| (Arc::new(line), ink)).collect() }
    }

    fn height(&self) -> f32 {
        self.lines.iter().map(|(line, _)| line.height).sum()
    }

    /// Removes the lines that fit, and draws them. Returns their height.
    fn draw(&mut self, page: &mut Page, top: f32, room: f32) -> f32 {
        let mut used = 0.0;
        while let Some((line, ink)) = self.lines.pop_front() {
            if used + line.height > room {
                self.lines.push_front((line, ink));
                break;
            }
            let y = top + used;
            used += line.height;
            page.push(Drawing::Line { x: self.x, y, line, ink });
        }
        used
    }
}

fn height_of(row: &[Lines]) -> f32 {
    row.iter().map(Lines::height).fold(0.0, f32::max)
}

/// The pages so far, and the place of the next block.
pub(crate) struct Flow<'a> {
    fonts: &'a mut Fonts,
    direction: Direction,
    pages: Vec<Page>,
    page: Page,
    y: f32,
}

impl<'a> Flow<'a> {
    pub(crate) fn new(fonts: &'a mut Fonts, direction: Direction) -> Self {
        Self { fonts, direction, pages: Vec::new(), page: Vec::new(), y: TOP }
    }

    /// All pages; at least one.
    pub(crate) fn finish(mut self) -> Vec<Page> {
        if !self.page.is_empty() || self.pages.is_empty() {
            self.break_page();
        }
        self.pages
    }

    pub(crate) fn add(&mut self, block: Block) {
        match block {
            Block::Title(text) => {
                self.beside(&text, TITLE);
                self.y += 2.0;
                self.rule(1.2, Ink::TEXT);
                self.y += 6.0;
            }
            Block::Heading(text) => {
                self.y += if self.page.is_empty() { 0.0 } else { 10.0 };
                self.need(HEADING.size * 2.0 + BELOW_HEADING);
                self.beside(&text, HEADING);
                self.y += 3.0;
            }
            Block::Paragraph(text) => self.paragraph(&text, BODY, Ink::TEXT),
            Block::Note(text) => self.paragraph(&text, SMALL, Ink::MUTED),
            Block::Facts(facts) => self.facts(facts),
            Block::Table(table) => self.table(table),
            Block::Photos(photos) => self.photos(photos),
        }
    }

    fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    fn break_page(&mut self) {
        self.pages.push(mem::take(&mut self.page));
        self.y = TOP;
    }

    /// Begins a page unless this one has the room.
    fn need(&mut self, height: f32) {
        if self.room() < height && !self.page.is_empty() {
            self.break_page();
        }
    }

    fn rule(&mut self, height: f32, ink: Ink) {
        self.page.push(Drawing::Rectangle { x: MARGIN, y: self.y, width: WIDTH, height, ink });
        self.y += height;
    }

    /// A part of the width, in reading order, from its left edge.
    fn place(&self, start: f32, width: f32) -> f32 {
        match self.direction {
            Direction::LeftToRight => MARGIN + start,
            Direction::RightToLeft => MARGIN + WIDTH - start - width,
        }
    }

    /// The parts of a text beside each other.
    fn beside(&mut self, text: &Text, style: Style) {
        let parts = text.parts();
        let width = (WIDTH - GAP * number(parts.len().saturating_sub(1))) / number(parts.len().max(1));
        let mut row = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let x = self.place((width + GAP) * number(at), width);
            let lines = self.fonts.paragraph(&part.text, part.direction, style, width);
            row.push(Lines::new(x, lines, Ink::TEXT));
        }
        self.row(row, 0.0, None);
    }

    fn paragraph(&mut self, text: &Text, style: Style, ink: Ink) {
        let lines = self.fonts.lines(text, style, WIDTH);
        self.row(vec![Lines::new(MARGIN, lines, ink)], 0.0, None);
        self.y += 4.0;
    }

    /// Draws cells beside each other. A row that fits on a page stays together; a longer one is
    /// continued. Each further page begins with the head.
    fn row(&mut self, mut row: Vec<Lines>, padding: f32, head: Option<&[Lines]>) {
        let height = height_of(&row) + 2.0 * padding;
        let head_height = head.map_or(0.0, |head| height_of(head) + 2.0 * PADDING);
        if height > self.room() && height <= BOTTOM - TOP - head_height {
            self.break_page();
            self.head(head);
        }
        loop {
            let (top, room) = (self.y + padding, self.room() - 2.0 * padding);
            let mut used: f32 = 0.0;
            for cell in &mut row {
                used = used.max(cell.draw(&mut self.page, top, room));
            }
            self.y += used + 2.0 * padding;
            if row.iter().all(|cell| cell.lines.is_empty()) {
                return;
            }
            if used == 0.0 && self.page.is_empty() {
                // A line that is higher than a page.
                for cell in &mut row {
                    cell.lines.pop_front();
                }
            } else {
                self.break_page();
                self.head(head);
            }
        }
    }

    fn head(&mut self, head: Option<&[Lines]>) {
        let Some(head) = head else { return };
        let height = height_of(head) + 2.0 * PADDING;
        self.page.push(Drawing::Rectangle { x: MARGIN, y: self.y, width: WIDTH, height, ink: Ink::HEAD });
        for cell in head {
            cell.clone().draw(&mut self.page, self.y + PADDING, height);
        }
        self.y += height;
    }

    fn facts(&mut self, facts: Facts) {
        let Facts { rows, code } = facts;
        let page = self.pages.len();
        let code_bottom = code.map(|code| {
            self.need(CODE);
            let x = self.place(WIDTH - CODE, CODE);
            self.page.push(Drawing::Code { x, y: self.y, size: CODE, code });
            self.y + CODE
        });
        let width = WIDTH - code_bottom.map_or(0.0, |_| CODE + GAP);
        let is_bilingual = rows.iter().any(|(name, _)| name.parts().len() > 1);
        let names = if is_bilingual { 0.21 } else { 0.26 } * WIDTH;
        let values = if is_bilingual { width - 2.0 * names } else { width - names } - GAP;
        for (name, value) in rows {
            let mut row = Vec::new();
            for (part, start) in name.parts().iter().zip([0.0, names + GAP + values]) {
                let x = self.place(start, names);
                let lines = self.fonts.paragraph(&part.text, part.direction, SMALL, names);
                row.push(Lines::new(x, lines, Ink::MUTED));
            }
            let x = self.place(names + GAP / 2.0, values);
            let lines = self.fonts.lines(&value, BODY, values);
            row.push(Lines::new(x, lines, Ink::TEXT));
            self.row(row, 1.5, None);
        }
        if let Some(bottom) = code_bottom.filter(|_| self.pages.len() == page) {
            self.y = self.y.max(bottom);
        }
        self.y += 4.0;
    }

    fn table(&mut self, table: Table) {
        let Table { columns, rows } = table;
        let sum: f32 = columns.iter().map(|column| column.width).sum();
        let room = WIDTH - GAP * number(columns.len());
        let mut start = GAP / 2.0;
        let mut places = Vec::new();
        for column in &columns {
            let width = room * column.width / sum.max(f32::EPSILON);
            places.push((self.place(start, width), width));
            start += width + GAP;
        }
        let mut head = Vec::new();
        for (column, (x, width)) in columns.iter().zip(&places) {
            head.push(Lines::new(*x, self.fonts.lines(&column.head, HEAD, *width), Ink::MUTED));
        }
        self.need(height_of(&head) + 2.0 * PADDING + 3.0 * BODY.size);
        self.head(Some(&head));
        for cells in rows {
            let mut row = Vec::new();
            for (Cell { text, tone }, (x, width)) in cells.into_iter().zip(&places) {
                let (style, ink) = look(tone);
                row.push(Lines::new(*x, self.fonts.lines(&text, style, *width), ink));
            }
            self.row(row, PADDING, Some(&head));
            self.rule(0.5, Ink::RULE);
        }
        self.y += 6.0;
    }

    fn photos(&mut self, photos: Vec<Photo>) {
        let width = (WIDTH - 2.0 * GAP) / 2.0;
        let mut photos = photos.into_iter().peekable();
        while photos.peek().is_some() {
            let pair: Vec<_> = photos.by_ref().take(2).map(|photo| self.framed(photo, width)).collect();
            let height = pair.iter().map(|photo| photo.height).fold(0.0, f32::max);
            let captions = pair.iter().map(|photo| photo.caption.height()).fold(0.0, f32::max);
            self.need(height + captions + 4.0);
            for (at, mut photo) in pair.into_iter().enumerate() {
                let left = self.place((width + 2.0 * GAP) * number(at), width);
                let (y, caption_y) = (self.y, self.y + height + 2.0);
                if let Some(picture) = photo.picture {
                    let x = left + (width - photo.width) / 2.0;
                    let (width, height) = (photo.width, photo.height);
                    self.page.push(Drawing::Picture { x, y, width, height, picture });
                } else {
                    let height = photo.height;
                    self.page.push(Drawing::Rectangle { x: left, y, width, height, ink: Ink::BOX });
                    photo.reason.x = left + GAP;
                    photo.reason.draw(&mut self.page, y + GAP, height - 2.0 * GAP);
                }
                photo.caption.x = left;
                photo.caption.draw(&mut self.page, caption_y, f32::INFINITY);
            }
            self.y += height + captions + 12.0;
        }
    }

    fn framed(&mut self, photo: Photo, width: f32) -> Framed {
        let Photo { bytes, caption, missing } = photo;
        let cut = |mut lines: Vec<Line>| {
            lines.truncate(CAPTION_LINES);
            lines
        };
        let caption = Lines::new(0.0, cut(self.fonts.lines(&caption, SMALL, width)), Ink::MUTED);
        let reason = cut(self.fonts.lines(&missing, BODY, width - 2.0 * GAP));
        let reason = Lines::new(0.0, reason, Ink::TEXT);
        let Some(picture) = bytes.and_then(Picture::read) else {
            return Framed { picture: None, width, height: BOX_HEIGHT, caption, reason };
        };
        let (of_width, of_height) = picture.size();
        let scale = (width / of_width.max(1.0)).min(PHOTO_HEIGHT / of_height.max(1.0));
        let (width, height) = (of_width * scale, of_height * scale);
        Framed { picture: Some(picture), width, height, caption, reason }
    }
}

/// A photo with its size on the page.
struct Framed {
    picture: Option<Picture>,
    width: f32,
    height: f32,
    caption: Lines,
    reason: Lines,
}

fn look(tone: Tone) -> (Style, Ink) {
    match tone {
        Tone::Plain => (BODY, Ink::TEXT),
        Tone::Muted => (BODY, Ink::MUTED),
        Tone::Strong => (BOLD, Ink::TEXT),
        Tone::Good => (BOLD, Ink::GOOD),
        Tone::Warning => (BOLD, Ink::WARNING),
        Tone::Bad => (BOLD, Ink::BAD),
    }
}

//! Pages as lists of drawings, and the drawing of them.

use std::sync::Arc;

use krilla::{
    color::rgb,
    geom::{PathBuilder, Point, Rect},
    num::NormalizedF32,
    paint::{Fill, FillRule},
    surface::Surface,
};

use crate::{
    code::Code,
    fonts::{Fonts, Line},
    numbers::number,
    picture::Picture,
};

/// Points in a millimetre.
pub(crate) const MM: f32 = 72.0 / 25.4;

/// Width and height of A4, in points.
pub(crate) const A4: (f32, f32) = (210.0 * MM, 297.0 * MM);

/// A color: red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ink(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl Ink {
    pub(crate) const TEXT: Self = Self(0x16, 0x1d, 0x26);
    pub(crate) const MUTED: Self = Self(0x5b, 0x66, 0x75);
    pub(crate) const GOOD: Self = Self(0x16, 0x6b, 0x3c);
    pub(crate) const WARNING: Self = Self(0x8a, 0x5a, 0x00);
    pub(crate) const BAD: Self = Self(0xb0, 0x1e, 0x24);
    pub(crate) const RULE: Self = Self(0xc9, 0xcf, 0xd6);
    pub(crate) const HEAD: Self = Self(0xee, 0xf1, 0xf4);
    pub(crate) const BOX: Self = Self(0xdd, 0xe1, 0xe6);
}

/// A drawing at its place on a page, from the left and from the top.
#[derive(Debug)]
pub(crate) enum Drawing {
    /// A line of text; `y` is its top.
    Line { x: f32, y: f32, line: Arc<Line>, ink: Ink },
    /// A filled rectangle.
    Rectangle { x: f32, y: f32, width: f32, height: f32, ink: Ink },
    /// A photo in a box.
    Picture { x: f32, y: f32, width: f32, height: f32, picture: Picture },
    /// A QR code with its quiet zone.
    Code { x: f32, y: f32, size: f32, code: Code },
}

/// The drawings of a page, in order.
pub(crate) type Page = Vec<Drawing>;

/// Draws a page.
pub(crate) fn draw(surface: &mut Surface<'_>, fonts: &Fonts, page: Page) {
    for drawing in page {
        match drawing {
            Drawing::Line { x, y, line, ink } => {
                surface.set_fill(Some(fill(ink)));
                for run in line.runs.iter().filter(|run| !run.glyphs.is_empty()) {
                    let start = Point::from_xy(x + run.x, y + line.baseline);
                    let font = fonts.font(line.is_bold);
                    surface.draw_glyphs(start, &run.glyphs, font, &line.text, run.size, false);
                }
            }
            Drawing::Rectangle { x, y, width, height, ink } => {
                rectangles(surface, ink, [(x, y, width, height)].into_iter());
            }
            Drawing::Picture { x, y, width, height, picture } => {
                picture.draw(surface, (x, y), (width, height));
            }
            Drawing::Code { x, y, size, code } => {
                let module = size / number(code.width());
                let place = |(column, row, length): (usize, usize, usize)| {
                    let (left, top) = (x + number(column) * module, y + number(row) * module);
                    (left, top, number(length) * module, module)
                };
                rectangles(surface, Ink(0, 0, 0), code.dark_runs().into_iter().map(place));
            }
        }
    }
}

fn fill(Ink(red, green, blue): Ink) -> Fill {
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::NonZero,
    }
}

/// Fills rectangles: left, top, width and height.
fn rectangles(surface: &mut Surface<'_>, ink: Ink, all: impl Iterator<Item = (f32, f32, f32, f32)>) {
    let mut path = PathBuilder::new();
    for (left, top, width, height) in all {
        if let Some(rectangle) = Rect::from_xywh(left, top, width, height) {
            path.push_rect(rectangle);
        }
    }
    if let Some(path) = path.finish() {
        surface.set_fill(Some(fill(ink)));
        surface.draw_path(&path);
    }
}

//! The fonts, and the layout of paragraphs into lines of glyphs.

use std::{borrow::Cow, sync::Arc};

use krilla::text::{Font, GlyphId, KrillaGlyph};
use parley::{
    Alignment, AlignmentOptions, BaseDirection, FontContext, FontFamily, FontFamilyName, FontWeight, Layout,
    LayoutContext, Line as LaidOut, LineHeight, OverflowWrap, StyleProperty,
    fontique::{Blob, Collection, CollectionOptions, FontInfoOverride, SourceCache},
};

use crate::{
    error::Error,
    text::{Direction, Text, is_directional_control, printable},
};

static REGULAR: &[u8] = include_bytes!("../fonts/IBMPlexSansArabic_400Regular.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/IBMPlexSansArabic_700Bold.ttf");

const FAMILY: &str = "documents";

/// Distance of two baselines, as a multiple of the size.
const LINE_HEIGHT: f32 = 1.4;

/// The size of a text in points, and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Style {
    pub(crate) size: f32,
    pub(crate) is_bold: bool,
}

/// A line of a paragraph.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) runs: Vec<GlyphRun>,
    /// The text of the paragraph.
    pub(crate) text: Arc<str>,
    pub(crate) is_bold: bool,
    pub(crate) height: f32,
    /// Distance of the baseline from the top of the line.
    pub(crate) baseline: f32,
    /// Width of the glyphs.
    pub(crate) width: f32,
}

/// Glyphs beside each other, from left to right.
#[derive(Debug, Clone)]
pub(crate) struct GlyphRun {
    pub(crate) x: f32,
    pub(crate) size: f32,
    pub(crate) glyphs: Vec<KrillaGlyph>,
}

/// The fonts of a document.
pub(crate) struct Fonts {
    context: FontContext,
    layouts: LayoutContext<()>,
    regular: Font,
    bold: Font,
    /// The glyph of a question mark, for characters that the fonts lack: the regular and the bold
    /// one.
    unknown: (u32, u32),
}

impl Fonts {
    pub(crate) fn new() -> Result<Self, Error> {
        let options = CollectionOptions { shared: false, system_fonts: false };
        let mut collection = Collection::new(options);
        for (data, weight) in [(REGULAR, 400.0), (BOLD, 700.0)] {
            let name = FontInfoOverride {
                family_name: Some(FAMILY),
                weight: Some(FontWeight::new(weight)),
                ..FontInfoOverride::default()
            };
            collection.register_fonts(Blob::new(Arc::new(data)), Some(name));
        }
        let mut fonts = Self {
            context: FontContext { collection, source_cache: SourceCache::default() },
            layouts: LayoutContext::new(),
            regular: Font::new(REGULAR.into(), 0).ok_or(Error::Font)?,
            bold: Font::new(BOLD.into(), 0).ok_or(Error::Font)?,
            unknown: (0, 0),
        };
        fonts.unknown = (fonts.question_mark(false), fonts.question_mark(true));
        Ok(fonts)
    }

    pub(crate) fn font(&self, is_bold: bool) -> Font {
        if is_bold { self.bold.clone() } else { self.regular.clone() }
    }

    fn question_mark(&mut self, is_bold: bool) -> u32 {
        let lines = self.paragraph("?", Direction::LeftToRight, Style { size: 10.0, is_bold }, 100.0);
        let glyph = lines.first().and_then(|line| line.runs.first()?.glyphs.first());
        glyph.map_or(0, |glyph| glyph.glyph_id.to_u32())
    }

    /// The lines of a text, one part below the other.
    pub(crate) fn lines(&mut self, text: &Text, style: Style, width: f32) -> Vec<Line> {
        let parts = text.parts().iter();
        parts.flat_map(|part| self.paragraph(&part.text, part.direction, style, width)).collect()
    }

    pub(crate) fn paragraph(
        &mut self,
        text: &str,
        direction: Direction,
        style: Style,
        width: f32,
    ) -> Vec<Line> {
        let text: Arc<str> = printable(text).into();
        if text.trim().is_empty() {
            return Vec::new();
        }
        let layout = self.layout(&text, direction, style, width);
        let unknown = if style.is_bold { self.unknown.1 } else { self.unknown.0 };
        layout.lines().map(|line| line_of(&line, &text, style, unknown)).collect()
    }

    fn layout(&mut self, text: &str, direction: Direction, style: Style, width: f32) -> Layout<()> {
        let mut builder = self.layouts.ranged_builder(&mut self.context, text, 1.0, false);
        builder.set_base_direction(match direction {
            Direction::LeftToRight => BaseDirection::Ltr,
            Direction::RightToLeft => BaseDirection::Rtl,
        });
        let family = FontFamily::Single(FontFamilyName::Named(Cow::Borrowed(FAMILY)));
        builder.push_default(StyleProperty::FontFamily(family));
        builder.push_default(StyleProperty::FontSize(style.size));
        let weight = if style.is_bold { 700.0 } else { 400.0 };
        builder.push_default(StyleProperty::FontWeight(FontWeight::new(weight)));
        builder.push_default(StyleProperty::LineHeight(LineHeight::FontSizeRelative(LINE_HEIGHT)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        let mut layout = builder.build(text);
        layout.break_all_lines(Some(width));
        layout.align(Alignment::Start, AlignmentOptions::default());
        layout
    }
}

fn line_of(line: &LaidOut<'_, ()>, text: &Arc<str>, style: Style, unknown: u32) -> Line {
    let metrics = line.metrics();
    let mut x = metrics.offset;
    let mut runs = Vec::new();
    for run in line.runs() {
        let (start, size) = (x, run.font_size());
        let mut glyphs: Vec<KrillaGlyph> = Vec::new();
        for cluster in run.visual_clusters() {
            if cluster.is_ligature_continuation() {
                if let Some(glyph) = glyphs.last_mut() {
                    let (part, range) = (cluster.text_range(), &mut glyph.text_range);
                    *range = range.start.min(part.start)..range.end.max(part.end);
                }
                continue;
            }
            // The empty glyphs of the marks would disturb the extraction of text.
            let source = text.get(cluster.text_range()).unwrap_or_default();
            if source.chars().all(is_directional_control) {
                x += cluster.advance();
                continue;
            }
            for glyph in cluster.glyphs() {
                let id = if glyph.id == 0 { unknown } else { glyph.id };
                let (advance, right, up) = (glyph.advance / size, glyph.x / size, -glyph.y / size);
                let range = cluster.text_range();
                glyphs.push(KrillaGlyph::new(GlyphId::new(id), advance, right, up, 0.0, range, None));
                x += glyph.advance;
            }
        }
        runs.push(GlyphRun { x: start, size, glyphs });
    }
    Line {
        runs,
        text: Arc::clone(text),
        is_bold: style.is_bold,
        height: metrics.line_height,
        baseline: metrics.baseline - metrics.block_min_coord,
        width: metrics.advance - metrics.hanging_advance,
    }
}

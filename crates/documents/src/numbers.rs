//! Numbers of pages, glyphs and pixels.

/// A number for a calculation. Sizes of pages and images are below 65,536.
pub(crate) fn number(n: impl TryInto<u16>) -> f32 {
    n.try_into().map_or(f32::from(u16::MAX), f32::from)
}

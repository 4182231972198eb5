//! The cost of decoding a file, computed from its headers.

use crate::content::{
    error::Refusal,
    limits::{MAX_ANIMATED_PIXELS, MAX_FRAMES, MAX_PIXELS},
};

/// Memory that a file takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// To decode it completely, without keeping the picture where the decoder can avoid it.
    pub(crate) decoding: u64,
    /// To render a thumbnail.
    pub(crate) thumbnail: u64,
}

/// Number of pixels of a picture.
pub(in crate::content) fn bounded(width: impl Into<u64>, height: impl Into<u64>) -> Result<u64, Refusal> {
    match width.into().checked_mul(height.into()) {
        Some(pixels @ 1..=MAX_PIXELS) => Ok(pixels),
        Some(0) => Err(Refusal::Damaged),
        _ => Err(Refusal::TooManyPixels),
    }
}

/// The frames of an animation so far.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pub(super) count: u64,
    pixels: u64,
}

impl Frames {
    /// Adds a frame that takes the work of this many pixels.
    pub(super) fn add(&mut self, pixels: u64) -> Result<(), Refusal> {
        self.count += 1;
        self.pixels = self.pixels.saturating_add(pixels);
        if self.pixels > MAX_ANIMATED_PIXELS {
            return Err(Refusal::TooManyPixels);
        }
        if self.count > MAX_FRAMES { Err(Refusal::TooComplex) } else { Ok(()) }
    }
}

//! Limits of the inspection.

/// Bytes from the start of a file that determine its type.
///
/// PDF readers accept the header anywhere within this range.
pub(crate) const HEAD: usize = 1024;

/// Maximum number of pixels of an image.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// Maximum total number of pixels of an animation.
pub(super) const MAX_ANIMATED_PIXELS: u64 = 4 * MAX_PIXELS;

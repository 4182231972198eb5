//! Thumbnails: small upright JPEG images without metadata.

use std::path::Path;

use image::{
    DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops,
};

use crate::{content::MAX_PIXELS, error::StoreError, key::Size};

/// JPEG quality, from 1 to 100.
const QUALITY: u8 = 80;

/// Reason for a missing thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoThumbnail {
    /// The file is no image, or its decoder does not support it.
    #[error("the file has no thumbnail")]
    Impossible,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Renders the thumbnail of an image as JPEG. A smaller image keeps its size. Blocks.
pub(crate) fn render(original: &Path, size: Size) -> Result<Vec<u8>, NoThumbnail> {
    let mut reader = ImageReader::open(original)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| NoThumbnail::Store(error.into()))?;
    let mut limits = Limits::default();
    // Four bytes for each pixel, and the same for working memory.
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| NoThumbnail::Impossible)?;
    let orientation = decoder.orientation().map_err(|_| NoThumbnail::Impossible)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|_| NoThumbnail::Impossible)?;
    if image.width().max(image.height()) > size.pixels() {
        image = image.thumbnail(size.pixels(), size.pixels());
    }
    image.apply_orientation(orientation);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode_image(&on_white(&image))
        .map_err(|_| NoThumbnail::Impossible)?;
    Ok(bytes)
}

/// Replaces transparency, which JPEG lacks, with white.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let mut canvas =
        DynamicImage::ImageRgb8(RgbImage::from_pixel(image.width(), image.height(), Rgb([255; 3])));
    imageops::overlay(&mut canvas, image, 0, 0);
    canvas.into_rgb8()
}

//! Small pictures of images, the right way up, with nothing in them but the picture.

use std::path::Path;

use image::{
    DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops,
};

use crate::{StoreError, content::MAX_PIXELS};

/// How well a thumbnail looks, of 100.
const QUALITY: u8 = 80;

/// Size of a thumbnail: pixels of its longer side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(u32);

impl Size {
    /// All there are.
    pub const ALL: [Self; 3] = [Self(160), Self(320), Self(640)];

    /// The smallest that is no smaller than this, or the largest there is.
    pub fn for_pixels(wanted: u32) -> Self {
        Self::ALL.into_iter().find(|size| size.0 >= wanted).unwrap_or(Self(640))
    }

    /// Pixels of the longer side.
    pub const fn pixels(self) -> u32 {
        self.0
    }
}

/// Why there is no thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoThumbnail {
    /// Only images have one, and not every one that can be read by others can be made smaller here.
    #[error("no thumbnail can be made of this file")]
    Impossible,
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes the thumbnail of an image: a JPEG. An image that is small already keeps its size. Blocks.
pub(crate) fn make(original: &Path, size: Size) -> Result<Vec<u8>, NoThumbnail> {
    let mut reader = ImageReader::open(original)
        .and_then(ImageReader::with_guessed_format)
        .map_err(|error| NoThumbnail::Store(error.into()))?;
    let mut limits = Limits::default();
    // Four bytes a pixel, and as much again to work with.
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

/// JPEG knows no transparency.
fn on_white(image: &DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let mut canvas =
        DynamicImage::ImageRgb8(RgbImage::from_pixel(image.width(), image.height(), Rgb([255; 3])));
    imageops::overlay(&mut canvas, image, 0, 0);
    canvas.into_rgb8()
}

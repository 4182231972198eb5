//! Thumbnails: small upright JPEG images without metadata.

use std::{
    io::{BufRead, Seek},
    path::Path,
};

use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageResult, Limits, Rgb, RgbImage,
    codecs::{gif::GifDecoder, jpeg::JpegEncoder, png::PngDecoder, webp::WebPDecoder},
    imageops,
    metadata::Orientation,
};
use inspection_domain::files::FileKind;
use jpeg_decoder::PixelFormat;

use crate::{
    content::{ContentError, MAX_MEMORY, Meter, Refusal, source},
    error::StoreError,
    key::Size,
};

/// JPEG quality, from 1 to 100.
const QUALITY: u8 = 80;

/// Maximum number of bytes of the metadata and the rows of a PNG.
const METADATA: u64 = 16 << 20;

/// Reason for a missing thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoThumbnail {
    /// The file is no image, its decoder does not support it, or it takes too much memory.
    #[error("the file has no thumbnail")]
    Impossible,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ContentError> for NoThumbnail {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::Refused(_) => Self::Impossible,
            ContentError::Io(error) => Self::Store(error.into()),
        }
    }
}

/// Renders the thumbnail of an image as JPEG. A smaller image keeps its size. Blocks.
pub(crate) fn render(
    original: &Path,
    kind: FileKind,
    size: Size,
    meter: &Meter,
) -> Result<Vec<u8>, ContentError> {
    let file = source(original, meter)?;
    let decoded = match kind {
        FileKind::Jpeg => jpeg(file, size),
        FileKind::Png => upright(PngDecoder::with_limits(file, limits(METADATA))),
        FileKind::Gif => upright(GifDecoder::new(file).and_then(|mut decoder| {
            decoder.set_limits(limits(MAX_MEMORY))?;
            Ok(decoder)
        })),
        FileKind::Webp => upright(WebPDecoder::new(file)),
        FileKind::Pdf => Err(Refusal::NotTaken.into()),
    };
    let (mut image, orientation) = decoded.map_err(|error| meter.explain(error))?;
    if image.width().max(image.height()) > size.pixels() {
        image = image.thumbnail(size.pixels(), size.pixels());
    }
    image.apply_orientation(orientation);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&on_white(&image)).map_err(damaged)?;
    Ok(bytes)
}

fn limits(bytes: u64) -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(bytes);
    limits
}

fn damaged(error: ImageError) -> ContentError {
    match error {
        ImageError::IoError(error) => error.into(),
        _ => Refusal::Damaged.into(),
    }
}

fn upright(decoder: ImageResult<impl ImageDecoder>) -> Result<(DynamicImage, Orientation), ContentError> {
    let mut decoder = decoder.map_err(damaged)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    Ok((DynamicImage::from_decoder(decoder).map_err(damaged)?, orientation))
}

/// Decodes a JPEG at the smallest of its sizes that has the pixels of the thumbnail.
fn jpeg(file: impl BufRead + Seek, size: Size) -> Result<(DynamicImage, Orientation), ContentError> {
    let refused = |error: jpeg_decoder::Error| match error {
        jpeg_decoder::Error::Io(error) => error.into(),
        _ => ContentError::from(Refusal::Damaged),
    };
    let mut decoder = jpeg_decoder::Decoder::new(file);
    let pixels = u16::try_from(size.pixels()).unwrap_or(u16::MAX);
    decoder.scale(pixels, pixels).map_err(refused)?;
    let pixels = decoder.decode().map_err(refused)?;
    let info = decoder.info().ok_or(Refusal::Damaged)?;
    let (width, height) = (info.width.into(), info.height.into());
    let image = match info.pixel_format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        // The upper byte of each sample.
        PixelFormat::L16 => {
            let upper = pixels.chunks_exact(2).map(|sample| match sample {
                [low, high] => u16::from_ne_bytes([*low, *high]).to_be_bytes()[0],
                _ => 0,
            });
            GrayImage::from_raw(width, height, upper.collect()).map(DynamicImage::from)
        }
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        PixelFormat::CMYK32 => {
            let shade = |ink: u8, black: u8| {
                let product = u16::from(255 - ink) * u16::from(255 - black);
                u8::try_from(product / 255).unwrap_or(u8::MAX)
            };
            let colors = pixels.chunks_exact(4).flat_map(|inks| match inks {
                [cyan, magenta, yellow, black] => {
                    [shade(*cyan, *black), shade(*magenta, *black), shade(*yellow, *black)]
                }
                _ => [0; 3],
            });
            RgbImage::from_raw(width, height, colors.collect()).map(DynamicImage::from)
        }
    };
    let orientation = decoder.exif_data().and_then(Orientation::from_exif_chunk);
    Ok((image.ok_or(Refusal::Damaged)?, orientation.unwrap_or(Orientation::NoTransforms)))
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

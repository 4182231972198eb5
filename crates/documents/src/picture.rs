//! Photos: JPEG files as they are, other formats as JPEG.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage, codecs::jpeg::JpegEncoder, imageops,
    metadata::Orientation,
};
use krilla::{
    geom::{Size, Transform},
    image::Image,
    surface::Surface,
};
use zune_jpeg::{JpegDecoder, zune_core::colorspace::ColorSpace};

use crate::numbers::number;

/// The longest edge of a converted image, in pixels.
const LONGEST_EDGE: u32 = 1_600;

/// Quality of a converted image, of 100.
const QUALITY: u8 = 85;

/// The most memory that an image of another format takes while it is converted.
const MOST_MEMORY: u64 = 96 << 20;

/// A photo that can be drawn.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    image: Image,
    /// The turn of the photo when it is drawn.
    orientation: Orientation,
}

impl Picture {
    /// The photo; `None` if it can't be read.
    pub(crate) fn read(bytes: Vec<u8>) -> Option<Self> {
        let (jpeg, orientation) = if let Some(orientation) = orientation_of_plain_jpeg(&bytes) {
            (bytes, orientation)
        } else {
            (converted(&bytes)?, Orientation::NoTransforms)
        };
        Some(Self { image: Image::from_jpeg(jpeg.into(), false).ok()?, orientation })
    }

    /// Width and height in pixels, upright.
    pub(crate) fn size(&self) -> (f32, f32) {
        let (width, height) = self.image.size();
        let (width, height) = (number(width), number(height));
        if self.is_on_its_side() { (height, width) } else { (width, height) }
    }

    fn is_on_its_side(&self) -> bool {
        matches!(
            self.orientation,
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        )
    }

    /// Draws the photo upright into a box.
    pub(crate) fn draw(&self, surface: &mut Surface<'_>, (x, y): (f32, f32), (width, height): (f32, f32)) {
        let (w, h) = (width, height);
        let turned = match self.orientation {
            Orientation::NoTransforms => Transform::identity(),
            Orientation::Rotate90 => Transform::from_row(0.0, 1.0, -1.0, 0.0, w, 0.0),
            Orientation::Rotate180 => Transform::from_row(-1.0, 0.0, 0.0, -1.0, w, h),
            Orientation::Rotate270 => Transform::from_row(0.0, -1.0, 1.0, 0.0, 0.0, h),
            Orientation::FlipHorizontal => Transform::from_row(-1.0, 0.0, 0.0, 1.0, w, 0.0),
            Orientation::FlipVertical => Transform::from_row(1.0, 0.0, 0.0, -1.0, 0.0, h),
            Orientation::Rotate90FlipH => Transform::from_row(0.0, 1.0, 1.0, 0.0, 0.0, 0.0),
            Orientation::Rotate270FlipH => Transform::from_row(0.0, -1.0, -1.0, 0.0, w, h),
        };
        let (w, h) = if self.is_on_its_side() { (h, w) } else { (w, h) };
        if let Some(size) = Size::from_wh(w, h) {
            surface.push_transform(&Transform::from_translate(x, y));
            surface.push_transform(&turned);
            surface.draw_image(self.image.clone(), size);
            surface.pop();
            surface.pop();
        }
    }
}

/// The orientation of a JPEG file with colors that a PDF shows without a profile; `None` for other
/// files. Reads the headers only.
fn orientation_of_plain_jpeg(bytes: &[u8]) -> Option<Orientation> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut decoder = JpegDecoder::new(Cursor::new(bytes));
    decoder.decode_headers().ok()?;
    let is_plain =
        matches!(decoder.input_colorspace(), Some(ColorSpace::Luma | ColorSpace::YCbCr | ColorSpace::RGB));
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    is_plain.then_some(orientation.unwrap_or(Orientation::NoTransforms))
}

/// An image as JPEG, upright and on white.
fn converted(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    // The decoder of JPEG ignores the limit.
    if decoder.total_bytes() > MOST_MEMORY {
        return None;
    }
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    if image.width().max(image.height()) > LONGEST_EDGE {
        image = image.thumbnail(LONGEST_EDGE, LONGEST_EDGE);
    }
    image.apply_orientation(orientation);
    let mut canvas =
        DynamicImage::ImageRgb8(RgbImage::from_pixel(image.width(), image.height(), Rgb([255; 3])));
    imageops::overlay(&mut canvas, &image, 0, 0);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&canvas).ok()?;
    Some(jpeg)
}

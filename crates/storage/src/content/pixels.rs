//! Full decoding of images in bounded memory.

use std::io::{BufRead, Seek};

use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageError, codecs::webp::WebPDecoder};
use inspection_domain::files::FileKind;

use super::{
    containers::bounded,
    error::{ContentError, Refusal},
    limits::{MAX_ANIMATED_PIXELS, MAX_PIXELS},
};

/// Bytes of memory for palettes, profiles and tables.
const OVERHEAD: u32 = 16 << 20;

pub(super) fn check(file: impl BufRead + Seek, kind: FileKind) -> Result<(), ContentError> {
    match kind {
        FileKind::Png => png(file),
        FileKind::Jpeg => jpeg(file),
        FileKind::Gif => gif(file),
        FileKind::Webp => webp(file),
        FileKind::Pdf => Ok(()),
    }
}

/// Decodes row by row.
fn png(file: impl BufRead + Seek) -> Result<(), ContentError> {
    let refused = |error: png::DecodingError| match error {
        png::DecodingError::IoError(error) => error.into(),
        png::DecodingError::LimitsExceeded => Refusal::TooManyPixels.into(),
        png::DecodingError::Format(_) | png::DecodingError::Parameter(_) => {
            ContentError::from(Refusal::Damaged)
        }
    };
    let mut decoder = png::Decoder::new_with_limits(
        file,
        png::Limits { bytes: usize::try_from(OVERHEAD).unwrap_or(usize::MAX) },
    );
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(refused)?;
    bounded(header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(refused)?;
    while reader.next_row().map_err(refused)?.is_some() {}
    reader.finish().map_err(refused)
}

/// Decodes at an eighth of the size: reads all data in little memory.
fn jpeg(file: impl BufRead + Seek) -> Result<(), ContentError> {
    let refused = |error: jpeg_decoder::Error| match error {
        jpeg_decoder::Error::Io(error) => error.into(),
        _ => ContentError::from(Refusal::Damaged),
    };
    let mut decoder = jpeg_decoder::Decoder::new(file);
    decoder.read_info().map_err(refused)?;
    let info = decoder.info().ok_or(Refusal::Damaged)?;
    bounded(info.width, info.height)?;
    decoder.scale(1, 1).map_err(refused)?;
    decoder.decode().map_err(refused)?;
    Ok(())
}

/// Decodes frame by frame, with indexed colours.
fn gif(file: impl BufRead + Seek) -> Result<(), ContentError> {
    let refused = |error: gif::DecodingError| match error {
        gif::DecodingError::Io(error) => error.into(),
        gif::DecodingError::OutOfMemory => Refusal::TooManyPixels.into(),
        _ => ContentError::from(Refusal::Damaged),
    };
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::Indexed);
    options.set_memory_limit(gif::MemoryLimit::Bytes(
        (MAX_PIXELS + u64::from(OVERHEAD)).try_into().unwrap_or(std::num::NonZeroU64::MIN),
    ));
    options.check_frame_consistency(true);
    let mut decoder = options.read_info(file).map_err(refused)?;
    bounded(decoder.width(), decoder.height())?;
    let mut pixels = 0;
    let mut frames = 0;
    while let Some(frame) = decoder.next_frame_info().map_err(refused)? {
        pixels += bounded(frame.width, frame.height)?;
        if pixels > MAX_ANIMATED_PIXELS {
            return Err(Refusal::TooManyPixels.into());
        }
        let mut buffer = vec![0; decoder.buffer_size()];
        decoder.read_into_buffer(&mut buffer).map_err(refused)?;
        frames += 1;
    }
    if frames == 0 { Err(Refusal::Damaged.into()) } else { Ok(()) }
}

fn webp(file: impl BufRead + Seek) -> Result<(), ContentError> {
    let refused = |error: ImageError| match error {
        ImageError::IoError(error) => error.into(),
        ImageError::Limits(_) => Refusal::TooManyPixels.into(),
        _ => ContentError::from(Refusal::Damaged),
    };
    let decoder = WebPDecoder::new(file).map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let size = bounded(width, height)?;
    if decoder.has_animation() {
        let mut pixels = 0;
        for frame in decoder.into_frames() {
            frame.map_err(refused)?;
            pixels += size;
            if pixels > MAX_ANIMATED_PIXELS {
                return Err(Refusal::TooManyPixels.into());
            }
        }
        return if pixels == 0 { Err(Refusal::Damaged.into()) } else { Ok(()) };
    }
    DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok(())
}

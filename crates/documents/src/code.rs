//! QR codes.

use std::fmt;

use qrcode::{EcLevel, QrCode, render::svg, types::Color};

use crate::error::Error;

/// Light modules around a code.
const QUIET_ZONE: usize = 4;

/// A QR code. A seventh of it may be damaged (level M).
#[derive(Clone)]
pub struct Code {
    code: QrCode,
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("width", &self.code.width()).finish_non_exhaustive()
    }
}

impl Code {
    /// The code of a text, such as an address.
    ///
    /// # Errors
    ///
    /// [`Error::CodeTooLong`] for a text of more than 2,331 bytes.
    pub fn new(content: &str) -> Result<Self, Error> {
        let code = QrCode::with_error_correction_level(content, EcLevel::M);
        Ok(Self { code: code.map_err(|_| Error::CodeTooLong)? })
    }

    /// The code as an SVG image of at least 256 pixels.
    pub fn to_svg(&self) -> String {
        self.code.render::<svg::Color<'_>>().min_dimensions(256, 256).build()
    }

    /// The number of modules in a row, with the quiet zone.
    pub(crate) fn width(&self) -> usize {
        self.code.width() + 2 * QUIET_ZONE
    }

    /// The dark modules: column, row and length of each run.
    pub(crate) fn dark_runs(&self) -> Vec<(usize, usize, usize)> {
        let (width, colors) = (self.code.width(), self.code.to_colors());
        let mut runs: Vec<(usize, usize, usize)> = Vec::new();
        for (row, modules) in colors.chunks(width).enumerate() {
            let row = row + QUIET_ZONE;
            for (column, _) in modules.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
                let column = column + QUIET_ZONE;
                match runs.last_mut() {
                    Some((start, of, length)) if *of == row && *start + *length == column => *length += 1,
                    _ => runs.push((column, row, 1)),
                }
            }
        }
        runs
    }
}

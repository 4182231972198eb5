//! Types of files that are accepted as evidence (rule book §14).

use crate::input::text_enum;

text_enum! {
    /// Accepted file type, detected from the content.
    pub enum FileKind {
        /// A PNG image.
        Png = "image/png",
        /// A JPEG image.
        Jpeg = "image/jpeg",
        /// A GIF image.
        Gif = "image/gif",
        /// A WebP image.
        Webp = "image/webp",
        /// A PDF document.
        Pdf = "application/pdf",
    }
}

impl FileKind {
    /// Whether it is an image.
    pub const fn is_image(self) -> bool {
        !matches!(self, Self::Pdf)
    }

    /// Extension of the stored file.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Gif => "gif",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
        }
    }
}

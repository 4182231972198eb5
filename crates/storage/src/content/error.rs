//! Reasons for refusing a file.

use inspection_domain::{files::FileKind, message, message::Message};

use super::limits::MAX_PIXELS;

/// Reason for refusing a file. The text is a predicate whose subject is the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file has no bytes.
    #[error("is empty")]
    Empty,
    /// The type is not accepted.
    #[error("is neither an image (png, jpg, gif, webp) nor a pdf")]
    NotTaken,
    /// A photo in a format that few programs read.
    #[error(
        "is a HEIC photo: set the camera of the phone to the most compatible format (JPEG), and take \
         the photo again"
    )]
    Heic,
    /// A video.
    #[error("is a video: set the camera of the phone to photos, and take a photo instead")]
    Video,
    /// The name ends in the extension of a type that is not accepted.
    #[error("must have a name that ends in .png, .jpg, .jpeg, .gif, .webp or .pdf")]
    Name,
    /// The name has two extensions.
    #[error("{}", self.message())]
    SecondExtension(String),
    /// The extension does not match the content.
    #[error("{}", self.message())]
    OtherName {
        /// Extension of the name.
        named: String,
        /// Type of the content.
        kind: FileKind,
    },
    /// The declared type does not match the content.
    #[error("{}", self.message())]
    OtherType {
        /// Declared media type.
        declared: String,
        /// Type of the content.
        kind: FileKind,
    },
    /// The file is truncated.
    #[error("is incomplete: its end is missing")]
    CutOff,
    /// The file violates its format.
    #[error("is damaged")]
    Damaged,
    /// Decoding would take too much memory.
    #[error("{}", self.message())]
    TooManyPixels,
    /// Decoding would take too much memory or time for other reasons.
    #[error("is too complex to decode: save it again with fewer pixels or frames")]
    TooComplex,
    /// A document runs programs, sends data or carries files.
    #[error("{}", self.message())]
    Active(&'static str),
    /// A document is encrypted, so that its content can't be checked.
    #[error("is encrypted: save it without a password")]
    Encrypted,
    /// Data follows the end of the format.
    #[error("has data after its end")]
    GoesOn,
    /// The file is also valid as another format.
    #[error("{}", self.message())]
    Hidden(&'static str),
}

impl Refusal {
    /// Message for users; its subject is the file.
    pub fn message(&self) -> Message {
        match self {
            Self::SecondExtension(extension) => {
                message!("has a second extension in its name: .{extension}", extension)
            }
            Self::OtherName { named, kind } => {
                message!("is named .{named}, but is {kind}", named, kind)
            }
            Self::OtherType { declared, kind } => {
                message!("is declared as {declared}, but is {kind}", declared, kind)
            }
            Self::TooManyPixels => {
                message!("has more than {max} million pixels", max = MAX_PIXELS / 1_000_000)
            }
            Self::Active(content) => message!("contains active content: {content}", content),
            Self::Hidden(content) => message!("contains hidden content: {content}", content),
            refusal => refusal.to_string().into(),
        }
    }
}

/// Error of an inspection: the file is refused, or the disk failed.
#[derive(Debug)]
pub(crate) enum ContentError {
    Refused(Refusal),
    Io(std::io::Error),
}

impl From<Refusal> for ContentError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<std::io::Error> for ContentError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Self::Refused(Refusal::CutOff),
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
                Self::Refused(Refusal::Damaged)
            }
            _ => Self::Io(error),
        }
    }
}

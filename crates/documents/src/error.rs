/// Why a document was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A QR code holds at most about 2,300 bytes.
    #[error("the content of a QR code is too long")]
    CodeTooLong,
    /// A font of this crate is damaged.
    #[error("a font is not readable")]
    Font,
    /// The PDF is not valid as PDF/A-2b.
    #[error("the document is not valid: {0}")]
    Invalid(String),
}

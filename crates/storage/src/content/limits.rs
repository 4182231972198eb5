//! Limits of the inspection.
//!
//! They bound memory and work before a decoder starts. On one core of a common server, work at
//! a limit takes about two seconds.

/// Bytes from the start of a file that determine its type.
///
/// PDF readers accept the header anywhere within this range.
pub(crate) const HEAD: usize = 1024;

/// Maximum number of pixels of an image.
pub(crate) const MAX_PIXELS: u64 = 64_000_000;

/// Maximum total number of pixels of an animation.
pub(super) const MAX_ANIMATED_PIXELS: u64 = 4 * MAX_PIXELS;

/// Maximum number of frames of an animation.
pub(super) const MAX_FRAMES: u64 = 4096;

/// Maximum number of scans of a JPEG. Encoders write up to about 15.
pub(super) const MAX_SCANS: u64 = 100;

/// Maximum number of blocks in all scans of a JPEG: ten progressive scans of 64 million pixels
/// have about ten million.
pub(super) const MAX_BLOCKS: u64 = 48_000_000;

/// Maximum number of segments of a JPEG.
pub(super) const MAX_SEGMENTS: u64 = 4096;

/// Maximum number of chunks of a PNG.
pub(super) const MAX_CHUNKS: u64 = 1 << 16;

/// Maximum number of decompressed bytes of a PNG, with a surcharge for each row: 64 million pixels
/// of 8 bytes.
pub(super) const MAX_RAW_BYTES: u64 = 576_000_000;

/// Maximum number of groups of codes of a lossless WebP picture. Encoders write at most 2,600.
pub(super) const MAX_GROUPS: usize = 4096;

/// Maximum number of groups of codes of all lossless pictures of a WebP file.
pub(super) const MAX_ALL_GROUPS: usize = 1 << 15;

/// Maximum number of bytes of memory for decoding one file.
pub(crate) const MAX_MEMORY: u64 = 240 << 20;

/// Bytes of memory for the tables of a decoder and for its buffers.
pub(super) const TABLES: u64 = 4 << 20;

/// Maximum number of bytes of memory for metadata, such as profiles and EXIF.
pub(super) const METADATA: u64 = 16 << 20;

/// Maximum CPU time for decoding one file, in milliseconds. Work within the other limits takes
/// less.
pub(super) const MAX_CPU_MS: u64 = 10_000;

/// Maximum number of decompressed bytes of an object stream of a PDF.
pub(crate) const MAX_OBJECT_STREAM: u64 = 16 << 20;

/// Maximum number of decompressed bytes of all object streams of a PDF.
pub(super) const MAX_INFLATED: u64 = 64 << 20;

/// Growth of the whole process while a file is decoded after which decoding stops, in bytes: more
/// than all decoders together may take.
pub(super) const MAX_GROWTH: u64 = 320 << 20;

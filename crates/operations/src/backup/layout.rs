//! Names of backups, of their files, and of temporary objects.

use inspection_persistence::Context;

/// Name of the manifest.
pub(super) const MANIFEST: &str = "manifest.json";
/// Name of the database dump.
pub(super) const DATABASE: &str = "database.dump";
/// Name of the archive of stored files.
pub(super) const FILES: &str = "files.tar";
/// Name of the checksums, in the format of `sha256sum -c`.
pub(super) const SUMS: &str = "SHA256SUMS";
/// Name of the record of the last successful trial.
pub(super) const VERIFIED: &str = "verified.json";

/// Whether a folder name is that of a backup, such as `2026-11-25T140000Z-1a2b`.
pub(super) fn is_name(name: &str) -> bool {
    let shape = "dddd-dd-ddTddddddZ-xxxx";
    name.len() == shape.len()
        && name.chars().zip(shape.chars()).all(|(c, expected)| match expected {
            'd' => c.is_ascii_digit(),
            'x' => c.is_ascii_hexdigit(),
            other => c == other,
        })
}

/// The first random bytes of an id, in hexadecimal digits.
pub(super) fn random_suffix(context: &Context, bytes: usize) -> String {
    base16ct::lower::encode_string(context.ids.random().get(..bytes).unwrap_or_default())
}

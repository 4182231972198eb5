//! Permissions of the files that the program creates.

use rustix::{fs::Mode, process};

/// Files that this process and its children create from now on are accessible to their owner only,
/// whatever the mask of the caller: the database, evidence, backups and logs contain personal data.
pub fn restrict() {
    process::umask(Mode::RWXG | Mode::RWXO);
}

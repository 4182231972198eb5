//! Shell scripts of the deployment, run in a folder with programs of the tests.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

/// Writes shell scripts as programs, which precede those of the machine.
pub(super) fn write_programs(folder: &Path, programs: &[(&str, &str)]) {
    let programs_folder = folder.join("bin");
    fs::create_dir_all(&programs_folder).expect("a folder");
    for (name, script) in programs {
        let file = programs_folder.join(name);
        fs::write(&file, format!("#!/bin/sh{script}")).expect("a program");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("executable");
    }
}

/// A command that runs a script for at most two minutes, with `FOLDER` and the programs of a
/// folder. Each of `paths` is a path of the container, and a path in the folder instead.
pub(super) fn shell(folder: &Path, paths: &[(&str, &str)], script: &str) -> Command {
    let mut script = script.to_owned();
    for (original, replacement) in paths {
        assert!(script.contains(original), "no {original} in: {script}");
        script = script.replace(original, folder.join(replacement).to_str().expect("a path"));
    }
    let script = format!("PATH=$FOLDER/bin:$PATH\n{script}");
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", "120", "sh", "-c", &script]).current_dir(folder);
    command.env("FOLDER", folder);
    command
}

//! Checks of the machine: disks, the log file, the process supervisor, the user.

use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::Command,
};

use super::{
    deployment::Deployment,
    folders::{is_writable, unwritable},
};
use crate::{
    Finding,
    disk::{self, Lifetime, Space},
};

/// Free bytes below which a disk counts as full.
const MIN_FREE_BYTES: u64 = 1 << 30;

/// Free percentage below which a disk is nearly full.
const MIN_FREE_PERCENT: u64 = 5;

pub(super) fn findings(deployment: &Deployment) -> Vec<Finding> {
    let disks: Vec<(&str, Option<Space>)> =
        deployment.folders.iter().map(|folder| (folder.name, disk::space(&folder.path))).collect();
    vec![
        writable(deployment),
        persistent(deployment.bucket.is_some(), disk::space(&deployment.upload_folder)),
        free_space(&disks),
        log_file(deployment.log_file.as_deref()),
        supervised(Supervisor::detect()),
        user(rustix::process::geteuid().is_root()),
        redis_reachable(deployment),
    ]
}

fn writable(deployment: &Deployment) -> Finding {
    let id = "storage.writable";
    let fix = "make the user of the service own UPLOAD_FOLDER, or correct STORAGE_URL and its keys";
    if !deployment.upload_folder.is_dir() {
        let found = format!("UPLOAD_FOLDER doesn't exist: {}", deployment.upload_folder.display());
        return Finding::fail(id, found, fix);
    }
    let probed = deployment.storage().and_then(|storage| inspection_scheduler::files::probe(&storage));
    if let Err(error) = probed {
        return Finding::fail(id, error.to_string(), fix);
    }
    match unwritable(&deployment.upload_folder) {
        Ok(None) => Finding::pass(id, "a file was written, read and removed"),
        Ok(Some(folder)) => Finding::fail(id, format!("no file can be created in {}", folder.display()), fix),
        Err(error) => Finding::fail(id, format!("UPLOAD_FOLDER can't be read: {error}"), fix),
    }
}

fn persistent(in_bucket: bool, uploads: Option<Space>) -> Finding {
    let id = "storage.persistent";
    let fix = "put UPLOAD_FOLDER on a disk or a named volume";
    if in_bucket {
        return Finding::pass(id, "files are in a bucket");
    }
    match uploads.map(|space| space.lifetime) {
        None => Finding::fail(id, "the disk of UPLOAD_FOLDER can't be inspected", fix),
        Some(Lifetime::Persistent) => Finding::pass(id, "files are on a disk"),
        Some(Lifetime::ContainerLayer) => Finding::fail(id, "files are lost with the container", fix),
        Some(Lifetime::Memory) => Finding::fail(id, "files are in memory and lost at a restart", fix),
    }
}

fn free_space(disks: &[(&str, Option<Space>)]) -> Finding {
    let id = "storage.space";
    let known = || disks.iter().filter_map(|(name, space)| Some((*name, (*space)?)));
    let percent = |space: &Space| space.free.saturating_mul(100) / space.size.max(1);
    let free: Vec<String> = known()
        .map(|(name, space)| format!("{name} {} GB ({} %)", space.free >> 30, percent(&space)))
        .collect();
    let found = format!("free: {}", free.join(", "));
    if free.len() < disks.len() {
        return Finding::fail(id, format!("{found}; a disk can't be inspected"), "mount all folders");
    }
    if known().any(|(_, space)| space.free < MIN_FREE_BYTES) {
        Finding::fail(id, found, "free space, or move the folder to a larger disk")
    } else if known().any(|(_, space)| percent(&space) < MIN_FREE_PERCENT) {
        Finding::warning(id, found, "a disk is nearly full: free space")
    } else {
        Finding::pass(id, found)
    }
}

fn log_file(file: Option<&Path>) -> Finding {
    let id = "logging.file";
    let Some(file) = file else {
        let fix = "set LOG_FILE, or make the supervisor store the output of the service";
        return Finding::warning(id, "the log is written to stderr only", fix);
    };
    if let Err(error) = appendable(file) {
        let fix = "make the user of the service own the folder of LOG_FILE";
        return Finding::fail(id, format!("{} can't be written to: {error}", file.display()), fix);
    }
    // A rotation renames the file.
    let folder = folder_of(file);
    if folder.exists() && !is_writable(folder) {
        let fix = "make the user of the service own the folder of LOG_FILE";
        return Finding::fail(
            id,
            format!("{} can't be rotated: its folder is read-only", file.display()),
            fix,
        );
    }
    let found = format!("the log is written to stderr and to {}", file.display());
    match disk::space(file).map(|space| space.lifetime) {
        Some(Lifetime::Memory | Lifetime::ContainerLayer) => Finding::warning(
            id,
            format!("{found}, which is lost at a restart"),
            "put LOG_FILE on a disk or a named volume",
        ),
        _ => Finding::pass(id, found),
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Tries to append to a file. Removes the file and its folder again if they didn't exist.
fn appendable(file: &Path) -> std::io::Result<()> {
    let folder = folder_of(file);
    if !folder.exists() {
        fs::create_dir(folder)?;
        let written = appendable(file);
        fs::remove_dir(folder)?;
        return written;
    }
    let was_there = file.exists();
    OpenOptions::new().append(true).create(true).open(file)?;
    if was_there { Ok(()) } else { fs::remove_file(file) }
}

/// The supervisor that restarts the service, as far as this process can detect it.
#[derive(Debug, PartialEq, Eq)]
enum Supervisor {
    /// The container runtime.
    Container,
    /// systemd, with the value of `Restart=` of the unit.
    Systemd(String),
    /// None was detected.
    Unknown,
}

impl Supervisor {
    fn detect() -> Self {
        if ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists()) {
            return Self::Container;
        }
        let arguments = ["show", "--property=Restart", "--value", "inspection-server.service"];
        let output =
            Command::new("systemctl").args(arguments).output().ok().filter(|output| output.status.success());
        let restart = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        // An unknown unit has `no`.
        restart.filter(|restart| !matches!(restart.as_str(), "" | "no")).map_or(Self::Unknown, Self::Systemd)
    }
}

fn supervised(supervisor: Supervisor) -> Finding {
    let id = "web.supervised";
    match supervisor {
        Supervisor::Systemd(restart) => {
            Finding::pass(id, format!("systemd restarts inspection-server.service: Restart={restart}"))
        }
        Supervisor::Container => Finding::not_applicable(
            id,
            "the container runtime restarts it: restart: unless-stopped in docker/compose.yaml",
        ),
        Supervisor::Unknown => Finding::warning(
            id,
            "no supervisor was detected that restarts the service",
            "use docker/inspection-server.service, or restart: unless-stopped of docker/compose.yaml",
        ),
    }
}

fn user(is_root: bool) -> Finding {
    let id = "security.user";
    if is_root {
        Finding::fail(id, "this process runs as root", "run the service and this command as appuser")
    } else {
        Finding::pass(id, "this process doesn't run as root")
    }
}

fn redis_reachable(deployment: &Deployment) -> Finding {
    let id = "limits.redis_reachable";
    let Some(url) = &deployment.redis_url else {
        return Finding::not_applicable(id, "limits are counted in memory");
    };
    match inspection_http::ping_redis(url) {
        Ok(()) => Finding::pass(id, "Redis answers"),
        Err(error) => Finding::fail(
            id,
            format!("Redis can't be reached: {error}"),
            "start Redis, and correct REDIS_URL",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    const GB: u64 = 1 << 30;

    fn disk(free: u64, lifetime: Lifetime) -> Space {
        Space { free, size: 100 * GB, lifetime }
    }

    #[test]
    fn files_must_outlive_the_machine_and_have_free_space() {
        assert_eq!(persistent(false, Some(disk(GB, Lifetime::Persistent))).verdict, Verdict::Pass);
        assert_eq!(persistent(true, None).verdict, Verdict::Pass);
        assert_eq!(persistent(false, None).verdict, Verdict::Fail);
        assert_eq!(free_space(&[("uploads", None)]).verdict, Verdict::Fail);
        for lifetime in [Lifetime::ContainerLayer, Lifetime::Memory] {
            assert_eq!(persistent(false, Some(disk(GB, lifetime))).verdict, Verdict::Fail);
        }
        let verdict = |free| {
            free_space(&[
                ("uploads", Some(disk(50 * GB, Lifetime::Persistent))),
                ("logs", Some(disk(free, Lifetime::Persistent))),
            ])
            .verdict
        };
        assert_eq!(verdict(20 * GB), Verdict::Pass);
        assert_eq!(verdict(4 * GB), Verdict::Warning);
        assert_eq!(verdict(GB - 1), Verdict::Fail);
    }

    #[test]
    fn an_unwritable_log_file_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("logs/app.log");
        assert_ne!(log_file(Some(&file)).verdict, Verdict::Fail);
        assert!(!folder.path().join("logs").exists(), "nothing is left");
        let below_a_file = folder.path().join("logs.txt");
        std::fs::write(&below_a_file, "").expect("written");
        let found = log_file(Some(&below_a_file.join("app.log")));
        assert!(found.verdict == Verdict::Fail && found.fix.expect("a fix").contains("LOG_FILE"));
        assert_eq!(log_file(None).verdict, Verdict::Warning);
    }

    #[test]
    fn root_and_a_missing_supervisor_are_reported() {
        assert_eq!(user(true).verdict, Verdict::Fail);
        assert_eq!(user(false).verdict, Verdict::Pass);
        assert_eq!(supervised(Supervisor::Unknown).verdict, Verdict::Warning);
        assert_eq!(supervised(Supervisor::Systemd("always".into())).verdict, Verdict::Pass);
        assert_eq!(supervised(Supervisor::Container).verdict, Verdict::NotApplicable);
    }
}

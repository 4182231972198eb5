//! The machine: disks, the file of the log, and who this process is.

use std::{
    fs::{self, OpenOptions},
    path::Path,
    process::Command,
};

use super::Finding;
use crate::{
    config::{Config, RedisUrl},
    disk::{self, Kind, Space},
    wire,
};

/// Free room below which a disk is about to be full: bytes, and parts of a hundred of the disk.
const LITTLE: (u64, u64) = (1 << 30, 5);

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let places: Vec<(&str, Option<Space>)> =
        wire::places(config).into_iter().map(|(place, folder)| (place, disk::space(&folder))).collect();
    vec![
        writable(config),
        persistent(config.storage_url.is_some(), disk::space(&config.upload_folder)),
        room(&places),
        log_file(config),
        supervised(Supervisor::of_the_service()),
        user(rustix::process::geteuid().is_root()),
        redis_reachable(config),
    ]
}

fn writable(config: &Config) -> Finding {
    let id = "storage.writable";
    let fix = "give the user of the service the folder UPLOAD_FOLDER, or check STORAGE_URL and its keys";
    if !config.upload_folder.is_dir() {
        let found = format!("UPLOAD_FOLDER is not there: {}", config.upload_folder.display());
        return Finding::fail(id, found, fix);
    }
    match wire::storage(config).map(|storage| inspection_scheduler::files::probe(&storage)) {
        Ok(Ok(())) => Finding::pass(id, "a file was written, read and removed"),
        Ok(Err(error)) => Finding::fail(id, error.to_string(), fix),
        Err(error) => Finding::fail(id, error.to_string(), fix),
    }
}

fn persistent(in_bucket: bool, uploads: Option<Space>) -> Finding {
    let id = "storage.persistent";
    let fix = "put UPLOAD_FOLDER on a disk or a named volume";
    if in_bucket {
        return Finding::pass(id, "files are in a bucket");
    }
    match uploads.map(|space| space.kind) {
        None => Finding::fail(id, "the disk of UPLOAD_FOLDER can't be looked at", fix),
        Some(Kind::Persistent) => Finding::pass(id, "files are on a disk"),
        Some(Kind::Layer) => Finding::fail(id, "files go with the container", fix),
        Some(Kind::Memory) => Finding::fail(id, "files are in memory and go with the machine", fix),
    }
}

fn room(places: &[(&str, Option<Space>)]) -> Finding {
    let id = "storage.space";
    let known = || places.iter().filter_map(|(place, space)| Some((*place, (*space)?)));
    let part = |space: &Space| space.free.saturating_mul(100) / space.size.max(1);
    let told: Vec<String> = known()
        .map(|(place, space)| format!("{place} {} GB ({} %)", space.free >> 30, part(&space)))
        .collect();
    let found = format!("free: {}", told.join(", "));
    let (bytes, percent) = LITTLE;
    if told.len() < places.len() {
        return Finding::fail(
            id,
            format!("{found}; a disk can't be looked at"),
            "see that all folders are mounted",
        );
    }
    if known().any(|(_, space)| space.free < bytes) {
        Finding::fail(id, found, "make room, or move the folder to a larger disk")
    } else if known().any(|(_, space)| part(&space) < percent) {
        Finding::warning(id, found, "a disk is nearly full: make room")
    } else {
        Finding::pass(id, found)
    }
}

fn log_file(config: &Config) -> Finding {
    let id = "logging.file";
    let Some(file) = &config.log_file else {
        let fix = "set LOG_FILE, or see that whatever starts the service keeps what it writes to stderr";
        return Finding::warning(id, "the log goes to stderr alone", fix);
    };
    if let Err(error) = appendable(file) {
        let fix = "give the user of the service the folder of LOG_FILE";
        return Finding::fail(id, format!("{} can't be written to: {error}", file.display()), fix);
    }
    let found = format!("the log goes to stderr and to {}", file.display());
    match disk::space(file).map(|space| space.kind) {
        Some(Kind::Memory | Kind::Layer) => Finding::warning(
            id,
            format!("{found}, which goes with the machine"),
            "put LOG_FILE on a disk or a named volume",
        ),
        _ => Finding::pass(id, found),
    }
}

/// Whether something can be written to the end of a file. What wasn't there isn't there afterwards.
fn appendable(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
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

/// Who starts the service anew when it ends, as far as that can be seen from here.
#[derive(Debug, PartialEq, Eq)]
enum Supervisor {
    /// Whoever runs the container.
    Container,
    /// systemd, which does so in these cases (`Restart=` of the unit).
    Systemd(String),
    Unseen,
}

impl Supervisor {
    fn of_the_service() -> Self {
        if ["/.dockerenv", "/run/.containerenv"].iter().any(|file| Path::new(file).exists()) {
            return Self::Container;
        }
        let arguments = ["show", "--property=Restart", "--value", "inspection-server.service"];
        let asked =
            Command::new("systemctl").args(arguments).output().ok().filter(|output| output.status.success());
        let restart = asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        // A unit that isn't there has `no`.
        restart.filter(|restart| !matches!(restart.as_str(), "" | "no")).map_or(Self::Unseen, Self::Systemd)
    }
}

fn supervised(supervisor: Supervisor) -> Finding {
    let id = "web.supervised";
    match supervisor {
        Supervisor::Systemd(restart) => {
            Finding::pass(id, format!("systemd starts inspection-server.service anew: Restart={restart}"))
        }
        Supervisor::Container => Finding::not_applicable(
            id,
            "whoever runs the container sees to it: restart: unless-stopped in docker/compose.yaml",
        ),
        Supervisor::Unseen => Finding::warning(
            id,
            "who starts the service anew when it ends can't be seen from here",
            "use docker/inspection-server.service, or restart: unless-stopped of docker/compose.yaml",
        ),
    }
}

fn user(is_root: bool) -> Finding {
    let id = "security.user";
    if is_root {
        Finding::fail(id, "this runs as root", "run the service, and this, as appuser")
    } else {
        Finding::pass(id, "this does not run as root")
    }
}

fn redis_reachable(config: &Config) -> Finding {
    let id = "limits.redis_reachable";
    let RedisUrl::Server(url) = &config.redis_url else {
        return Finding::not_applicable(id, "limits are counted in memory");
    };
    match inspection_http::ping_redis(url) {
        Ok(()) => Finding::pass(id, "Redis answers"),
        Err(error) => Finding::fail(
            id,
            format!("Redis can't be reached: {error}"),
            "see that Redis runs and that REDIS_URL is right",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::findings::Verdict, *};

    const GB: u64 = 1 << 30;

    fn disk(free: u64, kind: Kind) -> Space {
        Space { free, size: 100 * GB, kind }
    }

    #[test]
    fn files_must_outlive_the_machine_and_have_room() {
        assert_eq!(persistent(false, Some(disk(GB, Kind::Persistent))).verdict, Verdict::Pass);
        assert_eq!(persistent(true, None).verdict, Verdict::Pass);
        assert_eq!(persistent(false, None).verdict, Verdict::Fail);
        assert_eq!(room(&[("uploads", None)]).verdict, Verdict::Fail);
        for kind in [Kind::Layer, Kind::Memory] {
            assert_eq!(persistent(false, Some(disk(GB, kind))).verdict, Verdict::Fail);
        }
        let room = |free| {
            room(&[
                ("uploads", Some(disk(50 * GB, Kind::Persistent))),
                ("logs", Some(disk(free, Kind::Persistent))),
            ])
            .verdict
        };
        assert_eq!(room(20 * GB), Verdict::Pass);
        assert_eq!(room(4 * GB), Verdict::Warning);
        assert_eq!(room(GB - 1), Verdict::Fail);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("logs/app.log");
        let config = |file: &Path| {
            let environment = vec![("LOG_FILE".into(), file.display().to_string())];
            Config::load(&crate::config::Sources { environment, ..Default::default() }).expect("valid")
        };
        assert_ne!(log_file(&config(&file)).verdict, Verdict::Fail);
        assert!(!folder.path().join("logs").exists(), "nothing is left");
        let below_a_file = folder.path().join("logs.txt");
        std::fs::write(&below_a_file, "").expect("written");
        let found = log_file(&config(&below_a_file.join("app.log")));
        assert!(found.verdict == Verdict::Fail && found.fix.expect("a fix").contains("LOG_FILE"));
        assert_eq!(
            log_file(&Config::load(&crate::config::Sources::default()).expect("valid")).verdict,
            Verdict::Warning
        );
    }

    #[test]
    fn whoever_is_root_or_alone_is_told() {
        assert_eq!(user(true).verdict, Verdict::Fail);
        assert_eq!(user(false).verdict, Verdict::Pass);
        assert_eq!(supervised(Supervisor::Unseen).verdict, Verdict::Warning);
        assert_eq!(supervised(Supervisor::Systemd("always".into())).verdict, Verdict::Pass);
        assert_eq!(supervised(Supervisor::Container).verdict, Verdict::NotApplicable);
    }
}

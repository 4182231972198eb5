//! The systemd units.

use std::{fs, path::Path, process::Command};

use inspection_testkit::{or_skip, skips::program};
use tempfile::TempDir;

use super::{UNITS, assert_lines, output_text, read};

#[test]
fn systemd_accepts_the_units() {
    let analyze = or_skip!(program("systemd-analyze"));
    let folder = TempDir::new().expect("a folder");
    for name in UNITS {
        let unit = read(&format!("docker/{name}")).replace("/usr/local/bin/inspection-server", "/bin/true");
        fs::write(folder.path().join(name), unit.replace("=appuser", "=daemon")).expect("a unit");
    }
    let mut verify = Command::new(analyze);
    let output = verify.arg("verify").args(UNITS.iter().map(|name| folder.path().join(name))).output();
    let output = output.expect("systemd-analyze");
    // An unknown setting is a warning, not a failure.
    let place = folder.path().to_str().expect("a path");
    let text = output_text(&output);
    let about_ours: Vec<_> =
        text.lines().filter(|line| line.contains(place) || line.contains("inspection-")).collect();
    assert!(output.status.success() && about_ours.is_empty(), "{text}");
}

#[test]
fn units_restrict_the_program_to_what_it_needs() {
    let mut services = 0;
    for name in UNITS.iter().filter(|name| Path::new(name).extension().is_some_and(|kind| kind == "service"))
    {
        services += 1;
        let expected = [
            "User=appuser",
            "UMask=0077",
            "EnvironmentFile=/etc/inspection/inspection.env",
            "Environment=APP_ENV=production",
            "StateDirectory=inspection inspection/uploads inspection/backups",
            "StateDirectoryMode=0700",
            "LogsDirectory=inspection",
            "LogsDirectoryMode=0700",
            "ProtectSystem=strict",
            "ProtectHome=true",
            "PrivateTmp=true",
            "PrivateDevices=true",
            "ProtectKernelLogs=true",
            "ProtectKernelModules=true",
            "ProtectKernelTunables=true",
            "NoNewPrivileges=true",
            "CapabilityBoundingSet=",
            "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
            "LockPersonality=true",
            "MemoryDenyWriteExecute=true",
            "SystemCallFilter=@system-service",
        ];
        let unit = read(&format!("docker/{name}"));
        assert_lines(name, &unit, &expected);
        assert!(unit.lines().any(|line| line.starts_with("MemoryMax=")), "{name}");
    }
    assert_eq!(services, 3);
    let readme = read("docker/README.md");
    for expected in ["-p StateDirectoryMode=0700", "-p LogsDirectoryMode=0700"] {
        assert!(readme.contains(expected), "commands in a terminal create the same folders: {expected}");
    }
}

#[test]
fn systemd_restarts_the_service_and_holds_its_socket() {
    let unit = read("docker/inspection-server.service");
    let expected =
        ["Type=exec", "ExecStart=/usr/local/bin/inspection-server serve", "Restart=always", "RestartSec=2"];
    assert_lines("service", &unit, &expected);
    let expected = ["KillSignal=SIGTERM", "TimeoutStopSec=75", "Requires=inspection-server.socket"];
    assert_lines("service", &unit, &expected);
    assert_lines(".env.example", &read(".env.example"), &["#SHUTDOWN_TIMEOUT=30s"]);
    let socket = read("docker/inspection-server.socket");
    assert_lines(
        "socket",
        &socket,
        &["ListenStream=127.0.0.1:5000", "NoDelay=true", "WantedBy=sockets.target"],
    );
}

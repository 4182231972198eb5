//! The loop of `backup-daily`, with a clock and a program of the tests.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use super::{
    compose::{services, shell_script},
    output_text,
    shell::{shell, write_programs},
};

/// The clock, which `sleep` advances up to the end of a run.
const DATE: &str = r#"
now=$(cat "$FOLDER/now")
case "$*" in
  +%s) echo "$now" ;;
  '-d 12:00 +%s') exec /bin/date -d "$(/bin/date -d "@$now" +%F) 12:00" +%s ;;
  *) exit 2 ;;
esac
"#;

const SLEEP: &str = r#"
now=$(($(cat "$FOLDER/now") + $1 * SPEED))
echo "$now" > "$FOLDER/now"
[ "$now" -lt "$(cat "$FOLDER/end")" ] || kill -TERM "$PPID"
"#;

/// Records its calls, and leaves the files of a backup and of a verification behind, each of which
/// takes a minute.
const PROGRAM: &str = r#"
now=$(cat "$FOLDER/now")
echo "$(TZ=$APP_TIMEZONE /bin/date -d "@$now" '+%F %H:%M') $*" >> "$FOLDER/calls"
[ ! -e "$FOLDER/broken" ] || exit 1
case "$*" in
  'backup create --keep 14')
    backup=$FOLDER/backups/$(/bin/date -u -d "@$now" +%Y-%m-%dT%H%M%SZ)-1a2b
    mkdir "$backup" && touch -d "@$((now + 60))" "$backup/manifest.json" ;;
  'backup verify')
    newest=$(ls -d "$FOLDER"/backups/20* | tail -n 1)
    touch -d "@$((now + 120))" "$newest/verified.json" ;;
  *) exit 2 ;;
esac
"#;

/// A backup service with the clock of a site.
struct NightlyBackups {
    folder: TempDir,
    zone: &'static str,
}

impl NightlyBackups {
    fn new(zone: &'static str) -> Self {
        let folder = TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("backups")).expect("a folder");
        write_programs(folder.path(), &[("date", DATE), ("sleep", SLEEP), ("inspection-server", PROGRAM)]);
        Self { folder, zone }
    }

    /// The instant of a local time, in seconds.
    fn seconds(&self, local: &str) -> String {
        let output = Command::new("date").env("TZ", self.zone).args(["-d", local, "+%s"]).output();
        let output = output.expect("date");
        assert!(output.status.success(), "{}", output_text(&output));
        String::from_utf8(output.stdout).expect("a number")
    }

    /// Starts the service at a local time, and stops it at another one. It sleeps `speed` times as
    /// long as in the file.
    fn run(&self, from: &str, until: &str, speed: u32) {
        let write = |name: &str, text: &str| fs::write(self.folder.path().join(name), text).expect("a file");
        write("now", &self.seconds(from));
        write("end", &self.seconds(until));
        let script = shell_script(&services()["backup-daily"]["command"][0]);
        let mut command = shell(self.folder.path(), &[("/app/backups", "backups")], &script);
        let command = command.env("APP_TIMEZONE", self.zone).env("SPEED", speed.to_string());
        let output = command.output().expect("sh");
        assert!(output.status.success(), "{}", output_text(&output));
    }

    /// Starts the service, and stops it at once.
    fn restart(&self, at: &str) {
        self.run(at, at, 1);
    }

    /// The commands with their local times.
    fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// The local times of a command.
    fn times(&self, command: &str) -> Vec<String> {
        self.calls().iter().filter_map(|call| call.strip_suffix(command)).map(|at| at.trim().into()).collect()
    }
}

#[test]
fn restarts_do_not_create_backups() {
    let site = NightlyBackups::new("Asia/Riyadh");
    for minute in 10..24 {
        site.restart(&format!("2026-03-02 14:{minute}"));
    }
    assert_eq!(site.calls(), ["2026-03-02 14:10 backup create --keep 14", "2026-03-02 14:10 backup verify"]);
}

#[test]
fn backups_are_created_at_night_by_the_time_of_the_site() {
    let site = NightlyBackups::new("Asia/Riyadh");
    site.run("2026-03-02 14:00", "2026-03-11 14:00", 4);
    let nights = (3..=11).map(|day| format!("2026-03-{day:02} 02:00"));
    let expected: Vec<_> = [String::from("2026-03-02 14:00")].into_iter().chain(nights).collect();
    assert_eq!(site.times("backup create --keep 14"), expected);
    assert_eq!(site.times("backup verify"), ["2026-03-02 14:00", "2026-03-09 02:00"], "once a week");
}

#[test]
fn a_night_without_two_o_clock_has_its_backup() {
    let site = NightlyBackups::new("Europe/Berlin");
    site.run("2026-03-28 14:00", "2026-03-30 14:00", 2);
    let expected = ["2026-03-28 14:00", "2026-03-29 01:00", "2026-03-30 02:00"];
    assert_eq!(site.times("backup create --keep 14"), expected);
}

#[test]
fn a_missed_backup_is_created_at_the_next_start() {
    let site = NightlyBackups::new("America/New_York");
    site.restart("2026-03-02 14:00");
    site.restart("2026-03-03 01:59");
    site.restart("2026-03-03 09:00");
    site.restart("2026-03-03 23:00");
    assert_eq!(site.times("backup create --keep 14"), ["2026-03-02 14:00", "2026-03-03 09:00"]);
}

#[test]
fn failed_backups_and_verifications_are_repeated() {
    let site = NightlyBackups::new("UTC");
    let broken = site.folder.path().join("broken");
    fs::write(&broken, "").expect("a file");
    site.run("2026-03-02 14:00", "2026-03-02 15:00", 1);
    fs::remove_file(&broken).expect("removed");
    site.run("2026-03-02 15:00", "2026-03-02 16:00", 1);
    for command in ["backup create --keep 14", "backup verify"] {
        let expected = ["2026-03-02 14:00", "2026-03-02 14:30", "2026-03-02 15:00"];
        assert_eq!(site.times(command), expected, "{command}");
    }
}

#[test]
fn the_backup_service_is_healthy_with_a_recent_and_a_verified_backup() {
    let folder = TempDir::new().expect("a folder");
    let health = services()["backup-daily"]["healthcheck"].clone();
    assert_eq!(health["interval"], "15s", "`up --wait` waits for the first probe");
    let script = shell_script(&health["test"][1]);
    let is_healthy = || {
        let output = shell(folder.path(), &[("/app/backups", "backups")], &script).output().expect("sh");
        output.status.success()
    };
    let backup = |age: &str, name: &str| {
        let file = folder.path().join("backups/2026-03-02T020000Z-1a2b").join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        let touched = Command::new("touch").args(["-d", age]).arg(&file).status().expect("touch");
        assert!(touched.success(), "{}", Path::new(name).display());
    };
    assert!(!is_healthy(), "without any backup");
    backup("25 hours ago", "manifest.json");
    assert!(!is_healthy(), "without a verification");
    backup("7 days ago", "verified.json");
    assert!(is_healthy());
    backup("27 hours ago", "manifest.json");
    assert!(!is_healthy(), "with an old backup");
    backup("1 hour ago", "manifest.json");
    backup("9 days ago", "verified.json");
    assert!(!is_healthy(), "with an old verification");
}

//! The health checks of containers.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Child, Command},
};

use inspection_testkit::{or_skip, postgres::Server};
use serde_json::json;
use tempfile::TempDir;

use super::{
    compose::{services, shell_script},
    output_text, read,
    shell::{shell, write_programs},
};

/// Responds while a file exists.
const PROGRAM: &str = r#"
case "$*" in
  'health --live') test -e "$FOLDER/live" ;;
  health) test -e "$FOLDER/ready" ;;
  *) exit 2 ;;
esac
"#;

/// The health check of the service, in front of a process that it can kill.
struct Probed {
    folder: TempDir,
    process: Child,
    script: String,
}

impl Drop for Probed {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Probed {
    fn new(service: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let process = Command::new("sleep").arg("600").spawn().expect("sleep");
        let pidof = format!("\n[ \"$*\" = inspection-server ] && echo {}\n", process.id());
        write_programs(folder.path(), &[("inspection-server", PROGRAM), ("pidof", &pidof)]);
        let script = shell_script(&services()[service]["healthcheck"]["test"][1]);
        Self { folder, process, script }
    }

    /// Lets the program be live and ready from now on, or not.
    fn responds(&self, live: bool, ready: bool) {
        for (name, exists) in [("live", live), ("ready", ready)] {
            let file = self.folder.path().join(name);
            if exists {
                fs::write(&file, "").expect("a file");
            } else if file.exists() {
                fs::remove_file(&file).expect("removed");
            }
        }
    }

    /// Probes the program. Returns whether it is healthy.
    fn probe(&self) -> bool {
        let paths = [("/tmp/failures", "failures")];
        shell(self.folder.path(), &paths, &self.script).output().expect("sh").status.success()
    }

    fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("a state").is_none()
    }
}

#[test]
fn a_program_that_hangs_is_killed() {
    for service in ["api", "api-second"] {
        let services = services();
        // Nothing in a container can kill its first process.
        assert_eq!(services[service]["init"], true);
        let health = &services[service]["healthcheck"];
        assert_eq!((&health["interval"], &health["timeout"]), (&json!("15s"), &json!("15s")));
        let mut probed = Probed::new(service);
        let unhealthy = |probed: &Probed, times: usize| (0..times).all(|_| !probed.probe());
        assert!(unhealthy(&probed, 10) && probed.is_running(), "migrations may take long");
        probed.responds(true, true);
        assert!(probed.probe());
        probed.responds(true, false);
        assert!(unhealthy(&probed, 10) && probed.is_running(), "a restart doesn't help without a database");
        // More than the 75 s of a stop.
        probed.responds(false, false);
        assert!(unhealthy(&probed, 7) && probed.is_running());
        probed.responds(true, true);
        assert!(probed.probe());
        probed.responds(false, true);
        assert!(unhealthy(&probed, 7) && probed.is_running(), "seven in a row");
        assert!(unhealthy(&probed, 1));
        assert_eq!(probed.process.wait().expect("its status").signal(), Some(9));
    }
}

#[test]
fn a_database_without_the_role_of_the_service_is_unhealthy() {
    let server = or_skip!(Server::shared());
    let psql = or_skip!(server.tool("psql"));
    let name = format!("deployed_{}", server.fresh_name());
    let script = shell_script(&services()["postgres"]["healthcheck"]["test"][1]);
    let connection = "-h 127.0.0.1 -U postgres -d inspection ";
    assert!(script.contains(connection), "{script}");
    let script = script.replace(connection, &format!("-d '{}' ", server.url(&name)));
    let script = script.replace("'inspection'::regrole", &format!("'{name}'::regrole"));
    let folder = TempDir::new().expect("a folder");
    let run = |script: &str| {
        let programs = psql.parent().expect("a folder").display();
        let mut command = shell(folder.path(), &[], &format!("PATH={programs}:$PATH\n{script}"));
        command.env("DB_PASSWORD", "secret").env("POSTGRES_PASSWORD", "secret").output().expect("sh")
    };
    let output = run(&script);
    assert!(!output.status.success(), "without a database");
    let admin = format!("psql -X -v ON_ERROR_STOP=1 -d '{}' ", server.url("postgres"));
    let output = run(&format!("{admin} -c 'CREATE DATABASE {name}'"));
    assert!(output.status.success(), "{}", output_text(&output));
    let output = run(&script);
    assert!(!output.status.success() && output_text(&output).contains(&format!("role \"{name}\"")));
    let output = run(&format!("{admin} -c 'DROP DATABASE {name}'"));
    assert!(output.status.success(), "{}", output_text(&output));
    let role = read("docker/postgres/role.sql").replace("inspection", &name);
    fs::write(folder.path().join("role.sql"), role).expect("a script");
    let output = run(&format!("{admin} -f role.sql"));
    assert!(output.status.success(), "{}", output_text(&output));
    let output = run(&script);
    assert!(output.status.success(), "{}", output_text(&output));
}

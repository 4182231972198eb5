//! The API document in the hands of programs by others: a linter, generators of clients, and a
//! generator of requests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use inspection_persistence::scratch;
use inspection_testkit::{
    or_skip,
    postgres::Server,
    skips::{self, Skipped},
};
use tempfile::TempDir;

use crate::{Running, folder, program};

/// Examples of each operation that Schemathesis generates, besides those at the bounds of schemas.
const EXAMPLES: &str = "20";

/// A file for these tests.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(name)
}

/// The text that a command has printed, if it succeeded.
fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("started");
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{}: {text}", command.get_program().display());
    text
}

/// A folder with the document.
fn document() -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("openapi.json"), inspection_http::openapi()).expect("a file");
    folder
}

#[test]
fn the_linter_has_no_objection_that_is_not_explained() {
    let redocly = or_skip!(skips::program("redocly"));
    let folder = document();
    let mut lint = Command::new(redocly);
    lint.current_dir(&folder).env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    lint.args(["lint", "openapi.json", "--format", "json", "--config"]).arg(file("redocly.yaml"));
    let Output { stdout, stderr, .. } = lint.output().expect("started");
    let report: serde_json::Value = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)));
    let totals = &report["totals"];
    assert!(totals["errors"] == 0 && totals["warnings"] == 0, "{totals}: {}", report["problems"]);
}

#[test]
fn the_generated_types_compile_strictly_with_calls_that_clients_make() {
    let (generator, compiler) =
        or_skip!(skips::program("openapi-typescript").and_then(|found| Ok((found, skips::program("tsc")?))));
    let folder = document();
    output(Command::new(generator).current_dir(&folder).args(["openapi.json", "-o", "api.ts"]));
    fs::copy(file("typed.ts"), folder.path().join("typed.ts")).expect("copied");
    let options = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--target", "es2022"];
    output(
        Command::new(compiler).current_dir(&folder).args(options).args(["--module", "nodenext", "typed.ts"]),
    );
}

/// A running demo site without rate limits, on a database of its own.
struct DemoSite {
    folder: TempDir,
    settings: Vec<(&'static str, String)>,
    running: Running,
}

impl DemoSite {
    fn start(database_url: Option<String>) -> Self {
        let folder = folder();
        let mut settings = vec![("RATE_LIMITS", "off".to_owned())];
        settings.extend(database_url.map(|url| ("DATABASE_URL", url)));
        let lent: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for arguments in [["migrate", "up"], ["seed", "--demo"]] {
            output(&mut program(&folder, &lent, &arguments));
        }
        let running = Running::start(&folder, &lent);
        Self { folder, settings, running }
    }

    /// A command in a folder of the site, with its settings, that knows the service.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("SERVICE", &self.running.base).env("PROGRAM", env!("CARGO_BIN_EXE_inspection-server"));
        command.env("PASSWORD", inspection_demo::PASSWORD);
        command
    }

    /// Generates requests for every operation, and checks the responses.
    fn examine(&self, schemathesis: &Path) {
        let checks = [
            "not_a_server_error",
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            // A valid request may still break a rule: the opposite check isn't made.
            "negative_data_rejection",
        ];
        let document = format!("{}/api/openapi.json", self.running.base);
        let mut run = self.command(schemathesis);
        run.args(["run", &document, "--checks", &checks.join(","), "--max-examples", EXAMPLES]);
        // The live stream doesn't end.
        run.args(["--exclude-path", "/api/notifications/stream", "--phases", "coverage,fuzzing"]);
        run.args(["--seed", "20260301"]);
        run.args(["--continue-on-failure", "--no-shrink", "--warnings", "off", "--request-timeout", "30"]);
        run.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", file(""));
        run.env("PYTHONDONTWRITEBYTECODE", "1").env("NO_COLOR", "1");
        run.env("SUCCEEDED", self.folder.path().join("succeeded"));
        println!("{}", output(&mut run));
        // Most operations were carried out, not only refused.
        let succeeded = fs::read_to_string(self.folder.path().join("succeeded")).expect("a list");
        assert!(succeeded.lines().count() > 90, "{succeeded}");
    }
}

/// A new database on PostgreSQL.
fn postgres() -> Result<String, Skipped> {
    let server = Server::shared()?;
    let name = server.fresh_name();
    scratch::create_database(&server.url("postgres"), &name, None).expect("a database");
    Ok(server.url(&name))
}

#[test]
fn the_generated_python_client_reads_everything_and_completes_an_inspection() {
    let generator = or_skip!(skips::program("openapi-python-client"));
    // The Python that has the packages of the generator, which the client needs, too.
    let python = generator.with_file_name("python3");
    let site = DemoSite::start(None);
    let mut generate = site.command(&generator);
    let document = format!("{}/api/openapi.json", site.running.base);
    generate.args(["generate", "--url", &document, "--output-path", "client", "--meta", "none", "--config"]);
    generate.arg(file("client.yaml"));
    let printed = output(&mut generate);
    assert!(!printed.to_lowercase().contains("warning"), "{printed}");
    fs::rename(site.folder.path().join("client"), site.folder.path().join("inspection_service_client"))
        .expect("renamed");
    let mut drive = site.command(&python);
    let path = format!("{}:{}", site.folder.path().display(), file("").display());
    println!("{}", output(drive.env("PYTHONPATH", path).arg(file("drive.py"))));
    site.running.stop();
}

#[test]
fn generated_requests_find_no_fault_on_sqlite() {
    let schemathesis = or_skip!(skips::program("schemathesis"));
    let site = DemoSite::start(None);
    site.examine(&schemathesis);
    site.running.stop();
}

#[test]
fn generated_requests_find_no_fault_on_postgres() {
    let schemathesis = or_skip!(skips::program("schemathesis"));
    let site = DemoSite::start(Some(or_skip!(postgres())));
    site.examine(&schemathesis);
    site.running.stop();
}

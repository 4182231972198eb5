//! The container image and its build context.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use globset::{GlobBuilder, GlobMatcher};
use tempfile::TempDir;
use walkdir::{DirEntry, WalkDir};

use super::{assert_known_variable, output_text, read, read_yaml, root};

/// A stage of the Dockerfile. Its instructions are joined where they span several lines.
struct Stage {
    base: String,
    name: String,
    instructions: Vec<String>,
}

fn stages() -> Vec<Stage> {
    let text = read("docker/Dockerfile").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["FROM", base, "AS", name] = words[..] {
            stages.push(Stage { base: base.to_owned(), name: name.to_owned(), instructions: Vec::new() });
        } else {
            stages.last_mut().expect("a stage").instructions.push(words.join(" "));
        }
    }
    stages
}

/// The image that a stage begins with.
pub(super) fn base(stage: &str) -> String {
    let stage = stages().into_iter().find(|found| found.name == stage).expect("a stage");
    stage.base
}

#[test]
fn the_image_contains_the_program_alone_and_runs_it_as_appuser() {
    let stages = stages();
    let api = stages.last().expect("stages");
    assert_eq!((api.name.as_str(), api.base.as_str()), ("api", "debian:bookworm-slim"), "the default stage");
    for expected in [
        "WORKDIR /app",
        "USER 10001:10001",
        "EXPOSE 5000",
        "STOPSIGNAL SIGTERM",
        r#"HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["inspection-server", "health"]"#,
        r#"ENTRYPOINT ["inspection-server"]"#,
        r#"CMD ["serve"]"#,
    ] {
        assert!(api.instructions.iter().any(|line| line == expected), "no `{expected}`");
    }
    for stage in &stages[1..] {
        let create_user = stage.instructions.iter().find(|line| line.starts_with("RUN ")).expect("a user");
        for expected in ["groupadd --gid 10001 appuser", "useradd --uid 10001 --gid appuser"] {
            assert!(create_user.contains(expected), "{}: {expected}", stage.name);
        }
        let user = stage.instructions.iter().find(|line| line.starts_with("USER "));
        assert_eq!(user.map(String::as_str), Some("USER 10001:10001"), "{}", stage.name);
        let folders = "install -d -m 700 -o appuser -g appuser /app/uploads /app/logs /app/backups";
        assert!(create_user.contains(folders), "new volumes have these modes: {}", stage.name);
        let copied: Vec<_> = stage.instructions.iter().filter(|line| line.starts_with("COPY ")).collect();
        assert_eq!(
            copied,
            [
                "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
                "COPY --from=build /out/inspection-server /usr/local/bin/inspection-server",
            ],
            "{} contains neither sources nor tests",
            stage.name
        );
        assert!(!stage.instructions.iter().any(|line| line.starts_with("ADD ")));
    }
    let environment = api.instructions.iter().find(|line| line.starts_with("ENV ")).expect("an environment");
    for pair in environment.split(' ').skip(1) {
        let name = pair.split('=').next().expect("a name");
        if name != "SSL_CERT_FILE" {
            assert_known_variable(name);
        }
    }
    for expected in [
        "APP_ENV=production",
        "BIND=0.0.0.0:5000",
        "UPLOAD_FOLDER=/app/uploads",
        "LOG_FILE=/app/logs/app.log",
        "BACKUP_FOLDER=/app/backups",
    ] {
        assert!(environment.contains(expected), "{expected}");
    }
}

#[test]
fn images_have_the_versions_of_the_toolchain_and_the_database() {
    let stages = stages();
    let bases: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), stage.base.as_str())).collect();
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = \"")).expect("a channel");
    let minor = channel.trim_end_matches('"').rsplit_once('.').expect("three numbers").0;
    assert_eq!(bases[0], ("build", format!("rust:{minor}-bookworm").as_str()));
    assert_eq!(bases[1].0, "backup");
    let server = &read_yaml("docker/compose.yaml")["services"]["postgres"]["image"];
    assert_eq!(server, bases[1].1, "pg_dump has the version of the server");
    assert!(bases[1].1.starts_with("postgres:16-"));
    assert!(bases.iter().all(|(_, base)| !base.contains('/')), "official images, by their short names");
}

/// The patterns of `.dockerignore` and whether each excludes a path. As in Docker, a pattern
/// applies to a path and to everything below it, and the last pattern that applies decides.
struct IgnorePatterns(Vec<(GlobMatcher, bool)>);

impl IgnorePatterns {
    fn read() -> Self {
        let text = read(".dockerignore");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let pattern = |line: &str| {
            let (pattern, excludes) = line.strip_prefix('!').map_or((line, true), |pattern| (pattern, false));
            let glob = GlobBuilder::new(pattern).literal_separator(true).build().expect("a pattern");
            (glob.compile_matcher(), excludes)
        };
        Self(lines.map(pattern).collect())
    }

    fn exclude(&self, path: &str) -> bool {
        let applies = |matcher: &GlobMatcher| Path::new(path).ancestors().any(|path| matcher.is_match(path));
        self.0.iter().rfind(|(matcher, _)| applies(matcher)).is_some_and(|(_, excludes)| *excludes)
    }
}

/// Copies the build context into a folder. Returns the paths of its files.
fn build_context(into: &Path) -> BTreeSet<String> {
    let patterns = IgnorePatterns::read();
    let is_open = |entry: &DirEntry| {
        // Too large to walk through. The next test names them.
        entry.depth() != 1 || !["target", ".git"].iter().any(|name| entry.file_name() == *name)
    };
    let mut copied = BTreeSet::new();
    for entry in WalkDir::new(root()).into_iter().filter_entry(is_open) {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(root()).expect("a path below the root");
        let path = path.to_str().expect("a path in UTF-8").to_owned();
        if entry.file_type().is_file() && !patterns.exclude(&path) {
            let to = into.join(&path);
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(entry.path(), to).expect("a copy");
            copied.insert(path);
        }
    }
    copied
}

#[test]
fn the_build_context_excludes_secrets_history_and_tests() {
    let patterns = IgnorePatterns::read();
    for path in [
        ".env",
        ".env.local",
        ".env.example",
        "docker/.env",
        "crates/server/.env",
        "crates/server/src/.env.production",
        ".git",
        ".git/config",
        ".ci/run",
        "inspection.toml",
        "data/inspection.db",
        "logs/app.log",
        "target/release/inspection-server",
        "crates/server/target/x",
        "tests/src/main.rs",
        "tests/src/deployment.rs",
        "crates/server/tests/program/main.rs",
        "crates/domain/src/jobs/tests.rs",
        "crates/domain/src/snapshots/a.snap",
    ] {
        assert!(patterns.exclude(path), "{path} is in the build context");
    }
    for path in ["Cargo.lock", "crates/http/README.md", "migrations/postgres/x/up.sql", "tests/Cargo.toml"] {
        assert!(!patterns.exclude(path), "{path} is missing from the build context");
    }
}

#[test]
fn the_build_context_is_a_workspace() {
    let folder = TempDir::new().expect("a folder");
    let files = build_context(folder.path());
    for stage in stages() {
        for copy in
            stage.instructions.iter().filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
        {
            let words: Vec<&str> = copy.split(' ').collect();
            for source in &words[1..words.len() - 1] {
                assert!(folder.path().join(source).exists(), "`{copy}`: there is no {source}");
            }
        }
    }
    for entry in fs::read_dir(root().join("crates")).expect("crates") {
        let name = entry.expect("a folder").file_name().into_string().expect("a name");
        assert!(files.contains(&format!("crates/{name}/README.md")), "{name} is documented by its README");
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["tree", "--locked", "--offline", "--quiet", "-p", "inspection-server", "--edges", "normal"]);
    let output = cargo.current_dir(folder.path()).output().expect("cargo");
    assert!(output.status.success(), "{}", output_text(&output));
}

/// The command that builds the program, for a shell without the mounts of the build.
fn build_command() -> String {
    let stages = stages();
    let run = stages[0].instructions.iter().find_map(|line| line.strip_prefix("RUN ")).expect("a command");
    let words = run.split(' ').skip_while(|word| word.starts_with("--mount="));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn sources_older_than_the_cached_program_are_compiled() {
    let folder = TempDir::new().expect("a folder");
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    };
    write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"crates/server\"]\n");
    let package = "[package]\nname = \"inspection-server\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    write("crates/server/Cargo.toml", package);
    write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"inspection-server\"\nversion = \"0.1.0\"\n");
    write("migrations/up.sql", "");
    let cargo = Path::new(env!("CARGO")).parent().expect("a folder").display();
    let command = format!("PATH={cargo}:$PATH\n{}", build_command().replace(" /out ", " out "));
    for version in ["new", "old"] {
        write("crates/server/src/main.rs", &format!("fn main() {{ println!(\"{version}\"); }}\n"));
        // COPY preserves the modification times of the sources.
        let mut touch = Command::new("touch");
        touch.args(["-d", "2026-03-02 14:00", "crates/server/src/main.rs"]).current_dir(folder.path());
        assert!(touch.status().expect("touch").success());
        let mut build = Command::new("sh");
        build.args(["-ec", &command]).current_dir(folder.path());
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS"] {
            build.env_remove(name);
        }
        let output = build.output().expect("sh");
        assert!(output.status.success(), "{}", output_text(&output));
        let output = Command::new(folder.path().join("out/inspection-server")).output().expect("the program");
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), version);
    }
}

//! The image and its build context.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use tempfile::TempDir;

use super::{read, root, told};

/// A stage of the Dockerfile: what it is made from, its name, its instructions without their line breaks.
struct Stage {
    base: String,
    name: String,
    instructions: Vec<String>,
}

fn stages() -> Vec<Stage> {
    let whole = read("docker/Dockerfile").replace("\\\n", " ");
    let mut stages: Vec<Stage> = Vec::new();
    for line in whole.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["FROM", base, "AS", name] = words[..] {
            stages.push(Stage { base: base.to_owned(), name: name.to_owned(), instructions: Vec::new() });
        } else {
            stages.last_mut().expect("a stage").instructions.push(words.join(" "));
        }
    }
    stages
}

#[test]
fn the_image_holds_the_program_alone_and_runs_it_as_appuser() {
    let stages = stages();
    let api = stages.last().expect("stages");
    assert_eq!((api.name.as_str(), api.base.as_str()), ("api", "debian:bookworm-slim"), "built by default");
    for wanted in [
        "WORKDIR /app",
        "USER appuser",
        "EXPOSE 5000",
        "STOPSIGNAL SIGTERM",
        r#"HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["inspection-server", "health"]"#,
        r#"ENTRYPOINT ["inspection-server"]"#,
        r#"CMD ["serve"]"#,
    ] {
        assert!(api.instructions.iter().any(|line| line == wanted), "no `{wanted}`");
    }
    for stage in &stages[1..] {
        let made = stage.instructions.iter().find(|line| line.starts_with("RUN ")).expect("a user is made");
        assert!(made.contains("useradd --uid 10001"), "{}", stage.name);
        assert!(made.contains("install -d -o appuser -g appuser /app/uploads /app/logs /app/backups"));
        let copied: Vec<_> = stage.instructions.iter().filter(|line| line.starts_with("COPY ")).collect();
        assert_eq!(
            copied,
            [
                "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt",
                "COPY --from=build /out/inspection-server /usr/local/bin/inspection-server",
            ],
            "{} holds neither sources nor tests",
            stage.name
        );
        assert!(!stage.instructions.iter().any(|line| line.starts_with("ADD ")));
    }
    let environment = api.instructions.iter().find(|line| line.starts_with("ENV ")).expect("an environment");
    let variables = read(".env.example");
    for pair in environment.split(' ').skip(1) {
        let name = pair.split('=').next().expect("a name");
        let is_ours = variables.contains(&format!("\n#{name}="));
        assert!(is_ours || name == "SSL_CERT_FILE", "{name} is no variable of the program");
    }
    for wanted in [
        "APP_ENV=production",
        "BIND=0.0.0.0:5000",
        "UPLOAD_FOLDER=/app/uploads",
        "LOG_FILE=/app/logs/app.log",
        "BACKUP_FOLDER=/app/backups",
    ] {
        assert!(environment.contains(wanted), "{wanted}");
    }
}

#[test]
fn images_have_the_versions_that_everything_else_has() {
    let stages = stages();
    let bases: Vec<_> = stages.iter().map(|stage| (stage.name.as_str(), stage.base.as_str())).collect();
    let toolchain = read("rust-toolchain.toml");
    let channel = toolchain.lines().find_map(|line| line.strip_prefix("channel = \"")).expect("a channel");
    let minor = channel.trim_end_matches('"').rsplit_once('.').expect("three numbers").0;
    assert_eq!(bases[0], ("build", format!("rust:{minor}-bookworm").as_str()));
    assert_eq!(bases[1].0, "backup");
    let line = format!("image: {}", bases[1].1);
    assert!(read("docker/compose.yaml").contains(&line), "pg_dump is of the server's version");
    assert!(bases[1].1.starts_with("postgres:16-"));
    assert!(bases.iter().all(|(_, base)| !base.contains('/')), "official images, by their short names");
}

/// Whether `.dockerignore` keeps a file from the build, by the rules of Docker: the last pattern that matches it or a folder it is in
/// decides.
fn is_ignored(patterns: &str, path: &str) -> bool {
    let path: Vec<&str> = path.split('/').collect();
    let mut ignored = false;
    for pattern in patterns.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (pattern, excludes) =
            pattern.strip_prefix('!').map_or((pattern, true), |pattern| (pattern, false));
        let pattern: Vec<&str> = pattern.split('/').collect();
        if (1..=path.len()).any(|folders| path_matches(&pattern, &path[..folders])) {
            ignored = excludes;
        }
    }
    ignored
}

fn path_matches(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=path.len()).any(|skipped| path_matches(rest, &path[skipped..])),
        ([one, pattern @ ..], [name, path @ ..]) => name_matches(one, name) && path_matches(pattern, path),
        _ => false,
    }
}

fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|at| rest.is_char_boundary(at) && name_matches(after, &rest[at..]))
        }),
    }
}

/// Copies what the build gets, as the paths of files.
fn build_context(into: &Path) -> BTreeSet<String> {
    let patterns = read(".dockerignore");
    let mut folders = vec![String::new()];
    let mut copied = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if entry.file_type().expect("a type").is_dir() {
                // As large as they are, nothing is taken from these; that is asserted by name.
                if !["target", ".git"].contains(&path.as_str()) {
                    folders.push(path);
                }
            } else if !is_ignored(&patterns, &path) {
                let to = into.join(&path);
                fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
                fs::copy(entry.path(), to).expect("a copy");
                copied.insert(path);
            }
        }
    }
    copied
}

#[test]
fn the_build_gets_neither_secrets_nor_history_nor_tests() {
    let patterns = read(".dockerignore");
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
        assert!(is_ignored(&patterns, path), "{path} is sent to the build");
    }
    for path in ["Cargo.lock", "crates/http/README.md", "migrations/postgres/x/up.sql", "tests/Cargo.toml"] {
        assert!(!is_ignored(&patterns, path), "{path} is missing in the build");
    }
}

#[test]
fn what_the_build_gets_is_a_workspace() {
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
    assert!(output.status.success(), "{}", told(&output));
}

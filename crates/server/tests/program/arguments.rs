//! The command line: commands, options, exit codes and help.

use inspection_server::commands::command;

/// The exit code of the parser, unless it accepts the line.
fn parse(line: &str) -> Result<(), i32> {
    let words = std::iter::once("inspection-server").chain(line.split_whitespace());
    command().try_get_matches_from(words).map(drop).map_err(|error| error.exit_code())
}

#[test]
fn the_command_line_is_declared_consistently() {
    command().debug_assert();
}

#[test]
fn the_readme_explains_every_command() {
    let readme = include_str!("../../README.md");
    let program = command();
    for subcommand in program.get_subcommands() {
        let name = subcommand.get_name();
        assert!(readme.contains(&format!("| `{name}")), "{name}");
        for action in subcommand.get_subcommands().map(clap::Command::get_name) {
            let rows = readme.lines().filter(|line| line.starts_with(&format!("| `{name} ")));
            let first = rows.filter_map(|line| line.split(" | ").next()).collect::<String>();
            assert!(
                first.contains(&format!("`{name} {action}")) || first.contains(&format!("`{action}`")),
                "{name} {action}"
            );
        }
    }
}

#[test]
fn serve_is_the_default_command() {
    assert_eq!((parse(""), parse("serve --migrate")), (Ok(()), Ok(())));
}

#[test]
fn every_command_is_parsed() {
    for line in [
        "migrate up",
        "migrate down",
        "migrate status",
        "migrate redo",
        "admin create --email a@example.com --name Somebody",
        "admin create --email a@example.com --name Somebody --password-stdin",
        "admin reset-password --email a@example.com",
        "admin list",
        "seed --demo",
        "files check",
        "files check --contents",
        "files tidy",
        "files tidy --older-than 2h",
        "backup create",
        "backup create --keep 7 --json",
        "backup list",
        "backup verify",
        "backup verify 2026-11-25T140000Z-1a2b --scratch-url postgres://db.example.com/postgres",
        "backup restore 2026-11-25T140000Z-1a2b --replace --yes",
        "task list",
        "task run check_backlog",
        "check",
        "check --json",
        "completions bash",
        "verify --url https://example.com",
        "verify --url http://localhost:5000 --email a@example.com --user-email b@example.com --json",
        "verify --url https://example.com --ca-certificate ca.pem --http-port 8080 --skip-rate-limit",
        "health",
        "health --live --url http://127.0.0.1:5000",
        "config show",
        "openapi",
    ] {
        assert_eq!(parse(line), Ok(()), "{line}");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    for line in [
        "dance",
        "backup",
        "backup create --keep 0",
        "backup restore",
        "task",
        "task run",
        "task run dance",
        "migrate",
        "admin create",
        "admin create --email a@example.com",
        "seed",
        "serve 7",
        "verify",
        "verify --url example.com",
        "verify --url https://example.com --password-stdin",
    ] {
        assert_eq!(parse(line).err(), Some(2), "{line}");
    }
    assert_eq!(parse("--help").err(), Some(0));
    assert_eq!(parse("--version").err(), Some(0));
}

#[test]
fn help_starts_with_the_purpose_of_the_program() {
    let help = command().try_get_matches_from(["inspection-server", "--help"]).expect_err("help").to_string();
    let first = help.lines().next().expect("a line");
    assert!(first.starts_with("Serves the inspection and maintenance API"), "{help}");
}

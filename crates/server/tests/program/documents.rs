//! The documents about the variables: the table in the README, and `.env.example`.

use std::fmt::Write as _;

use inspection_server::config::{Config, Profile, Secrecy, Sources, VARIABLES, Variable};

fn file(path: &str) -> String {
    std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect(path)
}

/// A default for the table.
fn default(variable: &Variable, profile: Profile) -> String {
    match (variable.default(profile), variable.secrecy) {
        (None, _) if profile == Profile::Production && is_required(variable) => "required".into(),
        (None, Secrecy::Secret) if is_required(variable) => "generated".into(),
        (None, _) => "–".into(),
        (Some(value), _) => format!("`{value}`"),
    }
}

/// Whether production requires the variable.
fn is_required(variable: &Variable) -> bool {
    let default = |profile| variable.default(profile).is_some();
    let has_default = default(Profile::Development) && !default(Profile::Production);
    has_default && variable.key != "cors_origins" || ["secret_key", "jwt_secret_key"].contains(&variable.key)
}

/// The table of variables in Markdown.
fn readme_table() -> String {
    let mut table = String::from(
        "| variable | description | development | production | testing |\n|---|---|---|---|---|\n",
    );
    for variable in VARIABLES {
        let mut names = vec![format!("`{}`", variable.name())];
        names.extend(variable.old_names.iter().map(|name| format!("(`{name}`)")));
        let [development, production, testing] =
            [Profile::Development, Profile::Production, Profile::Testing].map(|profile| {
                if variable.key == "app_env" { "–".into() } else { default(variable, profile) }
            });
        // Writing to a string is infallible.
        let _ = writeln!(
            table,
            "| {} | {} | {development} | {production} | {testing} |",
            names.join(" "),
            variable.description,
        );
    }
    table
}

/// The content of `.env.example`: every variable with its description.
fn env_example() -> String {
    let mut text = String::from(
        "# Copy to .env, and uncomment the lines to change.\n\
         # The values are the defaults for development.\n",
    );
    for variable in VARIABLES {
        let value = match variable.secrecy {
            Secrecy::Secret => "",
            _ => variable.default(Profile::Development).unwrap_or_default(),
        };
        let _ = write!(text, "\n# {}.\n#{}={value}\n", variable.description, variable.name());
    }
    text
}

#[test]
fn the_example_file_matches_the_table() {
    let expected = env_example();
    assert!(file("../../.env.example") == expected, ".env.example must be:\n{expected}");
}

#[test]
fn the_readme_has_the_table() {
    let expected = readme_table();
    assert!(file("README.md").contains(&expected), "README.md must contain:\n{expected}");
}

#[test]
fn the_example_file_is_valid_with_every_line_enabled() {
    let example = env_example();
    let lines: Vec<&str> = example
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|line| !line.starts_with(' ')))
        .collect();
    assert_eq!(lines.len(), VARIABLES.len());
    Config::load(&Sources { dotenv: Some(lines.join("\n")), ..Sources::default() }).expect("valid");
}

//! The table of variables as people read it.

use std::fmt::Write as _;

use super::{Profile, Secrecy, VARIABLES, Variable};

/// How a default is told; secrets for development are not worth copying.
fn default(variable: &Variable, profile: Profile) -> String {
    match (variable.default(profile), variable.secrecy) {
        (None, _) if profile == Profile::Production && variable.is_required() => "required".into(),
        (None, _) => "–".into(),
        (Some(_), Secrecy::Secret) => "a value that production refuses".into(),
        (Some(value), _) => format!("`{value}`"),
    }
}

impl Variable {
    /// Whether production can't start without it being set.
    fn is_required(&self) -> bool {
        let default = |profile| self.default(profile).is_some();
        default(Profile::Development) && !default(Profile::Production) && self.key != "cors_origins"
    }
}

/// The table in the README.
pub fn readme_table() -> String {
    let mut table = String::from(
        "| variable | what it is | development | production | testing |\n|---|---|---|---|---|\n",
    );
    for variable in VARIABLES {
        let mut names = vec![format!("`{}`", variable.name())];
        names.extend(variable.old_names.iter().map(|name| format!("(`{name}`)")));
        let [development, production, testing] =
            [Profile::Development, Profile::Production, Profile::Testing].map(|profile| {
                if variable.key == "app_env" { "–".into() } else { default(variable, profile) }
            });
        // Writing to a string can't fail.
        let _ = writeln!(
            table,
            "| {} | {} | {development} | {production} | {testing} |",
            names.join(" "),
            variable.description,
        );
    }
    table
}

/// The example file: every variable with one line about it.
pub fn env_example() -> String {
    let mut text = String::from(
        "# Copy to .env and change what you need; lines that begin with # say nothing.\n\
         # The values here are the defaults for development.\n",
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

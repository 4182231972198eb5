//! Documents generated from the variables: the table in the README, and `.env.example`.

use std::fmt::Write as _;

use super::{
    values::Profile,
    variable::{Secrecy, Variable},
};

/// A default for the table. Secrets for development are not shown, to prevent their reuse.
fn default(variable: &Variable, profile: Profile) -> String {
    match (variable.default(profile), variable.secrecy) {
        (None, _) if profile == Profile::Production && variable.is_required() => "required".into(),
        (None, _) => "–".into(),
        (Some(_), Secrecy::Secret) => "a value that production refuses".into(),
        (Some(value), _) => format!("`{value}`"),
    }
}

impl Variable {
    /// Whether production requires the variable.
    fn is_required(&self) -> bool {
        let default = |profile| self.default(profile).is_some();
        default(Profile::Development) && !default(Profile::Production) && self.key != "cors_origins"
    }
}

/// The table of variables in Markdown.
pub fn readme_table(variables: &[Variable]) -> String {
    let mut table = String::from(
        "| variable | description | development | production | testing |\n|---|---|---|---|---|\n",
    );
    for variable in variables {
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
pub fn env_example(variables: &[Variable]) -> String {
    let mut text = String::from(
        "# Copy to .env, and uncomment the lines to change.\n\
         # The values are the defaults for development.\n",
    );
    for variable in variables {
        let value = match variable.secrecy {
            Secrecy::Secret => "",
            _ => variable.default(Profile::Development).unwrap_or_default(),
        };
        let _ = write!(text, "\n# {}.\n#{}={value}\n", variable.description, variable.name());
    }
    text
}

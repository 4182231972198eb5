//! The description of a variable.

use super::values::Profile;

/// The part of a value that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// The whole value.
    Open,
    /// The value without its password.
    Address,
    /// Nothing.
    Secret,
}

/// A variable.
#[derive(Debug)]
pub struct Variable {
    /// Name in `inspection.toml`; in upper case, the name in the environment.
    pub key: &'static str,
    /// Former names, accepted in the environment and in `.env`.
    pub old_names: &'static [&'static str],
    /// Defaults in development, production and testing; empty without a default.
    pub(super) defaults: [&'static str; 3],
    /// Description for people.
    pub description: &'static str,
    /// The part that may be shown.
    pub secrecy: Secrecy,
}

impl Variable {
    /// Name in the environment.
    pub fn name(&self) -> String {
        self.key.to_ascii_uppercase()
    }

    /// The default in a profile.
    pub fn default(&self, profile: Profile) -> Option<&'static str> {
        let [development, production, testing] = self.defaults;
        let default = match profile {
            Profile::Development => development,
            Profile::Production => production,
            Profile::Testing => testing,
        };
        (!default.is_empty()).then_some(default)
    }
}

//! Problems of a configuration.

/// All problems of a configuration, each with its variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("the configuration is not valid:\n{}", self.lines())]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    pub(super) fn add(&mut self, variable: impl Into<String>, message: impl Into<String>) {
        self.0.push((variable.into(), message.into()));
    }

    fn lines(&self) -> String {
        self.each().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Each problem as a sentence.
    pub fn each(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(variable, message)| format!("{variable} {message}"))
    }

    pub(super) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

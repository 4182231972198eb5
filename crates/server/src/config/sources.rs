//! Sources of values, in increasing precedence: defaults of the profile, `inspection.toml`, `.env`,
//! environment. Only [`Sources::from_system`] accesses the system.

use std::path::Path;

use figment::{
    Error, Figment, Metadata, Provider,
    providers::{Format, Toml},
    value::{Dict, Map, Value as Tree},
};
use secrecy::SecretString;

use super::{
    problems::Problems,
    values::{self, Profile},
    variable::{Secrecy, Variable},
};

/// The optional settings file.
const FILE: &str = "inspection.toml";
/// The optional file of variables.
pub(crate) const DOTENV: &str = ".env";
const DEFAULT: &str = "default";

/// The environment and the contents of the files.
#[derive(Clone, Default)]
pub struct Sources {
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// Contents of `.env`.
    pub dotenv: Option<String>,
    /// Contents of `inspection.toml`.
    pub toml: Option<String>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources(hidden)")
    }
}

impl Sources {
    /// Reads the environment of this process and the files of its folder.
    pub fn from_system() -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let mut file = |name: &str| match std::fs::read_to_string(Path::new(name)) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                problems.add(name, format!("can't be read: {error}"));
                None
            }
        };
        let (toml, dotenv) = (file(FILE), file(DOTENV));
        // All names and values of this program are UTF-8.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        problems.into_result().map(|()| Self { environment, dotenv, toml })
    }

    /// Resolves the value of these variables, and the source of each.
    pub(super) fn resolve_variables(&self, known: &'static [Variable]) -> Resolved {
        let mut problems = Problems::default();
        let toml = self.toml.as_deref().map(|text| from_toml(text, known, &mut problems)).unwrap_or_default();
        let dotenv = self.dotenv.as_deref().map(|text| from_dotenv(text, &mut problems)).unwrap_or_default();
        let variables =
            from_pairs(known, &dotenv, DOTENV).chain(from_pairs(known, &self.environment, "environment"));
        let given = variables.fold(Figment::from(Layer::new(FILE, toml)), Figment::merge);
        // An unknown profile is reported as a problem; the rest is validated as in development.
        let profile = text_of(&given, "app_env").and_then(|text| values::Value::parse(&text).ok());
        let profile = profile.unwrap_or(Profile::Development);
        let defaults = known.iter().filter_map(|variable| {
            variable.default(profile).map(|text| (variable.key.to_owned(), Tree::from(text)))
        });
        let all = given.join(Layer::new(DEFAULT, defaults.collect()));
        let entries = known
            .iter()
            .map(|variable| {
                let text = text_of(&all, variable.key);
                let from = all.find_metadata(variable.key).map(|metadata| metadata.name.to_string());
                ResolvedVariable { variable, from: from.filter(|_| text.is_some()), text }
            })
            .collect();
        Resolved { entries, problems }
    }
}

/// The values of one source.
#[derive(Clone)]
struct Layer {
    name: String,
    values: Dict,
}

impl Layer {
    fn new(name: &str, values: Dict) -> Self {
        Self { name: name.to_owned(), values }
    }
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name.clone())
    }

    fn data(&self) -> Result<Map<figment::Profile, Dict>, Error> {
        Ok(figment::Profile::Default.collect(self.values.clone()))
    }
}

/// The value of a variable as text; an empty one counts as not set.
fn text_of(figment: &Figment, key: &str) -> Option<String> {
    let text = match serde_json::to_value(figment.find_value(key).ok()?).ok()? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Array(parts) => {
            let part =
                |part: serde_json::Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
            parts.into_iter().map(part).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    };
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn from_toml(text: &str, variables: &[Variable], problems: &mut Problems) -> Dict {
    let mut values = match Toml::string(text).data() {
        Ok(mut profiles) => profiles.remove(&figment::Profile::Default).unwrap_or_default(),
        Err(error) => {
            // Lines with a bar quote the file, which may contain secrets.
            let error = error.to_string();
            let lines: Vec<&str> = error.lines().filter(|line| !line.contains('|')).collect();
            problems.add(FILE, format!("can't be read: {}", lines.join(": ")));
            return Dict::new();
        }
    };
    values.retain(|key, value| {
        let known = variables.iter().any(|variable| variable.key == key);
        if !known {
            problems.add(FILE, format!("has an unknown setting: {key}"));
        }
        known && value.as_str() != Some("")
    });
    values
}

/// The non-empty values of known variables, each with the name it was found by.
fn from_pairs<'a>(
    variables: &'static [Variable],
    pairs: &'a [(String, String)],
    source: &'static str,
) -> impl Iterator<Item = Layer> + 'a {
    let find = |name: &str| {
        let found = pairs.iter().rev().find(|(key, value)| key == name && !value.trim().is_empty());
        found.map(|(_, value)| Tree::from(value.as_str()))
    };
    variables.iter().filter_map(move |variable| {
        let old = || {
            let mut names = variable.old_names.iter();
            names.find_map(|name| Some((format!("{source} ({name})"), find(name)?)))
        };
        let (from, value) = find(&variable.name()).map(|value| (source.to_owned(), value)).or_else(old)?;
        Some(Layer { name: from, values: Dict::from([(variable.key.to_owned(), value)]) })
    })
}

/// Parses lines of `NAME=value`. Values may be quoted. In double quotes, a backslash escapes the
/// next character, and `\n` is a line break. Variables are not substituted.
fn from_dotenv(text: &str, problems: &mut Problems) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for (n, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let pair = line.split_once('=').and_then(|(name, value)| {
            let name = name.trim();
            let fine =
                !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'));
            Some((name.to_owned(), unquoted(value.trim())?)).filter(|_| fine)
        });
        match pair {
            Some(pair) => pairs.push(pair),
            // Without the line itself, which may contain a secret.
            None => problems.add(DOTENV, format!("can't be read: line {} is not NAME=value", n + 1)),
        }
    }
    pairs
}

fn unquoted(value: &str) -> Option<String> {
    let (text, rest) = if let Some(value) = value.strip_prefix('\'') {
        let (text, rest) = value.split_once('\'')?;
        (text.to_owned(), rest)
    } else if let Some(value) = value.strip_prefix('"') {
        let mut text = String::new();
        let mut chars = value.chars();
        loop {
            match chars.next()? {
                '"' => break (text, chars.as_str()),
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    c => c,
                }),
                c => text.push(c),
            }
        }
    } else {
        // A separate # starts a comment; inside a word it is part of the value.
        let end = value.find(" #").or_else(|| value.starts_with('#').then_some(0)).unwrap_or(value.len());
        (value.split_at_checked(end)?.0.trim().to_owned(), "")
    };
    let rest = rest.trim();
    (rest.is_empty() || rest.starts_with('#')).then_some(text)
}

struct ResolvedVariable {
    variable: &'static Variable,
    text: Option<String>,
    from: Option<String>,
}

/// The effective value of every variable as text, and its source.
pub struct Resolved {
    entries: Vec<ResolvedVariable>,
    problems: Problems,
}

/// A line of `config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Name in the environment.
    pub name: String,
    /// The part of the value that may be shown.
    pub value: Option<String>,
    /// Source of the value.
    pub from: Option<String>,
}

impl Resolved {
    pub(super) fn problems(&self) -> &Problems {
        &self.problems
    }

    /// Parses one value, and adds a problem if it is invalid.
    pub(super) fn read<T: values::Value>(&self, key: &str, problems: &mut Problems) -> Option<T> {
        let entry = self.entries.iter().find(|entry| entry.variable.key == key)?;
        let read = entry.text.as_deref().map_or_else(T::unset, T::parse);
        read.map_err(|message| problems.add(entry.variable.name(), message)).ok()
    }

    /// The raw value of a secret, valid or not, for the checks of its strength.
    pub(crate) fn secret(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.variable.key == key)?.text.as_deref()
    }

    /// The raw values of a list of secrets.
    pub(crate) fn secrets(&self, key: &str) -> Vec<SecretString> {
        self.secret(key).map(|text| values::list(text).map(SecretString::from).collect()).unwrap_or_default()
    }

    /// Every variable, as far as it may be shown, valid or not.
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |entry: &ResolvedVariable| Shown {
            name: entry.variable.name(),
            value: entry.text.as_deref().map(|text| match entry.variable.secrecy {
                Secrecy::Open => text.to_owned(),
                Secrecy::Address => values::masked(text),
                Secrecy::Secret => values::MASK.to_owned(),
            }),
            from: entry.from.clone(),
        };
        self.entries.iter().map(shown).collect()
    }
}

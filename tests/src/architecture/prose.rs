//! The prose of comments and documents: standard terms, and lines that fit a screen.

use walkdir::WalkDir;

use super::{root, sources::SourceFile, words::Identifiers};

/// The longest line of prose, in characters.
const LONGEST_LINE: usize = 100;

/// The last migration whose comments stay as they are: a migration that is in use isn't edited.
const LAST_OLD_MIGRATION: &str = "2026-11-24-000021_changes";

/// Phrases, and the terms to use instead. The API and the command line have some of these words;
/// there they are code, in backquotes.
const PHRASES: &[(&str, &str)] = &[
    ("anew", "again"),
    ("anybody", "any user"),
    ("are told", "are notified"),
    ("be told", "be notified"),
    ("everybody", "all users"),
    ("give back", "return or revoke"),
    ("given back", "returned or revoked"),
    ("goes on", "continues"),
    ("hand it in", "submit it"),
    ("handed in", "submitted"),
    ("is kept who", "is recorded"),
    ("is told", "is notified"),
    ("look after", "be responsible for"),
    ("nobody", "no user"),
    ("once more", "again"),
    ("put back", "restored"),
    ("rehearsal", "trial"),
    ("rehearsed", "tried"),
    ("somebody", "another user"),
    ("someone", "a user"),
    ("tells of", "records"),
    ("tells whether", "whether"),
    ("themself", "their own account"),
    ("throw away", "discard"),
    ("throw-away", "temporary"),
    ("thrown away", "discarded"),
    ("tidied", "cleaned up"),
    ("tidies", "cleans up"),
    ("tidying", "cleaning up"),
    ("was told", "was notified"),
    ("were told", "were notified"),
    ("what became of", "the outcome of"),
    ("whoever", "the user or instance that"),
];

/// Words that are no part of the name of a function, and the words to use instead.
const WORDS_OF_NAMES: &[(&str, &str)] = &[
    ("anybody", "a user"),
    ("everybody", "all users"),
    ("handed", "submitted"),
    ("nobody", "a name such as anonymous or unknown"),
    ("nobodys", "no user's"),
    ("somebody", "a user"),
    ("somebodys", "a user's"),
    ("themself", "their own account"),
    ("thrown", "discarded"),
    ("tidied", "removed"),
    ("told", "notified"),
    ("wanted", "requested"),
    ("whoever", "a user"),
];

/// How a file marks its prose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    /// `//` begins a comment.
    Rust,
    /// `--` begins a comment.
    Sql,
    /// `#` begins a comment.
    Hash,
    /// Everything is prose outside code blocks.
    Markdown,
}

impl Language {
    /// The language of a file; `None` without prose.
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("rs") => Some(Self::Rust),
            Some("sql") => Some(Self::Sql),
            Some("md") => Some(Self::Markdown),
            Some("toml" | "ftl" | "yaml" | "conf" | "service" | "socket" | "timer") => Some(Self::Hash),
            Some(_) => None,
            None => (path.starts_with("docker/")).then_some(Self::Hash),
        }
    }

    /// The prose of a line: a document, or a comment behind code or alone.
    fn prose(self, line: &str) -> Option<&str> {
        let mark = match self {
            Self::Rust => "//",
            Self::Sql => "--",
            Self::Hash => "#",
            Self::Markdown => return Some(line),
        };
        let is_comment = |&(at, _): &(usize, &str)| {
            let before = &line[..at];
            before.chars().next_back().is_none_or(char::is_whitespace)
                && before.matches('"').count().is_multiple_of(2)
        };
        line.match_indices(mark).find(is_comment).map(|(at, _)| &line[at + mark.len()..])
    }
}

/// The documents, sources, manifests and deployment files of the workspace.
fn files() -> Vec<SourceFile> {
    let folders = ["README.md", "Cargo.toml", "crates", "docker", "migrations", "tests"];
    let entries = folders.iter().flat_map(|folder| WalkDir::new(root().join(folder)).sort_by_file_name());
    entries
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(root()).expect("a path below the root");
            let path = path.to_str().expect("a path in UTF-8").replace('\\', "/");
            Language::of(&path).filter(|_| !is_old_migration(&path))?;
            Some(SourceFile::new(&path, std::fs::read_to_string(entry.path()).expect("a text")))
        })
        .collect()
}

fn is_old_migration(path: &str) -> bool {
    let mut folders = path.split('/');
    folders.next() == Some("migrations") && folders.nth(1).is_some_and(|name| name <= LAST_OLD_MIGRATION)
}

/// Lines of prose, with their numbers, outside the code blocks of documents.
fn lines(file: &SourceFile) -> impl Iterator<Item = (usize, &str, &str)> {
    let language = Language::of(&file.path);
    let mut is_code = false;
    file.text.lines().enumerate().filter_map(move |(index, line)| {
        let language = language?;
        if language == Language::Markdown && line.trim_start().starts_with("```") {
            is_code = !is_code;
            return None;
        }
        if is_code { None } else { language.prose(line).map(|prose| (index + 1, line, prose)) }
    })
}

/// Comments and paragraphs with longer lines. Tables and lines with a link may be longer, and so
/// may lines of code with a comment behind it.
fn long_lines(files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let is_document = Language::of(&file.path) == Some(Language::Markdown);
        for (number, line, prose) in lines(file) {
            let code = &line[..line.len() - prose.len()];
            let is_alone = code.chars().all(|mark| mark.is_whitespace() || "/-#".contains(mark));
            let may_be_longer = is_document && (line.starts_with('|') || line.contains("]("));
            let length = line.chars().count();
            if length > LONGEST_LINE && is_alone && !may_be_longer {
                found.push(format!("{}:{number} has {length} characters", file.path));
            }
        }
    }
    found
}

/// Phrases of the list in comments and documents, outside backquotes, and words of the other list
/// in names of functions.
fn old_voice(files: &[SourceFile]) -> Vec<String> {
    let own_path = file!().replace('\\', "/");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !own_path.ends_with(&file.path)) {
        for (number, _, prose) in lines(file) {
            let text: String = prose.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
            for (old, new) in PHRASES.iter().filter(|(old, _)| contains_phrase(&text, old)) {
                found.push(format!("{}:{number}: \"{old}\" should be \"{new}\"", file.path));
            }
        }
        if Language::of(&file.path) == Some(Language::Rust) {
            let mut names = Identifiers::default();
            names.collect(file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path)));
            for name in names.defined {
                for (old, new) in WORDS_OF_NAMES {
                    if name.split('_').any(|word| word == *old) {
                        found.push(format!("{}: {name}: \"{old}\" should be \"{new}\"", file.path));
                    }
                }
            }
        }
    }
    found
}

/// Whether a text contains a phrase between word boundaries.
fn contains_phrase(text: &str, phrase: &str) -> bool {
    text.match_indices(phrase).any(|(at, _)| {
        let is_boundary = |next: Option<char>| next.is_none_or(|character| !character.is_alphanumeric());
        is_boundary(text[..at].chars().next_back()) && is_boundary(text[at + phrase.len()..].chars().next())
    })
}

#[test]
fn prose_uses_the_standard_terms() {
    super::assert_none(&old_voice(&files()));
}

#[test]
fn lines_of_prose_fit_a_screen() {
    super::assert_none(&long_lines(&files()));
}

#[test]
fn every_phrase_is_found_in_every_kind_of_prose() {
    let violations = |path: &str, text: String| old_voice(&[SourceFile::new(path, text)]).len();
    for (phrase, _) in PHRASES {
        assert_eq!(violations("crates/auth/src/lib.rs", format!("//! It {phrase}.")), 1, "{phrase}");
        assert_eq!(violations("crates/auth/src/lib.rs", format!("struct A; // It {phrase}.")), 1);
        assert_eq!(violations("crates/auth/README.md", format!("| It {phrase}. |")), 1, "{phrase}");
        assert_eq!(violations("Cargo.toml", format!("url = \"2\" # it {phrase}")), 1, "{phrase}");
        assert_eq!(violations("docker/Caddyfile", format!("\t# It {phrase}.")), 1, "{phrase}");
        assert_eq!(violations("migrations/sqlite/a/up.sql", format!("-- It {phrase}.")), 1, "{phrase}");
        let code = format!("const TEXT: &str = \"It {phrase}. // It {phrase}\";");
        assert_eq!(violations("crates/auth/src/lib.rs", code), 0, "{phrase}");
        assert_eq!(violations("crates/auth/README.md", format!("```sh\n# It {phrase}.\n```")), 0);
        assert_eq!(violations("crates/auth/README.md", format!("The command `{phrase}`.")), 0);
    }
    for (word, _) in WORDS_OF_NAMES {
        let text = format!("mod a {{ fn an_admin_is_{word}_twice() {{}} }}");
        assert_eq!(violations("crates/auth/src/lib.rs", text), 1, "{word}");
    }
}

#[test]
fn a_long_line_of_prose_is_found() {
    let long = "word ".repeat(21);
    let violations = |path: &str, text: String| long_lines(&[SourceFile::new(path, text)]);
    for (path, text) in [
        ("crates/auth/src/lib.rs", format!("    /// {long}")),
        ("crates/auth/README.md", long.clone()),
        ("docker/nginx/inspection.conf", format!("# {long}")),
        ("docker/postgres/role.sql", format!("-- {long}")),
        ("Cargo.toml", format!("# {long}")),
    ] {
        let length = text.chars().count();
        assert_eq!(violations(path, text), [format!("{path}:1 has {length} characters")]);
    }
    for (path, text) in [
        ("crates/auth/src/lib.rs", format!("const TEXT: &str = \"{long}\"; // A text.")),
        ("crates/auth/README.md", format!("| {long} |")),
        ("crates/auth/README.md", format!("[{long}](https://example.com)")),
        ("crates/auth/README.md", format!("```\n{long}\n```")),
        ("Cargo.toml", format!("url = \"2\" # {long}")),
        ("docker/nginx/inspection.conf", format!("gzip_types {long};")),
    ] {
        assert_eq!(violations(path, text), Vec::<String>::new(), "{path}");
    }
}

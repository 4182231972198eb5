//! Words that the code no longer uses, since each word has one meaning.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::sources::SourceFile;

/// Old names, and the names that replace them.
const NAMES: &[(&str, &str)] = &[
    ("ASLEEP", "CATCH_UP_AFTER"),
    ("Checked", "Validate"),
    ("ClosedJob", "LockedJob"),
    ("Desk", "SyncProcessor"),
    ("Dice", "fastrand::Rng"),
    ("Errand", "StartTarget"),
    ("Feed", "StreamBackend"),
    ("Gate", "AuthRequirement"),
    ("Given", "RawValue"),
    ("Hearing", "ListenerGuard"),
    ("Kept", "persistence::Result"),
    ("Life", "Supervisor"),
    ("Listed", "NonEmptyList"),
    ("Look", "CheckResult"),
    ("LostRace", "ConcurrentUpdate"),
    ("Made", "Resource"),
    ("Nested", "Object"),
    ("OpenJob", "JobDetails"),
    ("PATIENCE", "a name with _TIMEOUT"),
    ("Places", "a name with bulkhead"),
    ("Seen", "JobDetailOrLocked"),
    ("Sheet", "InspectionDetail"),
    ("Source", "RawInput"),
    ("Stored", "persistence::Result or persistence::Error"),
    ("Story", "DemoSimulator"),
    ("Taken", "UniqueViolation or SyncResult"),
    ("TakenTogether", "SyncBatchResult"),
    ("Wakeups", "Notifier"),
    ("Wanted", "a name of the feature, such as BadgeRequest"),
    ("Whole", "Integer or Supervisor"),
    ("World", "Context"),
    ("asked_database", "query statistics"),
    ("commit_in_order", "lock_commit_order"),
    ("disband", "deny_waiting"),
    ("doors", "bulkheads"),
    ("hear", "listen or poll"),
    ("lapse", "expire"),
    ("left_work", "wake_outbox"),
    ("look_elsewhere", "probe_external"),
    ("looked", "last_polled"),
    ("metering", "stats"),
    ("reach_redis", "ping_redis"),
    ("read_openly", "read_public"),
    ("rehearse", "dry_run"),
    ("settle", "close_pauses"),
    ("world", "system"),
];

/// Old names of single crates, which mean something else in others.
const NAMES_OF_CRATES: &[(&str, &[(&str, &str)])] = &[(
    "http",
    &[
        ("Options", "QueryParams or ListQuery"),
        ("admit", "authorize"),
        ("carry_out", "with_database"),
        ("look", "read_internal"),
        ("reach", "ping"),
    ],
)];

/// Names of functions, types and modules that only the listed crates define.
const DEFINITIONS: &[(&str, &str, &[&str])] = &[
    ("Answer", "a name of the feature", &["domain"]),
    ("Command", "a name of the feature, such as DefectCommand", &["server"]),
    ("Entry", "a name of the feature", &[]),
    ("Kind", "a name of the feature", &[]),
    ("Parts", "a name of the feature", &[]),
    ("Place", "a name of the feature", &[]),
    ("Site", "SiteTimeZone", &["demo"]),
    ("Verdict", "a name of the feature", &["domain", "operations"]),
    ("Work", "a name of the feature", &[]),
    ("lists", "daily_lists", &[]),
    ("release", "release_hold", &[]),
    ("touch", "record_change", &[]),
];

/// Names that functions and types of single crates no longer have. A trailing `*` stands for any
/// end. `open` of persistence connects to a database; it locks nothing.
const DEFINITIONS_OF_CRATES: &[(&str, &[(&str, &str)])] = &[
    (
        "domain",
        &[
            ("check", "validate"),
            ("keep", "collect"),
            ("merge", "extend"),
            ("take", "take_field"),
            ("under", "at"),
        ],
    ),
    ("operations", &[("tidy*", "cleanup or remove_orphans")]),
    (
        "persistence",
        &[
            ("held*", "lock"),
            ("hold", "lock"),
            ("locked", "lock"),
            ("of_*", "find_…, get_… or list_…"),
            ("own", "lock_for_actor"),
        ],
    ),
];

/// Old names in the files.
///
/// In Rust they are found as whole identifiers, outside comments, texts and attributes: attributes
/// contain names of the API document. Names with an underscore are found in comments and in
/// Markdown as well.
pub(super) fn old_names(files: &[SourceFile]) -> Vec<String> {
    let own_path = file!().replace('\\', "/");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !own_path.ends_with(&file.path)) {
        let mut names = Identifiers::default();
        if Path::new(&file.path).extension().is_some_and(|extension| extension == "rs") {
            let tokens = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
            names.collect(tokens);
        }
        let home = file.in_crate().map_or("tests", |(name, _)| name);
        for (old, new) in NAMES.iter().chain(of_crate(NAMES_OF_CRATES, home)) {
            let is_mentioned = || old.contains('_') && words(&file.text).any(|word| word == *old);
            if names.all.iter().any(|name| name == old) || is_mentioned() {
                found.push(format!("{}: {old} is now {new}", file.path));
            }
        }
        let elsewhere = DEFINITIONS.iter().filter(|(_, _, homes)| !homes.contains(&home));
        let definitions = elsewhere.map(|(old, new, _)| (old, new));
        let definitions = definitions
            .chain(of_crate(DEFINITIONS_OF_CRATES, home).map(|(old, new)| (old, new)))
            .filter(|(old, _)| names.defined.iter().any(|name| matches(old, name)));
        found.extend(definitions.map(|(old, new)| format!("{}: {old} is now {new}", file.path)));
    }
    found
}

fn of_crate<T>(table: &'static [(&str, &[T])], home: &str) -> impl Iterator<Item = &'static T> {
    table.iter().filter(move |(name, _)| *name == home).flat_map(|(_, rows)| rows.iter())
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// Identifiers outside attributes.
#[derive(Default)]
pub(super) struct Identifiers {
    all: Vec<String>,
    /// Names of functions, types and modules at their definitions.
    pub(super) defined: Vec<String>,
}

impl Identifiers {
    pub(super) fn collect(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        let mut is_definition = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => {
                    tokens.next_if(|next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!'));
                    tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                }
                TokenTree::Ident(ident) => {
                    let name = ident.to_string();
                    if is_definition {
                        self.defined.push(name.clone());
                    }
                    is_definition = matches!(name.as_str(), "enum" | "fn" | "mod" | "struct" | "trait");
                    self.all.push(name);
                    continue;
                }
                TokenTree::Group(group) => self.collect(group.stream()),
                _ => {}
            }
            is_definition = false;
        }
    }
}

#[test]
fn an_old_name_is_found_where_it_is_defined_or_used() {
    let violations = |path: &str, text: &str| old_names(&[SourceFile::new(path, text)]).len();
    let server = "crates/server/src/wire.rs";
    for (name, _) in NAMES {
        assert_eq!(violations(server, &format!("fn f() {{ {name}::new() }}")), 1, "{name}");
    }
    for (home, rows) in NAMES_OF_CRATES {
        for (name, _) in *rows {
            let text = format!("fn f() {{ {name}() }}");
            assert_eq!(violations(&format!("crates/{home}/src/lib.rs"), &text), 1, "{home}: {name}");
            assert_eq!(violations(server, &text), 0, "{name}");
        }
    }
    for (name, _, homes) in DEFINITIONS {
        let text = format!("pub enum {name} {{}}");
        assert_eq!(violations("crates/auth/src/lib.rs", &text), 1, "{name}");
        assert_eq!(violations("crates/auth/src/lib.rs", &format!("use other::{name};")), 0, "{name}");
        for home in *homes {
            assert_eq!(violations(&format!("crates/{home}/src/lib.rs"), &text), 0, "{home}: {name}");
        }
    }
    for (home, rows) in DEFINITIONS_OF_CRATES {
        for (name, _) in *rows {
            let text = format!("mod a {{ pub fn {}() {{}} }}", name.replace('*', "a"));
            assert_eq!(violations(&format!("crates/{home}/src/lib.rs"), &text), 1, "{home}: {name}");
            assert_eq!(violations(server, &text), 0, "{name}");
        }
    }
}

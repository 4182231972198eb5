//! Words that the code no longer uses.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use super::sources::SourceFile;

/// Old names and the names that replace them.
const OLD_NAMES: &[(&str, &str)] = &[
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
    ("Listed", "NonEmptyList"),
    ("Look", "CheckResult"),
    ("LostRace", "ConcurrentUpdate"),
    ("Nested", "Object"),
    ("OpenJob", "JobDetails"),
    ("PATIENCE", "a name with _TIMEOUT"),
    ("Places", "a name with bulkhead"),
    ("Sheet", "InspectionDetail"),
    ("Stored", "persistence::Result or persistence::Error"),
    ("Story", "DemoSimulator"),
    ("TakenTogether", "SyncBatchResult"),
    ("Wakeups", "Notifier"),
    ("Wanted", "a name of the feature, such as BadgeRequest"),
    ("Whole", "Integer or Supervisor"),
    ("World", "Context"),
    ("asked_database", "query statistics"),
    ("commit_in_order", "lock_commit_order"),
    ("disband", "deny_waiting"),
    ("hear", "listen or poll"),
    ("lapse", "expire"),
    ("left_work", "wake_outbox"),
    ("look_elsewhere", "probe_external"),
    ("metering", "stats"),
    ("reach_redis", "ping_redis"),
    ("read_openly", "read_public"),
    ("rehearse", "dry_run"),
];

/// Old names of the crate `http` that mean something else in other crates.
const OLD_NAMES_OF_HTTP: &[(&str, &str)] = &[("admit", "authorize"), ("carry_out", "with_database")];

/// Old names in the files.
///
/// In Rust they are found as whole identifiers, outside comments, texts and attributes: attributes
/// contain names of the API document. Names with an underscore are found in comments and in Markdown
/// as well.
pub(super) fn old_names(files: &[SourceFile]) -> Vec<String> {
    let own_path = file!().replace('\\', "/");
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !own_path.ends_with(&file.path)) {
        let mut names = Vec::new();
        if Path::new(&file.path).extension().is_some_and(|extension| extension == "rs") {
            let tokens = file.text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.path));
            identifiers(tokens, &mut names);
        }
        let is_http = file.in_crate().is_some_and(|(name, _)| name == "http");
        let of_http = OLD_NAMES_OF_HTTP.iter().filter(|_| is_http);
        for (old, new) in OLD_NAMES.iter().chain(of_http) {
            let is_mentioned = || old.contains('_') && words(&file.text).any(|word| word == *old);
            if names.iter().any(|name| name == old) || is_mentioned() {
                found.push(format!("{}: {old} is now {new}", file.path));
            }
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// Identifiers outside attributes.
fn identifiers(tokens: TokenStream, into: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                tokens.next_if(|next| matches!(next, TokenTree::Punct(punct) if punct.as_char() == '!'));
                tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
            }
            TokenTree::Ident(ident) => into.push(ident.to_string()),
            TokenTree::Group(group) => identifiers(group.stream(), into),
            _ => {}
        }
    }
}

//! Keys: long, random, not those of the source code, and nowhere to be read by others.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use super::Finding;
use crate::config::{self, Resolved};

/// Bits that a key must hold by the frequencies of its letters. A random one of 32 bytes has more than 120 however it is written.
const BITS: f64 = 100.0;

pub(super) fn look(resolved: &Resolved) -> Vec<Finding> {
    let (one, other) = (resolved.secret("secret_key"), resolved.secret("jwt_secret_key"));
    let differ = if one.is_some() && one == other {
        let fix = "make another key for JWT_SECRET_KEY: openssl rand -hex 32";
        Finding::fail("secrets.differ", "SECRET_KEY and JWT_SECRET_KEY are the same", fix)
    } else if one.is_some() && other.is_some() {
        Finding::pass("secrets.differ", "the two keys differ")
    } else {
        Finding::not_applicable("secrets.differ", "there aren't two keys")
    };
    vec![
        key("secrets.secret_key", "SECRET_KEY", one),
        key("secrets.jwt_secret_key", "JWT_SECRET_KEY", other),
        differ,
        env_file(Path::new(config::DOTENV)),
        env_in_git(Path::new(".")),
        translation(resolved.secret("openai_api_key").is_some()),
    ]
}

fn key(id: &'static str, name: &str, value: Option<&str>) -> Finding {
    let fail = |what: String| {
        Finding::fail(id, what, format!("make one with `openssl rand -hex 32` and set {name}"))
    };
    match value {
        None => fail(format!("{name} is not set")),
        Some(value) if config::is_known_secret(value) => {
            fail(format!("{name} is the value for development, which everybody knows"))
        }
        Some(value) if value.len() < 32 => fail(format!("{name} has {} bytes, fewer than 32", value.len())),
        Some(value) if !looks_random(value) => fail(format!("{name} does not look random")),
        Some(value) => Finding::pass(id, format!("{name} has {} bytes and looks random", value.len())),
    }
}

/// Whether nothing speaks against a key being random: many different letters, no period, no runs like `abcdef`.
fn looks_random(key: &str) -> bool {
    let bytes = key.as_bytes();
    let mut counts = BTreeMap::<u8, f64>::new();
    for byte in bytes {
        *counts.entry(*byte).or_default() += 1.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "no key is that long")]
    let length = bytes.len() as f64;
    let bits: f64 = counts.values().map(|count| -count * (count / length).log2()).sum();
    let has_period =
        (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b));
    let follows = |(a, b): &(&u8, &u8)| a.abs_diff(**b) <= 1;
    let in_runs = bytes.iter().zip(bytes.iter().skip(1)).filter(follows).count();
    bits >= BITS && !has_period && in_runs * 2 < bytes.len()
}

fn env_file(file: &Path) -> Finding {
    let id = "secrets.env_file";
    match file.metadata() {
        Err(_) => Finding::not_applicable(id, "there is no .env here"),
        Ok(about) if about.permissions().mode() & 0o007 != 0 => {
            Finding::fail(id, "everybody on this machine can read .env", "chmod o-rwx .env")
        }
        Ok(_) => Finding::pass(id, ".env can be read by its owner and group only"),
    }
}

fn env_in_git(folder: &Path) -> Finding {
    let id = "secrets.env_not_in_git";
    if !folder.join(config::DOTENV).exists() {
        return Finding::not_applicable(id, "there is no .env here");
    }
    let listed = Command::new("git")
        .args(["ls-files", "--error-unmatch", config::DOTENV])
        .env("LC_ALL", "C")
        .current_dir(folder)
        .output();
    let is_in_none =
        |output: &Output| String::from_utf8_lossy(&output.stderr).contains("not a git repository");
    match listed {
        Ok(output) if output.status.success() => Finding::fail(
            id,
            ".env is under version control",
            "git rm --cached .env, make new keys, and add .env to .gitignore",
        ),
        Ok(output) if output.status.code() == Some(1) || is_in_none(&output) => {
            Finding::pass(id, ".env is not under version control")
        }
        Ok(_) => Finding::warning(
            id,
            "git doesn't say whether it has .env",
            "run `git ls-files .env` as its owner",
        ),
        Err(_) => Finding::not_applicable(id, "there is no git here"),
    }
}

fn translation(is_set: bool) -> Finding {
    let id = "secrets.translation";
    if is_set {
        Finding::pass(id, "OPENAI_API_KEY is set: texts are translated")
    } else {
        Finding::not_applicable(id, "OPENAI_API_KEY is not set: texts are not translated")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::super::findings::Verdict, *};

    #[test]
    fn keys_must_be_long_and_random() {
        let verdict = |value| key("secrets.secret_key", "SECRET_KEY", value).verdict;
        assert_eq!(verdict(Some("b1946ac92492d2347c6235b4d2611184591c2d1cbb8b3a9f")), Verdict::Pass);
        assert_eq!(verdict(Some("pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEu")), Verdict::Pass);
        for (value, what) in [
            (None, "is not set"),
            (Some("dev-secret-key-change-in-production"), "everybody knows"),
            (Some("pGt0x5Q9mLr2Vw8Z"), "16 bytes"),
            (Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "does not look random"),
            (Some("0123456789abcdef0123456789abcdef"), "does not look random"),
            (Some("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"), "does not look random"),
            (Some("passwordpasswordpasswordpasswordpassword"), "does not look random"),
        ] {
            let found = key("secrets.secret_key", "SECRET_KEY", value);
            assert!(found.verdict == Verdict::Fail && found.found.contains(what), "{found:?}");
            assert!(value.is_none_or(|value| !found.found.contains(value)), "the key is not told");
        }
    }

    #[test]
    fn the_file_of_variables_is_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        assert_eq!(env_file(&file).verdict, Verdict::NotApplicable);
        assert_eq!(env_in_git(folder.path()).verdict, Verdict::NotApplicable);
        fs::write(&file, "SECRET_KEY=x").expect("written");
        for (mode, verdict) in
            [(0o600, Verdict::Pass), (0o640, Verdict::Pass), (0o644, Verdict::Fail), (0o602, Verdict::Fail)]
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(env_file(&file).verdict, verdict, "{mode:o}");
        }
    }

    #[test]
    fn a_file_of_variables_under_version_control_is_found() {
        inspection_testkit::or_skip!(inspection_testkit::skips::program("git"));
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(".env"), "SECRET_KEY=x").expect("written");
        assert_eq!(env_in_git(folder.path()).verdict, Verdict::Pass, "no repository");
        let git = |arguments: &[&str]| {
            Command::new("git")
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .expect("git")
                .status
                .success()
        };
        assert!(git(&["init", "-q"]));
        assert_eq!(env_in_git(folder.path()).verdict, Verdict::Pass);
        assert!(git(&["add", "-f", ".env"]));
        assert_eq!(env_in_git(folder.path()).verdict, Verdict::Fail);
    }
}

//! Checks of the secrets: long, random, not public, and unreadable for others.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use secrecy::{ExposeSecret, SecretString};

use super::deployment::Secrets;
use crate::{
    Finding, Verdict,
    keys::{LEAST_BITS, estimated_bits},
};

pub(super) fn findings(secrets: &Secrets) -> Vec<Finding> {
    let [one, other] = [&secrets.secret_key, &secrets.jwt_secret_key]
        .map(|key| key.as_ref().map(ExposeSecret::expose_secret));
    let differ = if one.is_some() && one == other {
        let fix = "generate another key for JWT_SECRET_KEY: openssl rand -hex 32";
        Finding::fail("secrets.differ", "SECRET_KEY and JWT_SECRET_KEY are the same", fix)
    } else if one.is_some() && other.is_some() {
        Finding::pass("secrets.differ", "the two keys differ")
    } else {
        Finding::not_applicable("secrets.differ", "one of the keys isn't set")
    };
    let public = &secrets.public_keys;
    vec![
        keys("secrets.secret_key", "SECRET_KEY", one, &secrets.secret_keys_old, public),
        keys("secrets.jwt_secret_key", "JWT_SECRET_KEY", other, &secrets.jwt_secret_keys_old, public),
        differ,
        env_file(&secrets.env_file),
        env_in_git(&secrets.env_file),
        translation(secrets.has_translation_key),
    ]
}

fn key(id: &'static str, name: &str, value: Option<&str>, public: &[&str]) -> Finding {
    let fail = |found: String| {
        Finding::fail(id, found, format!("generate one with `openssl rand -hex 32` and set {name}"))
    };
    match value {
        None => fail(format!("{name} is not set")),
        Some(value) if public.contains(&value) => fail(format!("{name} is the public value for development")),
        Some(value) if value.len() < 32 => fail(format!("{name} has {} bytes, fewer than 32", value.len())),
        Some(value) if estimated_bits(value) < LEAST_BITS => fail(format!("{name} does not appear random")),
        Some(value) => Finding::pass(id, format!("{name} has {} bytes and appears random", value.len())),
    }
}

/// A key, and the earlier ones that still verify: the first weak one is reported.
fn keys(
    id: &'static str,
    name: &str,
    current: Option<&str>,
    earlier: &[SecretString],
    public: &[&str],
) -> Finding {
    let earlier = earlier
        .iter()
        .map(|value| key(id, &format!("a key in {name}S_OLD"), Some(value.expose_secret()), public));
    let found = key(id, name, current, public);
    let mut all = std::iter::once(found.clone()).chain(earlier);
    all.find(|finding| finding.verdict == Verdict::Fail).unwrap_or(found)
}

fn env_file(file: &Path) -> Finding {
    let id = "secrets.env_file";
    match file.metadata() {
        Err(_) => Finding::not_applicable(id, "there is no .env"),
        Ok(metadata) if metadata.permissions().mode() & 0o007 != 0 => {
            Finding::fail(id, "every user of this machine can read .env", "chmod o-rwx .env")
        }
        Ok(_) => Finding::pass(id, ".env is readable by its owner and group only"),
    }
}

fn env_in_git(file: &Path) -> Finding {
    let id = "secrets.env_not_in_git";
    if !file.exists() {
        return Finding::not_applicable(id, "there is no .env");
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let listed = Command::new("git")
        .args(["ls-files", "--error-unmatch"])
        .arg(file.file_name().unwrap_or_default())
        .env("LC_ALL", "C")
        .current_dir(folder)
        .output();
    let has_no_repository =
        |output: &Output| String::from_utf8_lossy(&output.stderr).contains("not a git repository");
    match listed {
        Ok(output) if output.status.success() => Finding::fail(
            id,
            ".env is under version control",
            "git rm --cached .env, generate new keys, and add .env to .gitignore",
        ),
        Ok(output) if output.status.code() == Some(1) || has_no_repository(&output) => {
            Finding::pass(id, ".env is not under version control")
        }
        Ok(_) => Finding::warning(
            id,
            "git doesn't report whether it tracks .env",
            "run `git ls-files .env` as its owner",
        ),
        Err(_) => Finding::not_applicable(id, "git isn't installed"),
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

    use super::*;

    #[test]
    fn keys_must_be_long_and_random() {
        let public = ["dev-secret-key-change-in-production"];
        let verdict = |value| key("secrets.secret_key", "SECRET_KEY", value, &public).verdict;
        assert_eq!(verdict(Some("b1946ac92492d2347c6235b4d2611184591c2d1cbb8b3a9f")), Verdict::Pass);
        assert_eq!(verdict(Some("pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEu")), Verdict::Pass);
        for (value, words) in [
            (None, "is not set"),
            (Some("dev-secret-key-change-in-production"), "public value"),
            (Some("pGt0x5Q9mLr2Vw8Z"), "16 bytes"),
            (Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "does not appear random"),
            (Some("0123456789abcdef0123456789abcdef"), "does not appear random"),
            (Some("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrst"), "does not appear random"),
            (Some("passwordpasswordpasswordpasswordpassword"), "does not appear random"),
        ] {
            let found = key("secrets.secret_key", "SECRET_KEY", value, &public);
            assert!(found.verdict == Verdict::Fail && found.found.contains(words), "{found:?}");
            assert!(value.is_none_or(|value| !found.found.contains(value)), "the key isn't shown");
        }
        let current = Some("b1946ac92492d2347c6235b4d2611184591c2d1cbb8b3a9f");
        let with =
            |earlier: &str| keys("secrets.secret_key", "SECRET_KEY", current, &[earlier.into()], &public);
        assert_eq!(with("pGt0x5Q9mLr2Vw8ZkYb3NcJhS7dF1aEu").verdict, Verdict::Pass);
        let weak = with("passwordpasswordpasswordpasswordpassword");
        assert!(weak.verdict == Verdict::Fail && weak.found.contains("SECRET_KEYS_OLD"), "{weak:?}");
    }

    #[test]
    fn the_env_file_is_for_its_owner() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        assert_eq!(env_file(&file).verdict, Verdict::NotApplicable);
        assert_eq!(env_in_git(&file).verdict, Verdict::NotApplicable);
        fs::write(&file, "SECRET_KEY=x").expect("written");
        for (mode, verdict) in
            [(0o600, Verdict::Pass), (0o640, Verdict::Pass), (0o644, Verdict::Fail), (0o602, Verdict::Fail)]
        {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
            assert_eq!(env_file(&file).verdict, verdict, "{mode:o}");
        }
    }

    #[test]
    fn an_env_file_under_version_control_is_found() {
        inspection_testkit::or_skip!(inspection_testkit::skips::program("git"));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(".env");
        fs::write(&file, "SECRET_KEY=x").expect("written");
        assert_eq!(env_in_git(&file).verdict, Verdict::Pass, "no repository");
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
        assert_eq!(env_in_git(&file).verdict, Verdict::Pass);
        assert!(git(&["add", "-f", ".env"]));
        assert_eq!(env_in_git(&file).verdict, Verdict::Fail);
    }
}

//! Production requirements, and what enforces each one. The table in the README is generated from
//! this one.

use std::fmt::Write as _;

/// The means by which a requirement is enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The program refuses to start otherwise, or is built that way; in a phrase.
    Built(&'static str),
    /// Findings of `check`, by their ids.
    Check(&'static [&'static str]),
    /// Findings of `verify`, by their ids.
    Verify(&'static [&'static str]),
    /// Shipped files, relative to the root of the repository.
    Shipped(&'static [&'static str]),
}

use Proof::{Built, Check, Shipped, Verify};

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// The requirement.
    pub requirement: &'static str,
    /// The means that enforce it.
    pub by: &'static [Proof],
}

/// The requirements of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The subject.
    pub title: &'static str,
    /// The requirements.
    pub items: &'static [Item],
}

const fn item(requirement: &'static str, by: &'static [Proof]) -> Item {
    Item { requirement, by }
}

/// The proof of limits that `check` can only list.
const LIMITED: &str = "tested in memory and with Redis";

/// All requirements.
pub const CHECKLIST: &[Section] = &[
    Section {
        title: "Secrets and environment",
        items: &[
            item(
                "`SECRET_KEY` is random and has 32 bytes or more",
                &[Built("production refuses to start otherwise"), Check(&["secrets.secret_key"])],
            ),
            item(
                "`JWT_SECRET_KEY` is another random key",
                &[
                    Built("production refuses to start if they are equal"),
                    Check(&["secrets.jwt_secret_key", "secrets.differ"]),
                ],
            ),
            item(
                "`DATABASE_URL` is PostgreSQL, not SQLite",
                &[Built("production refuses to start otherwise"), Check(&["database.postgresql"])],
            ),
            item(
                "`OPENAI_API_KEY` is set if texts are to be translated (optional)",
                &[Check(&["secrets.translation"])],
            ),
            item(
                "`.env` is neither under version control nor readable by every user",
                &[
                    Check(&["secrets.env_not_in_git", "secrets.env_file"]),
                    Shipped(&[".gitignore", ".dockerignore"]),
                ],
            ),
            item(
                "No development values remain",
                &[
                    Built("production refuses to start with them"),
                    Check(&["secrets.secret_key", "secrets.jwt_secret_key"]),
                ],
            ),
        ],
    },
    Section {
        title: "Database",
        items: &[
            item(
                "PostgreSQL 16 or newer is running and reachable",
                &[Check(&["database.version", "database.reachable"]), Verify(&["verify.health"])],
            ),
            item(
                "The database role of the service is not a superuser",
                &[Check(&["database.role"]), Shipped(&["docker/postgres/role.sql"])],
            ),
            item(
                "Connections to another machine are encrypted (`sslmode=require`), and the server is verified (`verify-full`)",
                &[Check(&["database.tls"])],
            ),
            item(
                "All migrations are applied",
                &[
                    Built("`serve` refuses to start on a pending one, unless it may apply it"),
                    Check(&["database.migrations"]),
                    Verify(&["verify.ready"]),
                ],
            ),
            item(
                "The pool is large enough: `DB_POOL_SIZE` 10, 5 more on demand, tested when taken, replaced after an hour",
                &[Check(&["database.pool"])],
            ),
            item(
                "Backups are automatic",
                &[
                    Check(&["database.backup"]),
                    Shipped(&["docker/inspection-backup.timer", "docker/compose.yaml"]),
                ],
            ),
            item(
                "A backup has been restored for a trial",
                &[Check(&["database.restore"]), Shipped(&["docker/inspection-backup-verify.timer"])],
            ),
        ],
    },
    Section {
        title: "Web server",
        items: &[
            item("A production server, not a development one", &[Built("the program has no other")]),
            item("`APP_ENV=production`", &[Check(&["web.profile"])]),
            item("The number of workers fits the cores", &[Check(&["web.workers"])]),
            item("Requests time out after 120 s", &[Check(&["web.timeouts"])]),
            item(
                "Memory doesn't grow with the number of requests",
                &[Built("a test compares memory after ten thousand requests; workers need no recycling")],
            ),
            item(
                "A supervisor restarts the process",
                &[
                    Check(&["web.supervised"]),
                    Shipped(&["docker/inspection-server.service", "docker/compose.yaml"]),
                ],
            ),
            item(
                "It starts without errors",
                &[
                    Built("otherwise it exits with one message that names every problem"),
                    Verify(&["verify.ready"]),
                ],
            ),
        ],
    },
    Section {
        title: "CORS",
        items: &[
            item(
                "`CORS_ORIGINS` lists the web apps, and isn't `*`",
                &[Check(&["cors.origins"]), Verify(&["verify.cors"])],
            ),
            item("There is no warning about an unset `CORS_ORIGINS`", &[Check(&["cors.origins"])]),
        ],
    },
    Section {
        title: "Rate limits",
        items: &[
            item(
                "Redis is running and reachable",
                &[Check(&["limits.redis_reachable"]), Shipped(&["docker/compose.yaml"])],
            ),
            item("`REDIS_URL` is Redis, not `memory://`", &[Check(&["limits.redis"])]),
            item(
                "All requests: 200 per minute, user and address; without a token, per address",
                &[Built(LIMITED), Check(&["limits.in_force"])],
            ),
            item("Single uploads: 10 per minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
            item("Multiple uploads: 5 per minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
            item(
                "Sign-ins: 5 per minute, account and address",
                &[Check(&["limits.in_force"]), Verify(&["verify.rate_limit"])],
            ),
            item("Token refreshes: 10 per minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
        ],
    },
    Section {
        title: "TLS",
        items: &[
            item("Clients trust the certificate", &[Verify(&["verify.tls"]), Shipped(&["docker/README.md"])]),
            item(
                "HTTP is redirected to HTTPS",
                &[
                    Verify(&["verify.redirect"]),
                    Check(&["web.proxy"]),
                    Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"]),
                ],
            ),
            item(
                "Session cookies are sent over TLS only",
                &[Built("there are no cookies"), Verify(&["verify.cookies"])],
            ),
            item(
                "Token cookies are sent over TLS only",
                &[Built("tokens are sent in a header"), Verify(&["verify.cookies"])],
            ),
        ],
    },
    Section {
        title: "Reverse proxy",
        items: &[
            item(
                "nginx or Caddy is in front of the service",
                &[Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"])],
            ),
            item(
                "It forwards `X-Forwarded-For` and `X-Forwarded-Proto`, and is trusted",
                &[Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"]), Check(&["web.proxy"])],
            ),
            item("It serves static files", &[Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"])]),
            item(
                "It accepts files of 16 MB",
                &[
                    Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"]),
                    Verify(&["verify.upload_large"]),
                ],
            ),
            item(
                "Its timeout is that of requests, and longer for event streams",
                &[Shipped(&["docker/nginx/inspection.conf", "docker/Caddyfile"])],
            ),
        ],
    },
    Section {
        title: "Files",
        items: &[
            item(
                "`UPLOAD_FOLDER` exists and is writable",
                &[Check(&["storage.writable"]), Verify(&["verify.upload"])],
            ),
            item(
                "It is on persistent storage",
                &[Check(&["storage.persistent"]), Shipped(&["docker/compose.yaml"])],
            ),
            item(
                "Only png, jpg, jpeg, gif, webp and pdf are accepted",
                &[Check(&["storage.types"]), Verify(&["verify.upload_disguised"])],
            ),
            item(
                "Files have at most 16 MB",
                &[Check(&["storage.size_limit"]), Verify(&["verify.upload_too_large"])],
            ),
            item("Files are served with the right content type", &[Verify(&["verify.upload"])]),
        ],
    },
    Section {
        title: "Logs",
        items: &[
            item("`LOG_LEVEL` is info, not debug", &[Check(&["logging.level"])]),
            item(
                "`LOG_FILE` is writable and persistent",
                &[Check(&["logging.file"]), Shipped(&["docker/compose.yaml"])],
            ),
            item(
                "Log files rotate at 10 MB; five are kept",
                &[Built("built in"), Check(&["logging.rotation"])],
            ),
            item(
                "Requests and errors are logged",
                &[Built("both are lines of one log, on stderr and in `LOG_FILE`"), Check(&["logging.file"])],
            ),
            item(
                "Logs are collected centrally",
                &[Built("JSON lines in production"), Shipped(&["docker/README.md"])],
            ),
        ],
    },
    Section {
        title: "Scheduled tasks",
        items: &[
            item(
                "They start with the service",
                &[
                    Built("log line `Background scheduler started with 6 tasks`"),
                    Check(&["scheduler.enabled"]),
                ],
            ),
            item("There are six of them", &[Check(&["scheduler.enabled"]), Verify(&["verify.tasks"])]),
            item(
                "With several instances, one executes each run",
                &[Built("the instance that inserts the run executes it"), Check(&["scheduler.one_runs"])],
            ),
        ],
    },
    Section {
        title: "Monitoring",
        items: &[
            item(
                "`/health` is monitored: 200 when healthy, 503 without the database",
                &[Shipped(&["docker/alerts.yaml", "docker/prometheus.yaml"]), Verify(&["verify.health"])],
            ),
            item("An alert reports failing health checks", &[Shipped(&["docker/alerts.yaml"])]),
            item(
                "An alert reports many errors (5xx)",
                &[Shipped(&["docker/alerts.yaml"]), Check(&["monitoring.metrics"])],
            ),
            item("An alert reports slow responses (more than 5 s)", &[Shipped(&["docker/alerts.yaml"])]),
            item(
                "An alert reports full disks of files and logs",
                &[Shipped(&["docker/alerts.yaml"]), Check(&["storage.space"])],
            ),
            item("An alert reports an exhausted pool", &[Shipped(&["docker/alerts.yaml"])]),
        ],
    },
    Section {
        title: "Security",
        items: &[
            item(
                "The service doesn't run as root",
                &[
                    Check(&["security.user"]),
                    Shipped(&["docker/Dockerfile", "docker/inspection-server.service"]),
                ],
            ),
            item(
                "Only the account of the service can read its data: folders have mode 0700, files 0600",
                &[
                    Built("new ones have these modes, whatever the mask"),
                    Check(&["security.files"]),
                    Shipped(&["docker/Dockerfile", "docker/inspection-server.service"]),
                ],
            ),
            item(
                "No known passwords remain",
                &[Built("there are none by default"), Check(&["security.accounts"])],
            ),
            item(
                "Access tokens live 8 hours, refresh tokens 7 days",
                &[Check(&["security.token_lifetimes"]), Verify(&["verify.token_lifetime"])],
            ),
            item(
                "Revoked tokens are refused",
                &[Check(&["security.blocklist", "security.clock"]), Verify(&["verify.logout"])],
            ),
            item("Operations of admins are refused to others", &[Verify(&["verify.roles"])]),
            item("Files are inspected by content, not by name", &[Verify(&["verify.upload_disguised"])]),
            item(
                "No input becomes part of an SQL statement",
                &[Built("typed queries; a test finds SQL outside the persistence layer")],
            ),
            item("Errors leak no internals", &[Verify(&["verify.errors"]), Verify(&["verify.headers"])]),
        ],
    },
    Section {
        title: "Containers",
        items: &[
            item(
                "`docker compose -f docker/compose.yaml up -d --build` is the deployment",
                &[Shipped(&["docker/compose.yaml", "docker/Dockerfile"])],
            ),
            item("The service waits until PostgreSQL is healthy", &[Shipped(&["docker/compose.yaml"])]),
            item("`pgdata`, `uploads` and `logs` are named volumes", &[Shipped(&["docker/compose.yaml"])]),
            item("Failed containers are restarted", &[Shipped(&["docker/compose.yaml"])]),
            item(
                "The image contains no `.env`, `.git` or tests",
                &[Shipped(&[".dockerignore", "docker/Dockerfile"])],
            ),
        ],
    },
    Section {
        title: "After deploying",
        items: &[
            item("`/health` reports healthy", &[Verify(&["verify.health"])]),
            item("Signing in works", &[Verify(&["verify.login", "verify.wrong_password"])]),
            item("Admins may list accounts, others may not", &[Verify(&["verify.roles"])]),
            item("An image can be uploaded", &[Verify(&["verify.upload"])]),
            item("A new defect causes a notification", &[Verify(&["verify.notification"])]),
            item(
                "Scheduled tasks run when they are due",
                &[Verify(&["verify.tasks"]), Check(&["scheduler.on_time"])],
            ),
            item("Errors leak neither stack traces nor paths", &[Verify(&["verify.errors"])]),
        ],
    },
];

/// The requirements as a table in Markdown, with links relative to `crates/operations`.
pub fn readme_table() -> String {
    let mut text = String::from("| requirement | enforced by |\n|---|---|\n");
    for section in CHECKLIST {
        // Writing to a string is infallible.
        let _ = writeln!(text, "| **{}** | |", section.title);
        for item in section.items {
            let by = item.by.iter().map(|proof| match proof {
                Built(reason) => (*reason).to_owned(),
                Check(ids) => format!("`check`: {}", ids.join(", ")),
                Verify(ids) => format!(
                    "`verify`: {}",
                    ids.iter().map(|id| id.trim_start_matches("verify.")).collect::<Vec<_>>().join(", ")
                ),
                Shipped(files) => files
                    .iter()
                    .map(|file| format!("[`{file}`](../../{file})"))
                    .collect::<Vec<_>>()
                    .join(", "),
            });
            let _ = writeln!(text, "| {} | {} |", item.requirement, by.collect::<Vec<_>>().join("; "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;
    use crate::{check, verify};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn proofs() -> impl Iterator<Item = Proof> {
        CHECKLIST.iter().flat_map(|section| section.items).flat_map(|item| item.by).copied()
    }

    #[test]
    fn the_readme_has_the_table() {
        let readme = fs::read_to_string(root().join("crates/operations/README.md")).expect("the README");
        let expected = readme_table();
        assert!(readme.contains(&expected), "crates/operations/README.md must contain:\n{expected}");
    }

    #[test]
    fn the_list_is_complete() {
        let counts: Vec<usize> = CHECKLIST.iter().map(|section| section.items.len()).collect();
        assert_eq!(counts, [6, 7, 7, 2, 7, 4, 5, 5, 5, 3, 6, 9, 5, 7]);
        for item in CHECKLIST.iter().flat_map(|section| section.items) {
            assert!(!item.by.is_empty(), "nothing enforces: {}", item.requirement);
        }
    }

    #[test]
    fn every_named_check_and_file_exists() {
        for proof in proofs() {
            let missing: Vec<&str> = match proof {
                Built(reason) => [reason].into_iter().filter(|reason| reason.is_empty()).collect(),
                Check(ids) => ids.iter().filter(|id| !check::IDS.contains(id)).copied().collect(),
                Verify(ids) => ids.iter().filter(|id| !verify::ids().contains(id)).copied().collect(),
                Shipped(files) => files.iter().filter(|file| !root().join(file).exists()).copied().collect(),
            };
            assert!(missing.is_empty(), "{missing:?} in {proof:?}");
        }
    }

    #[test]
    fn every_check_serves_a_requirement() {
        let named: BTreeSet<&str> = proofs()
            .flat_map(|proof| match proof {
                Check(ids) | Verify(ids) => ids,
                Built(_) | Shipped(_) => &[],
            })
            .copied()
            .collect();
        let others = ["configuration.valid", "verify.docs", "verify.metrics", "verify.cleanup"];
        for id in check::IDS.iter().chain(&verify::ids()) {
            assert!(named.contains(id) || others.contains(id), "{id} serves no requirement");
        }
    }
}

//! The list of what must be true of every deployment in production, and what sees to each item: one table, from which the README's
//! follows.

use std::fmt::Write as _;

/// What sees to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The program doesn't start without it, or is built so; in a sentence.
    Built(&'static str),
    /// Findings of `check`, by their ids.
    Check(&'static [&'static str]),
    /// Findings of `verify`, by their ids.
    Verify(&'static [&'static str]),
    /// Files that are shipped, from the root of the repository.
    Shipped(&'static [&'static str]),
}

use Proof::{Built, Check, Shipped, Verify};

/// One item of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// What must be true.
    pub what: &'static str,
    /// What sees to it.
    pub by: &'static [Proof],
}

/// Items of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The subject.
    pub title: &'static str,
    /// The items.
    pub items: &'static [Item],
}

const fn item(what: &'static str, by: &'static [Proof]) -> Item {
    Item { what, by }
}

/// Of limits that `check` can only list.
const LIMITED: &str = "a test counts it in memory and on Redis";

/// The whole list.
pub const CHECKLIST: &[Section] = &[
    Section {
        title: "Secrets and environment",
        items: &[
            item(
                "`SECRET_KEY` is random and has 32 bytes or more",
                &[Built("no start in production with fewer bytes"), Check(&["secrets.secret_key"])],
            ),
            item(
                "`JWT_SECRET_KEY` is another random key",
                &[
                    Built("no start in production if they are equal"),
                    Check(&["secrets.jwt_secret_key", "secrets.differ"]),
                ],
            ),
            item(
                "`DATABASE_URL` is PostgreSQL, not SQLite",
                &[Built("no start in production otherwise"), Check(&["database.postgresql"])],
            ),
            item(
                "`OPENAI_API_KEY` is set if texts are to be translated (optional)",
                &[Check(&["secrets.translation"])],
            ),
            item(
                "`.env` is not under version control, nor readable by everybody",
                &[
                    Check(&["secrets.env_not_in_git", "secrets.env_file"]),
                    Shipped(&[".gitignore", ".dockerignore"]),
                ],
            ),
            item(
                "No values for development remain",
                &[
                    Built("no start in production with them"),
                    Check(&["secrets.secret_key", "secrets.jwt_secret_key"]),
                ],
            ),
        ],
    },
    Section {
        title: "Database",
        items: &[
            item(
                "PostgreSQL 16 or newer runs and answers",
                &[Check(&["database.version", "database.reachable"]), Verify(&["verify.health"])],
            ),
            item(
                "The role of the service is no superuser",
                &[Check(&["database.role"]), Shipped(&["docker/postgres/role.sql"])],
            ),
            item(
                "Connections to another machine are encrypted (`sslmode=require`)",
                &[Check(&["database.tls"])],
            ),
            item(
                "Migrations have been applied",
                &[
                    Built("`serve` doesn't start on a pending one, unless it may apply it"),
                    Check(&["database.migrations"]),
                    Verify(&["verify.ready"]),
                ],
            ),
            item(
                "The pool is large enough: `DB_POOL_SIZE` 10, 5 more at need, tested when taken, replaced after an hour",
                &[Check(&["database.pool"])],
            ),
            item(
                "Backups are made by themselves",
                &[
                    Check(&["database.backup"]),
                    Shipped(&["docker/inspection-backup.timer", "docker/compose.yaml"]),
                ],
            ),
            item(
                "Restoring a backup has been tried",
                &[Check(&["database.restore"]), Shipped(&["docker/inspection-backup-verify.timer"])],
            ),
        ],
    },
    Section {
        title: "Web server",
        items: &[
            item(
                "A server for production, not one for development",
                &[Built("there is only one, the program itself")],
            ),
            item("`APP_ENV=production`", &[Check(&["web.profile"])]),
            item("The number of workers fits", &[Check(&["web.workers"])]),
            item("A request has 120 s", &[Check(&["web.timeouts"])]),
            item(
                "Memory doesn't grow with the number of requests",
                &[Built(
                    "a test compares the memory after ten thousand requests; workers needn't be replaced",
                )],
            ),
            item(
                "Somebody starts the process anew when it ends",
                &[
                    Check(&["web.supervised"]),
                    Shipped(&["docker/inspection-server.service", "docker/compose.yaml"]),
                ],
            ),
            item(
                "It starts without errors",
                &[
                    Built("it ends at once with one message that names every problem"),
                    Verify(&["verify.ready"]),
                ],
            ),
        ],
    },
    Section {
        title: "CORS",
        items: &[
            item(
                "`CORS_ORIGINS` names the web apps, and isn't `*`",
                &[Check(&["cors.origins"]), Verify(&["verify.cors"])],
            ),
            item("There is no warning that `CORS_ORIGINS` isn't set", &[Check(&["cors.origins"])]),
        ],
    },
    Section {
        title: "Limits on requests",
        items: &[
            item(
                "Redis runs and answers",
                &[Check(&["limits.redis_reachable"]), Shipped(&["docker/compose.yaml"])],
            ),
            item("`REDIS_URL` is Redis, not `memory://`", &[Check(&["limits.redis"])]),
            item("All requests: 200 a minute and address", &[Built(LIMITED), Check(&["limits.in_force"])]),
            item("Uploading a file: 10 a minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
            item("Uploading several files: 5 a minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
            item("Signing in: 5 a minute", &[Check(&["limits.in_force"]), Verify(&["verify.rate_limit"])]),
            item("Refreshing a token: 10 a minute", &[Built(LIMITED), Check(&["limits.in_force"])]),
        ],
    },
    Section {
        title: "TLS",
        items: &[
            item(
                "There is a certificate that clients trust",
                &[Verify(&["verify.tls"]), Shipped(&["docker/README.md"])],
            ),
            item(
                "HTTP is redirected to HTTPS",
                &[
                    Verify(&["verify.redirect"]),
                    Check(&["web.proxy"]),
                    Shipped(&["docker/nginx.conf", "docker/Caddyfile"]),
                ],
            ),
            item(
                "Cookies of sessions are sent over TLS only",
                &[Built("there are no cookies"), Verify(&["verify.cookies"])],
            ),
            item(
                "Cookies of tokens are sent over TLS only",
                &[Built("tokens are sent in a header"), Verify(&["verify.cookies"])],
            ),
        ],
    },
    Section {
        title: "Reverse proxy",
        items: &[
            item("nginx or Caddy is in front", &[Shipped(&["docker/nginx.conf", "docker/Caddyfile"])]),
            item(
                "It passes `X-Forwarded-For` and `X-Forwarded-Proto` on, and is trusted",
                &[Shipped(&["docker/nginx.conf", "docker/Caddyfile"]), Check(&["web.proxy"])],
            ),
            item("It serves static files", &[Shipped(&["docker/nginx.conf", "docker/Caddyfile"])]),
            item(
                "It lets files of 16 MB through",
                &[Shipped(&["docker/nginx.conf", "docker/Caddyfile"]), Verify(&["verify.upload_large"])],
            ),
            item(
                "It waits as long as requests may take, and longer for events",
                &[Shipped(&["docker/nginx.conf", "docker/Caddyfile"])],
            ),
        ],
    },
    Section {
        title: "Files",
        items: &[
            item(
                "`UPLOAD_FOLDER` is there and can be written to",
                &[Check(&["storage.writable"]), Verify(&["verify.upload"])],
            ),
            item(
                "It is on storage that stays",
                &[Check(&["storage.persistent"]), Shipped(&["docker/compose.yaml"])],
            ),
            item(
                "Only png, jpg, jpeg, gif, webp and pdf are taken",
                &[Check(&["storage.types"]), Verify(&["verify.upload_disguised"])],
            ),
            item(
                "Files have at most 16 MB",
                &[Check(&["storage.size_limit"]), Verify(&["verify.upload_too_large"])],
            ),
            item("Files are served with their right types", &[Verify(&["verify.upload"])]),
        ],
    },
    Section {
        title: "Logs",
        items: &[
            item("`LOG_LEVEL` is info, not debug", &[Check(&["logging.level"])]),
            item(
                "`LOG_FILE` can be written to and stays",
                &[Check(&["logging.file"]), Shipped(&["docker/compose.yaml"])],
            ),
            item(
                "A file begins anew at 10 MB, and five are kept",
                &[Built("the program does that"), Check(&["logging.rotation"])],
            ),
            item(
                "Requests and errors are kept",
                &[
                    Built("both are lines of the same log, on stderr and in `LOG_FILE`"),
                    Check(&["logging.file"]),
                ],
            ),
            item(
                "Logs are collected in one place",
                &[Built("lines of JSON in production"), Shipped(&["docker/README.md"])],
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
                "With several instances, each run is done by one",
                &[Built("whoever inserts a run does it"), Check(&["scheduler.one_runs"])],
            ),
        ],
    },
    Section {
        title: "Monitoring",
        items: &[
            item(
                "`/health` is watched: 200 when healthy, 503 when the database is away",
                &[Shipped(&["docker/alerts.yaml", "docker/prometheus.yaml"]), Verify(&["verify.health"])],
            ),
            item("An alert tells of failing health checks", &[Shipped(&["docker/alerts.yaml"])]),
            item(
                "An alert tells of many errors (5xx)",
                &[Shipped(&["docker/alerts.yaml"]), Check(&["monitoring.metrics"])],
            ),
            item("An alert tells of slow answers (more than 5 s)", &[Shipped(&["docker/alerts.yaml"])]),
            item(
                "An alert tells of full disks of files and logs",
                &[Shipped(&["docker/alerts.yaml"]), Check(&["storage.space"])],
            ),
            item("An alert tells of an exhausted pool", &[Shipped(&["docker/alerts.yaml"])]),
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
                "No passwords remain that others know",
                &[Built("there are none by default"), Check(&["security.accounts"])],
            ),
            item(
                "Tokens live 8 hours, those to refresh them 7 days",
                &[Check(&["security.token_lifetimes"]), Verify(&["verify.token_lifetime"])],
            ),
            item(
                "Tokens that were ended are refused",
                &[Check(&["security.blocklist", "security.clock"]), Verify(&["verify.logout"])],
            ),
            item("What is for admins is refused to others", &[Verify(&["verify.roles"])]),
            item(
                "Files are judged by their content, not by their name",
                &[Verify(&["verify.upload_disguised"])],
            ),
            item(
                "Nothing that is sent becomes part of a statement of SQL",
                &[Built(
                    "typed queries, and SQL in the persistence layer alone; a test looks for it elsewhere",
                )],
            ),
            item(
                "Errors tell nothing of the inside",
                &[Verify(&["verify.errors"]), Verify(&["verify.headers"])],
            ),
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
            item("Containers are started anew when they fail", &[Shipped(&["docker/compose.yaml"])]),
            item(
                "The image has no `.env`, `.git` or tests in it",
                &[Shipped(&[".dockerignore", "docker/Dockerfile"])],
            ),
        ],
    },
    Section {
        title: "After deploying",
        items: &[
            item("`/health` says healthy", &[Verify(&["verify.health"])]),
            item("Signing in works", &[Verify(&["verify.login", "verify.wrong_password"])]),
            item("Admins may list people, others may not", &[Verify(&["verify.roles"])]),
            item("An image can be uploaded", &[Verify(&["verify.upload"])]),
            item("People are told of a new defect", &[Verify(&["verify.notification"])]),
            item(
                "Scheduled tasks run when they are due",
                &[Verify(&["verify.tasks"]), Check(&["scheduler.on_time"])],
            ),
            item("Errors leak neither stack traces nor paths", &[Verify(&["verify.errors"])]),
        ],
    },
];

/// The table in the README.
pub fn readme_table() -> String {
    let mut text = String::from("| what must be true | what sees to it |\n|---|---|\n");
    for section in CHECKLIST {
        // Writing to a string can't fail.
        let _ = writeln!(text, "| **{}** | |", section.title);
        for item in section.items {
            let by = item.by.iter().map(|proof| match proof {
                Built(how) => (*how).to_owned(),
                Check(ids) => format!("`check`: {}", ids.join(", ")),
                Verify(ids) => format!(
                    "`verify`: {}",
                    ids.iter().map(|id| id.trim_start_matches("verify.")).collect::<Vec<_>>().join(", ")
                ),
                Shipped(files) => {
                    files.iter().map(|file| format!("[`{file}`]({file})")).collect::<Vec<_>>().join(", ")
                }
            });
            let _ = writeln!(text, "| {} | {} |", item.what, by.collect::<Vec<_>>().join("; "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::cli;

    fn root() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn proofs() -> impl Iterator<Item = Proof> {
        CHECKLIST.iter().flat_map(|section| section.items).flat_map(|item| item.by).copied()
    }

    #[test]
    fn the_readme_has_the_table() {
        let readme = fs::read_to_string(root().join("README.md")).expect("the README");
        let expected = readme_table();
        assert!(readme.contains(&expected), "README.md must contain:\n{expected}");
    }

    #[test]
    fn the_list_is_whole() {
        let counts: Vec<usize> = CHECKLIST.iter().map(|section| section.items.len()).collect();
        assert_eq!(counts, [6, 7, 7, 2, 7, 4, 5, 5, 5, 3, 6, 8, 5, 7]);
        for item in CHECKLIST.iter().flat_map(|section| section.items) {
            assert!(!item.by.is_empty(), "nothing sees to it: {}", item.what);
        }
    }

    #[test]
    fn what_is_named_is_there() {
        for proof in proofs() {
            let missing: Vec<&str> = match proof {
                Built(how) => [how].into_iter().filter(|how| how.is_empty()).collect(),
                Check(ids) => ids.iter().filter(|id| !cli::CHECKED.contains(id)).copied().collect(),
                Verify(ids) => ids.iter().filter(|id| !cli::verified().contains(id)).copied().collect(),
                Shipped(files) => files.iter().filter(|file| !root().join(file).exists()).copied().collect(),
            };
            assert!(missing.is_empty(), "{missing:?} in {proof:?}");
        }
    }

    #[test]
    fn everything_that_is_checked_is_for_something_in_the_list() {
        let named: BTreeSet<&str> = proofs()
            .flat_map(|proof| match proof {
                Check(ids) | Verify(ids) => ids,
                Built(_) | Shipped(_) => &[],
            })
            .copied()
            .collect();
        let beside = ["configuration.valid", "verify.docs", "verify.metrics", "verify.cleanup"];
        for id in cli::CHECKED.iter().chain(&cli::verified()) {
            assert!(named.contains(id) || beside.contains(id), "{id} is for nothing");
        }
    }
}

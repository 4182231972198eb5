//! Checks of the database server and of the backups.

use std::path::Path;

use inspection_domain::time::Instant;
use inspection_persistence::{
    Database,
    server::{self, Server},
};

use super::deployment::Deployment;
use crate::{Finding, Result, backup};

/// The oldest major version of PostgreSQL that is supported.
const OLDEST_VERSION: i32 = 16;

/// Tolerated difference between the clocks of service and database, in seconds.
const CLOCK_TOLERANCE: i64 = 5;

pub(super) fn findings(deployment: &Deployment, database: &Database) -> Vec<Finding> {
    let mut found = vec![migrations(database)];
    let now = deployment.context.clock.now();
    match database.read(server::describe) {
        Ok(Some(server)) => {
            found.extend([version(&server), role(&server), tls(&server, deployment.url())]);
            found.extend([pool(deployment, &server), clock(&server, now)]);
        }
        Ok(None) => {
            let ids =
                ["database.version", "database.role", "database.tls", "database.pool", "security.clock"];
            found.extend(ids.map(|id| Finding::not_applicable(id, "the database is SQLite")));
        }
        Err(error) => {
            found.push(Finding::fail("database.version", error.to_string(), "read the log of the server"));
        }
    }
    found
}

fn version(server: &Server) -> Finding {
    let id = "database.version";
    let found = format!("PostgreSQL {}", server.version);
    if server.version_number / 10_000 < OLDEST_VERSION {
        Finding::fail(id, found, format!("upgrade the server to {OLDEST_VERSION} or newer"))
    } else {
        Finding::pass(id, found)
    }
}

fn role(server: &Server) -> Finding {
    let id = "database.role";
    if server.is_superuser {
        let fix = "CREATE ROLE inspection LOGIN PASSWORD '…'; make it the owner of the database, and use it in DATABASE_URL";
        Finding::fail(id, format!("{} is a superuser", server.role), fix)
    } else {
        Finding::pass(id, format!("{} is not a superuser", server.role))
    }
}

/// The location of a database server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerLocation {
    /// This machine.
    Local,
    /// A name without a domain, as in a network of containers.
    Neighbour,
    /// Any other host.
    Remote,
}

pub(super) fn location(url: &str) -> ServerLocation {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_local =
        matches!(host, "" | "localhost" | "::1") || host.starts_with("127.") || host.starts_with('%');
    // The query may name the host as well.
    let named = rest.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|parameter| {
            parameter.starts_with("host=")
                && !parameter.starts_with("host=/")
                && !parameter.starts_with("host=%2")
        })
    });
    match (is_local, named) {
        (_, true) => ServerLocation::Remote,
        (true, false) => ServerLocation::Local,
        (false, false) if host.contains(['.', ':']) => ServerLocation::Remote,
        (false, false) => ServerLocation::Neighbour,
    }
}

/// Whether the address demands that the certificate of the server is verified, including its name.
fn verifies_server(url: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, query)| query).split('&');
    parameters.filter_map(|parameter| parameter.strip_prefix("sslmode=")).next_back() == Some("verify-full")
}

fn tls(server: &Server, url: &str) -> Finding {
    let id = "database.tls";
    let fix = "add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem to DATABASE_URL; sslmode=require \
               encrypts, but verifies nothing";
    match (server.is_encrypted, location(url)) {
        (true, ServerLocation::Remote) if !verifies_server(url) => Finding::warning(
            id,
            "the connection is encrypted, but the certificate of the server is not verified",
            fix,
        ),
        (true, _) => Finding::pass(id, "the connection is encrypted"),
        (false, ServerLocation::Local) => Finding::not_applicable(id, "the database is on this machine"),
        (false, ServerLocation::Neighbour) => {
            Finding::warning(id, "the connection to a neighbouring host is not encrypted", fix)
        }
        (false, ServerLocation::Remote) => {
            Finding::fail(id, "the connection to another machine is not encrypted", fix)
        }
    }
}

fn migrations(database: &Database) -> Finding {
    let id = "database.migrations";
    match inspection_persistence::migrations::status(database) {
        Ok(all) => {
            let pending = all.iter().filter(|migration| !migration.applied).count();
            if pending == 0 {
                Finding::pass(id, format!("all {} migrations are applied", all.len()))
            } else {
                Finding::fail(
                    id,
                    format!("{pending} of {} migrations are pending", all.len()),
                    "run `inspection-server migrate up`",
                )
            }
        }
        Err(error) => Finding::fail(id, error.to_string(), "run `inspection-server migrate status`"),
    }
}

/// Age in hours at which a daily backup is overdue, including its duration.
const MAX_BACKUP_AGE: i64 = 26;

/// Age in days at which a trial restore is overdue.
const MAX_TRIAL_AGE: i64 = 31;

/// The age of the newest backup and of the last successful trial.
pub(super) fn backups(folder: &Path, now: Instant) -> [Finding; 2] {
    let age = |at: Instant| (now.as_second() - at.as_second()).max(0) / 3600;
    let created =
        backup::newest(folder).map(|newest| newest.map(|newest| (age(newest.created_at), newest.name)));
    let verified = backup::newest_verified(folder)
        .map(|newest| newest.and_then(|newest| Some((age(newest.verified_at?), newest.name))));
    [newest_backup(created), newest_trial(verified)]
}

/// Age in hours and name of a backup.
type BackupAge = Result<Option<(i64, String)>>;

fn newest_backup(newest: BackupAge) -> Finding {
    let id = "database.backup";
    let fix = "inspection-server backup create, and daily by docker/inspection-backup.timer; in \
               containers, backup-daily creates the first one at its start: docker compose ps";
    match newest {
        Ok(Some((hours, name))) if hours <= MAX_BACKUP_AGE => {
            Finding::pass(id, format!("{name} is {hours} h old"))
        }
        Ok(Some((hours, name))) => Finding::fail(id, format!("the newest, {name}, is {hours} h old"), fix),
        Ok(None) => Finding::fail(id, "there is no backup", fix),
        Err(error) => Finding::fail(id, error.report(), fix),
    }
}

fn newest_trial(newest: BackupAge) -> Finding {
    let id = "database.restore";
    let fix = "inspection-server backup verify, and weekly by docker/inspection-backup-verify.timer; in \
               containers, backup-daily verifies the first one at its start: docker compose ps";
    match newest {
        Ok(Some((hours, name))) if hours <= MAX_TRIAL_AGE * 24 => Finding::pass(
            id,
            format!("{name} was restored for a trial {} days ago, and is intact", hours / 24),
        ),
        Ok(Some((hours, _))) => {
            Finding::warning(id, format!("the last trial was {} days ago", hours / 24), fix)
        }
        Ok(None) => Finding::fail(id, "no backup has ever been verified", fix),
        Err(error) => Finding::fail(id, error.report(), fix),
    }
}

fn pool(deployment: &Deployment, server: &Server) -> Finding {
    let id = "database.pool";
    let most = i64::from(deployment.pool_size) + i64::from(deployment.pool_overflow);
    let defaults = inspection_persistence::Settings::new(String::new());
    let found = format!(
        "{} connections, {} more on demand, replaced after {} s, tested when taken; the server allows {}",
        deployment.pool_size, deployment.pool_overflow, defaults.recycle_seconds, server.max_connections
    );
    if most > i64::from(server.max_connections) {
        Finding::fail(
            id,
            found,
            "lower DB_POOL_SIZE and DB_MAX_OVERFLOW, or raise max_connections of the server",
        )
    } else if most * 2 > i64::from(server.max_connections) || deployment.pool_size < 5 {
        Finding::warning(
            id,
            found,
            "use DB_POOL_SIZE=10 and DB_MAX_OVERFLOW=5 per instance, within max_connections of the server",
        )
    } else {
        Finding::pass(id, found)
    }
}

fn clock(server: &Server, now: Instant) -> Finding {
    let id = "security.clock";
    let apart = (server.now.as_second() - now.as_second()).abs();
    let found = format!("the clocks of service and database are {apart} s apart");
    if apart > CLOCK_TOLERANCE {
        Finding::fail(id, found, "synchronize both machines by NTP")
    } else {
        Finding::pass(id, found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, check::testing::fit};

    fn server() -> Server {
        Server {
            version: "16.4".into(),
            version_number: 160_004,
            role: "inspection".into(),
            is_superuser: false,
            is_encrypted: true,
            max_connections: 100,
            now: Instant::parse("2026-03-02T08:00:00Z").expect("an instant"),
        }
    }

    fn pooled(pool_size: u32) -> Deployment {
        Deployment { pool_size, ..fit() }
    }

    #[test]
    fn old_servers_superusers_and_unencrypted_connections_are_found() {
        assert_eq!(version(&server()).verdict, Verdict::Pass);
        let old = version(&Server { version: "15.8".into(), version_number: 150_008, ..server() });
        assert!(old.verdict == Verdict::Fail && old.found.contains("15.8"));
        assert_eq!(role(&server()).verdict, Verdict::Pass);
        assert_eq!(role(&Server { is_superuser: true, ..server() }).verdict, Verdict::Fail);
        let open = || Server { is_encrypted: false, ..server() };
        let remote = "postgres://a:b@db.example.com/x?sslmode=require";
        assert_eq!(tls(&open(), remote).verdict, Verdict::Fail);
        assert!(tls(&open(), remote).fix.expect("a fix").contains("sslmode=require"));
        assert_eq!(tls(&open(), "postgres://a:b@postgres/x").verdict, Verdict::Warning);
        assert_eq!(tls(&open(), "postgres://a:b@localhost/x").verdict, Verdict::NotApplicable);
    }

    #[test]
    fn a_remote_server_whose_certificate_is_not_verified_is_found() {
        for (query, verdict) in [
            ("", Verdict::Warning),
            ("?sslmode=require", Verdict::Warning),
            // The name in the certificate may be that of any server.
            ("?sslmode=verify-ca&sslrootcert=ca.pem", Verdict::Warning),
            ("?sslmode=verify-full&sslmode=prefer", Verdict::Warning),
            ("?sslmode=verify-full&sslrootcert=ca.pem", Verdict::Pass),
            ("?sslrootcert=ca.pem&sslmode=verify-full", Verdict::Pass),
        ] {
            let found = tls(&server(), &format!("postgres://a:b@db.example.com/x{query}"));
            assert_eq!(found.verdict, verdict, "{query}: {found:?}");
            let fix = found.fix.unwrap_or_default();
            assert_eq!(fix.contains("sslmode=verify-full&sslrootcert="), verdict == Verdict::Warning);
        }
        for url in ["postgres://a:b@postgres/x?sslmode=require", "postgres://a:b@localhost/x"] {
            assert_eq!(tls(&server(), url).verdict, Verdict::Pass, "{url}");
        }
    }

    #[test]
    fn local_neighbouring_and_remote_servers_are_distinguished() {
        for (url, expected) in [
            ("postgres://a:b@localhost/x", ServerLocation::Local),
            ("postgres://a@127.0.0.1:5433/x", ServerLocation::Local),
            ("postgres://a@[::1]:5433/x", ServerLocation::Local),
            ("postgres:///x?host=/run/postgresql", ServerLocation::Local),
            ("postgres://a@%2Frun%2Fpostgresql/x", ServerLocation::Local),
            ("postgres:///x", ServerLocation::Local),
            ("postgres://a:b@postgres:5432/x", ServerLocation::Neighbour),
            ("postgres://a:b%40c@db.example.com/x", ServerLocation::Remote),
            ("postgres://a@10.1.2.3/x", ServerLocation::Remote),
            ("postgres://a@[2001:db8::1]/x", ServerLocation::Remote),
            ("postgres:///x?host=db.example.com", ServerLocation::Remote),
        ] {
            assert_eq!(location(url), expected, "{url}");
        }
    }

    #[test]
    fn backups_must_exist_be_recent_and_be_verified() {
        let aged = |hours: i64| Ok(Some((hours, "2026-11-25T140000Z-1a2b".to_owned())));
        for (aged, verdict) in
            [(aged(26), Verdict::Pass), (aged(27), Verdict::Fail), (Ok(None), Verdict::Fail)]
        {
            assert_eq!(newest_backup(aged).verdict, verdict);
        }
        for (aged, verdict) in
            [(aged(31 * 24), Verdict::Pass), (aged(32 * 24), Verdict::Warning), (Ok(None), Verdict::Fail)]
        {
            assert_eq!(newest_trial(aged).verdict, verdict);
        }
        let none = backups(Path::new("/nowhere/at/all"), server().now);
        assert!(
            none[0].found == "there is no backup" && none[1].found == "no backup has ever been verified",
            "{none:?}"
        );
    }

    #[test]
    fn pools_must_fit_into_the_server_and_clocks_must_agree() {
        assert_eq!(pool(&pooled(10), &server()).verdict, Verdict::Pass);
        assert_eq!(pool(&pooled(2), &server()).verdict, Verdict::Warning);
        assert_eq!(pool(&pooled(60), &server()).verdict, Verdict::Warning);
        assert_eq!(pool(&pooled(200), &server()).verdict, Verdict::Fail);
        assert!(pool(&pooled(10), &server()).found.contains("replaced after 3600 s"));
        assert_eq!(clock(&server(), server().now.plus_seconds(5)).verdict, Verdict::Pass);
        assert_eq!(clock(&server(), server().now.plus_seconds(-6)).verdict, Verdict::Fail);
    }
}

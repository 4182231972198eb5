//! The server of the database, and what stands in for it when it is gone.

use std::path::Path;

use anyhow::Result;
use inspection_domain::time::Instant;
use inspection_persistence::{
    Database, migrations,
    server::{self, Server},
};
use secrecy::ExposeSecret;

use super::Finding;
use crate::{backups, config::Config, wire};

/// The oldest version of PostgreSQL that is supported.
const OLDEST: i32 = 16;

/// Seconds by which the clocks of the service and of the database may differ.
const CLOCK_TOLERANCE: i64 = 5;

pub(super) fn look(config: &Config, database: &Database) -> Vec<Finding> {
    let context = wire::context(config);
    let mut found = vec![migrated(database)];
    found.extend(saved(&config.backup_folder, context.clock.now()));
    let asked = context.clock.now();
    match database.read(server::describe) {
        Ok(Some(server)) => {
            found.extend([
                version(&server),
                role(&server),
                tls(&server, host(config.database_url.expose().expose_secret())),
            ]);
            found.extend([pool(config, &server), clock(&server, asked)]);
        }
        Ok(None) => {
            let ids =
                ["database.version", "database.role", "database.tls", "database.pool", "security.clock"];
            found.extend(ids.map(|id| Finding::not_applicable(id, "the database is a file of SQLite")));
        }
        Err(error) => {
            found.push(Finding::fail("database.version", error.to_string(), "see the log of the server"));
        }
    }
    found
}

fn version(server: &Server) -> Finding {
    let id = "database.version";
    let found = format!("PostgreSQL {}", server.version);
    if server.version_number / 10_000 < OLDEST {
        Finding::fail(id, found, format!("upgrade the server to {OLDEST} or newer"))
    } else {
        Finding::pass(id, found)
    }
}

fn role(server: &Server) -> Finding {
    let id = "database.role";
    if server.is_superuser {
        let fix = "CREATE ROLE inspection LOGIN PASSWORD '…'; make it the owner of the database, and put it into DATABASE_URL";
        Finding::fail(id, format!("{} is a superuser", server.role), fix)
    } else {
        Finding::pass(id, format!("{} is not a superuser", server.role))
    }
}

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// On this machine.
    Here,
    /// Next to it: a name without a domain, as in a network of containers.
    Near,
    /// Somewhere else.
    Remote,
}

fn host(url: &str) -> Place {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let host = match place.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => place.split(':').next().unwrap_or_default(),
    };
    let is_local =
        matches!(host, "" | "localhost" | "::1") || host.starts_with("127.") || host.starts_with('%');
    // A query can name the host, too.
    let named = rest.split_once('?').is_some_and(|(_, query)| {
        query.split('&').any(|part| {
            part.starts_with("host=") && !part.starts_with("host=/") && !part.starts_with("host=%2")
        })
    });
    match (is_local, named) {
        (_, true) => Place::Remote,
        (true, false) => Place::Here,
        (false, false) if host.contains(['.', ':']) => Place::Remote,
        (false, false) => Place::Near,
    }
}

fn tls(server: &Server, place: Place) -> Finding {
    let id = "database.tls";
    let fix = "add ?sslmode=require (or verify-full, with sslrootcert) to DATABASE_URL";
    match (server.is_encrypted, place) {
        (true, _) => Finding::pass(id, "the connection is encrypted"),
        (false, Place::Here) => Finding::not_applicable(id, "the database is on this machine"),
        (false, Place::Near) => {
            Finding::warning(id, "the connection to a neighbouring host is not encrypted", fix)
        }
        (false, Place::Remote) => {
            Finding::fail(id, "the connection to another machine is not encrypted", fix)
        }
    }
}

fn migrated(database: &Database) -> Finding {
    let id = "database.migrations";
    match migrations::status(database) {
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

/// Hours after which a daily backup is missing, with some for it to take.
const BACKUP_AGE: i64 = 26;

/// Days within which restoring a backup should have been tried.
const RESTORE_AGE: i64 = 31;

fn saved(folder: &Path, now: Instant) -> [Finding; 2] {
    let age = |at: Instant| (now.as_second() - at.as_second()).max(0) / 3600;
    let made =
        backups::newest(folder).map(|newest| newest.map(|newest| (age(newest.created_at), newest.name)));
    let tried = backups::newest_verified(folder)
        .map(|newest| newest.and_then(|newest| Some((age(newest.verified_at?), newest.name))));
    [backup(made), restore(tried)]
}

/// Hours and name of a backup.
type Aged = Result<Option<(i64, String)>>;

fn backup(newest: Aged) -> Finding {
    let id = "database.backup";
    let fix = "inspection-server backup create, and every day by docker/inspection-backup.timer";
    match newest {
        Ok(Some((hours, name))) if hours <= BACKUP_AGE => {
            Finding::pass(id, format!("{name} is {hours} h old"))
        }
        Ok(Some((hours, name))) => Finding::fail(id, format!("the newest, {name}, is {hours} h old"), fix),
        Ok(None) => Finding::fail(id, "there is no backup", fix),
        Err(error) => Finding::fail(id, format!("{error:#}"), fix),
    }
}

fn restore(newest: Aged) -> Finding {
    let id = "database.restore";
    let fix = "inspection-server backup verify, and every week by docker/inspection-backup-verify.timer";
    match newest {
        Ok(Some((hours, name))) if hours <= RESTORE_AGE * 24 => {
            Finding::pass(id, format!("{name} was put back {} days ago, and was whole", hours / 24))
        }
        Ok(Some((hours, _))) => Finding::warning(id, format!("it was tried {} days ago", hours / 24), fix),
        Ok(None) => Finding::fail(id, "no backup has ever been put back", fix),
        Err(error) => Finding::fail(id, format!("{error:#}"), fix),
    }
}

fn pool(config: &Config, server: &Server) -> Finding {
    let id = "database.pool";
    let most = i64::from(config.db_pool_size.get()) + i64::from(config.db_max_overflow);
    let defaults = inspection_persistence::Settings::new(String::new());
    let found = format!(
        "{} connections and {} more at need, replaced after {} s, tested when taken; the server takes {}",
        config.db_pool_size, config.db_max_overflow, defaults.recycle_seconds, server.max_connections
    );
    if most > i64::from(server.max_connections) {
        Finding::fail(
            id,
            found,
            "lower DB_POOL_SIZE and DB_MAX_OVERFLOW, or raise max_connections of the server",
        )
    } else if most * 2 > i64::from(server.max_connections) || config.db_pool_size.get() < 5 {
        Finding::warning(
            id,
            found,
            "DB_POOL_SIZE=10 and DB_MAX_OVERFLOW=5 for each instance, within max_connections of the server",
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
        Finding::fail(id, found, "set both machines by NTP")
    } else {
        Finding::pass(id, found)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::findings::Verdict, *};

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

    fn config(pool: &'static str) -> Config {
        let environment = vec![("DB_POOL_SIZE".into(), pool.into())];
        Config::load(&crate::config::Sources { environment, ..Default::default() }).expect("valid")
    }

    #[test]
    fn an_old_server_a_mighty_role_and_an_open_line_are_found() {
        assert_eq!(version(&server()).verdict, Verdict::Pass);
        let old = version(&Server { version: "15.8".into(), version_number: 150_008, ..server() });
        assert!(old.verdict == Verdict::Fail && old.found.contains("15.8"));
        assert_eq!(role(&server()).verdict, Verdict::Pass);
        assert_eq!(role(&Server { is_superuser: true, ..server() }).verdict, Verdict::Fail);
        let open = || Server { is_encrypted: false, ..server() };
        assert_eq!(tls(&server(), Place::Remote).verdict, Verdict::Pass);
        assert_eq!(tls(&open(), Place::Remote).verdict, Verdict::Fail);
        assert!(tls(&open(), Place::Remote).fix.expect("a fix").contains("sslmode=require"));
        assert_eq!(tls(&open(), Place::Near).verdict, Verdict::Warning);
        assert_eq!(tls(&open(), Place::Here).verdict, Verdict::NotApplicable);
    }

    #[test]
    fn hosts_are_told_apart() {
        for (url, place) in [
            ("postgres://a:b@localhost/x", Place::Here),
            ("postgres://a@127.0.0.1:5433/x", Place::Here),
            ("postgres://a@[::1]:5433/x", Place::Here),
            ("postgres:///x?host=/run/postgresql", Place::Here),
            ("postgres://a@%2Frun%2Fpostgresql/x", Place::Here),
            ("postgres:///x", Place::Here),
            ("postgres://a:b@postgres:5432/x", Place::Near),
            ("postgres://a:b%40c@db.example.com/x", Place::Remote),
            ("postgres://a@10.1.2.3/x", Place::Remote),
            ("postgres://a@[2001:db8::1]/x", Place::Remote),
            ("postgres:///x?host=db.example.com", Place::Remote),
        ] {
            assert_eq!(host(url), place, "{url}");
        }
    }

    #[test]
    fn backups_must_be_there_young_and_tried() {
        let aged = |hours: i64| Ok(Some((hours, "2026-11-25T140000Z-1a2b".to_owned())));
        for (aged, verdict) in
            [(aged(26), Verdict::Pass), (aged(27), Verdict::Fail), (Ok(None), Verdict::Fail)]
        {
            assert_eq!(backup(aged).verdict, verdict);
        }
        for (aged, verdict) in
            [(aged(31 * 24), Verdict::Pass), (aged(32 * 24), Verdict::Warning), (Ok(None), Verdict::Fail)]
        {
            assert_eq!(restore(aged).verdict, verdict);
        }
        let none = saved(Path::new("/nowhere/at/all"), server().now);
        assert!(
            none[0].found == "there is no backup" && none[1].found == "no backup has ever been put back",
            "{none:?}"
        );
    }

    #[test]
    fn pools_must_fit_into_the_server_and_clocks_agree() {
        assert_eq!(pool(&config("10"), &server()).verdict, Verdict::Pass);
        assert_eq!(pool(&config("2"), &server()).verdict, Verdict::Warning);
        assert_eq!(pool(&config("60"), &server()).verdict, Verdict::Warning);
        assert_eq!(pool(&config("200"), &server()).verdict, Verdict::Fail);
        assert!(pool(&config("10"), &server()).found.contains("replaced after 3600 s"));
        assert_eq!(clock(&server(), server().now.plus_seconds(5)).verdict, Verdict::Pass);
        assert_eq!(clock(&server(), server().now.plus_seconds(-6)).verdict, Verdict::Fail);
    }
}

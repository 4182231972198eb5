//! Accounts that shouldn't be there, and whether tokens that are ended are refused.

use inspection_auth::{
    passwords,
    tokens::{TokenType, Tokens},
};
use inspection_domain::{
    sessions::Session,
    users::{Password, User},
};
use inspection_persistence::{Context, Database, sessions, users};
use secrecy::ExposeSecret;

use super::{super::seed, Finding};
use crate::{config::Config, wire};

pub(super) fn look(config: &Config, database: &Database) -> Vec<Finding> {
    let context = wire::context(config);
    let people =
        match database.read(|conn| Ok((users::admins(conn)?, users::active_under(conn, seed::DOMAIN)?))) {
            Ok(people) => people,
            Err(error) => {
                return vec![Finding::fail(
                    "security.accounts",
                    error.to_string(),
                    "see the log of the database",
                )];
            }
        };
    let (admins, invented) = people;
    let admins: Vec<User> = admins.into_iter().filter(|admin| admin.is_active).collect();
    vec![accounts(config, database, &admins, invented), blocklist(config, database, &context, admins.first())]
}

/// Passwords that are in this program or in the configuration.
fn known_passwords(config: &Config) -> Vec<(&'static str, Password)> {
    let first = config
        .admin_password
        .as_ref()
        .map(|password| ("ADMIN_PASSWORD", Password::new(password.expose_secret())));
    std::iter::once(("that of the invented site", Password::new(seed::PASSWORD))).chain(first).collect()
}

fn accounts(config: &Config, database: &Database, admins: &[User], invented: i64) -> Finding {
    let id = "security.accounts";
    if invented > 0 {
        let fix = "begin with an empty database: an invented site is no production";
        return Finding::fail(id, format!("{invented} accounts of the invented site are active"), fix);
    }
    if admins.is_empty() {
        let fix = "inspection-server admin create --email E --name N";
        return Finding::warning(id, "nobody can sign in as an admin", fix);
    }
    let known = known_passwords(config);
    for admin in admins {
        let hash = database.read(|conn| sessions::find_account(conn, &admin.email)).ok().flatten();
        let Some(hash) = hash.map(|account| account.password_hash) else { continue };
        if let Some((which, _)) = known.iter().find(|(_, password)| passwords::verify(password, Some(&hash)))
        {
            let fix = "inspection-server admin reset-password --email E, and remove ADMIN_PASSWORD";
            return Finding::fail(
                id,
                format!("{} has a password that others know: {which}", admin.role_id),
                fix,
            );
        }
    }
    Finding::pass(id, format!("{} admins, no invented accounts, no known passwords", admins.len()))
}

/// Makes a token of an admin, ends it and tries it; nothing of that stays.
fn blocklist(config: &Config, database: &Database, context: &Context, admin: Option<&User>) -> Finding {
    let id = "security.blocklist";
    let Some(admin) = admin else {
        return Finding::not_applicable(id, "nobody is there whose token could be tried");
    };
    let tokens = Tokens::new(&config.jwt_secret_key, 60, 60);
    let tried =
        database.read(|conn| sessions::find_account(conn, &admin.email)).ok().flatten().and_then(|account| {
            let session =
                Session { user_id: admin.id, token_id: context.ids.unique(), generation: account.generation };
            let now = context.clock.now();
            let text = tokens.issue(TokenType::Access, &session, now)?;
            let token = tokens.read(&text, TokenType::Access, now).ok()?;
            sessions::try_ending(database, context, &account.user, &token.session, token.expires_at).ok()
        });
    match tried {
        Some((true, false)) => Finding::pass(id, "a token was good, was ended, and was refused"),
        other => {
            let found = format!("a token that was ended is not refused, or a good one is: {other:?}");
            Finding::fail(id, found, "see the log of the database; `migrate status`")
        }
    }
}

//! Accounts with known passwords, and the end of sessions.

use inspection_auth::{
    passwords,
    tokens::{TokenType, Tokens},
};
use inspection_domain::users::User;
use inspection_persistence::{Database, sessions, users};
use secrecy::SecretString;

use super::deployment::Deployment;
use crate::Finding;

pub(super) fn findings(deployment: &Deployment, database: &Database) -> Vec<Finding> {
    let domain = deployment.demo_domain;
    let people = database.read(|conn| Ok((users::admins(conn)?, users::active_under(conn, domain)?)));
    match people {
        Ok((admins, demo)) => {
            let admins: Vec<User> = admins.into_iter().filter(|admin| admin.is_active).collect();
            let accounts = accounts(deployment, database, &admins, demo);
            vec![accounts, blocklist(deployment, database, admins.first())]
        }
        Err(error) => {
            vec![Finding::fail("security.accounts", error.to_string(), "read the log of the database")]
        }
    }
}

fn accounts(deployment: &Deployment, database: &Database, admins: &[User], demo: i64) -> Finding {
    let id = "security.accounts";
    if demo > 0 {
        let fix = "start with an empty database: production must not contain the demo site";
        return Finding::fail(id, format!("{demo} accounts of the demo site are active"), fix);
    }
    if admins.is_empty() {
        let fix = "inspection-server admin create --email E --name N";
        return Finding::warning(id, "no admin can sign in", fix);
    }
    let known = &deployment.known_passwords;
    for admin in admins {
        let hash = database.read(|conn| sessions::find_account(conn, &admin.email)).ok().flatten();
        let Some(hash) = hash.map(|account| account.password_hash) else { continue };
        if let Some(known) = known.iter().find(|known| passwords::verify(&known.password, Some(&hash))) {
            let fix = "inspection-server admin reset-password --email E, and remove ADMIN_PASSWORD";
            let found = format!("{} has a known password: {}", admin.role_id, known.origin);
            return Finding::fail(id, found, fix);
        }
    }
    Finding::pass(id, format!("{} admins, no demo accounts, no known passwords", admins.len()))
}

/// Issues a token of an admin, ends its session and uses it, in a transaction that is rolled back.
fn blocklist(deployment: &Deployment, database: &Database, admin: Option<&User>) -> Finding {
    let id = "security.blocklist";
    let Some(admin) = admin else {
        return Finding::not_applicable(id, "there is no admin whose token could be tried");
    };
    let context = &deployment.context;
    let key = SecretString::from(context.ids.unique());
    let tokens = Tokens::new(&key, 60, 60);
    let account = database.read(|conn| sessions::find_account(conn, &admin.email)).ok().flatten();
    let tried = account.and_then(|account| {
        let ended = sessions::try_ending(database, context, &account, |session| {
            let now = context.clock.now();
            let text = tokens.issue(TokenType::Access, session, now)?;
            Some(tokens.read(&text, TokenType::Access, now).ok()?.session)
        });
        ended.ok()
    });
    match tried {
        Some((true, false)) => {
            Finding::pass(id, "a token was accepted, and refused after the end of its session")
        }
        other => {
            let found = format!("the token of an ended session is not refused, or a valid one is: {other:?}");
            Finding::fail(id, found, "read the log of the database; run `migrate status`")
        }
    }
}

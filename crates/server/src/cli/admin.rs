//! `admin`: the accounts an operator needs to get in.

use std::io::BufRead;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use inspection_auth::passwords;
use inspection_domain::{
    ids::Ids,
    input::Input,
    users::{NewUser, Password, User},
};
use inspection_persistence::{Context, Database, Origin, sessions, users};

use super::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make an admin.
    Create {
        /// Address to sign in with.
        #[arg(long)]
        email: String,
        /// Name.
        #[arg(long)]
        name: String,
        /// Read the password from stdin instead of making one up.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give somebody a new password and end their sessions.
    ResetPassword {
        /// Address they sign in with.
        #[arg(long)]
        email: String,
        /// Read the password from stdin instead of making one up.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the admins.
    List,
}

pub(super) fn run(action: Action, database: &Database, context: &Context) -> Result<()> {
    match action {
        Action::Create { email, name, password_stdin } => {
            let chosen = Chosen::new(password_stdin, context)?;
            let admin = create(database, context, &email, &name, &chosen.password)?;
            say(format!("made admin {} {} <{}>", admin.role_id, admin.full_name, admin.email))?;
            chosen.say()
        }
        Action::ResetPassword { email, password_stdin } => {
            let chosen = Chosen::new(password_stdin, context)?;
            let user = reset_password(database, context, &email, &chosen.password)?;
            say(format!("{} <{}> has a new password; all sessions have ended", user.full_name, user.email))?;
            chosen.say()
        }
        Action::List => list(database),
    }
}

/// A new password, and whether it has to be told.
struct Chosen {
    password: Password,
    made_up: bool,
}

impl Chosen {
    fn new(from_stdin: bool, context: &Context) -> Result<Self> {
        let password =
            if from_stdin { password_from_stdin()? } else { random_password(context.ids.as_ref()) };
        Ok(Self { password, made_up: !from_stdin })
    }

    fn say(&self) -> Result<()> {
        if self.made_up {
            say(format!("password, shown this once: {}", self.password.expose()))?;
        }
        Ok(())
    }
}

/// The password on stdin.
pub(super) fn password_from_stdin() -> Result<Password> {
    read_password(std::io::stdin().lock())
}

/// The first line, without its end.
fn read_password(mut from: impl BufRead) -> Result<Password> {
    let mut line = String::new();
    from.read_line(&mut line).context("can't read the password from stdin")?;
    let password = line.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty(), "no password on stdin");
    Ok(Password::new(password))
}

/// Eighty random bits in groups that can be read out, without characters that look alike.
pub(super) fn random_password(ids: &dyn Ids) -> Password {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut text = String::new();
    for (n, byte) in ids.random().into_iter().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push('-');
        }
        text.extend(LETTERS.get(usize::from(byte) % LETTERS.len()).copied().map(char::from));
    }
    Password::new(text)
}

/// Makes an admin.
pub(super) fn create(
    database: &Database,
    context: &Context,
    email: &str,
    name: &str,
    password: &Password,
) -> Result<User> {
    let new = NewUser::from_json(serde_json::json!({
        "email": email, "full_name": name, "password": password.expose(), "role": "admin",
    }))?;
    // Before the slow part; the unit of work checks again.
    password.check(new.email.as_str()).map_err(|wrong| wrong.at("password"))?;
    let hash = passwords::hash(password, context.ids.random())?;
    Ok(database.write(context, Origin::default(), |tx| users::create(tx, new, &hash))?)
}

fn reset_password(database: &Database, context: &Context, email: &str, password: &Password) -> Result<User> {
    let account = database.read(|conn| sessions::find_account(conn, email))?;
    let account = account.with_context(|| format!("there is no account of {email}"))?;
    let hash = passwords::hash(password, context.ids.random())?;
    Ok(database.write(context, Origin::default(), |tx| {
        users::reset_password(tx, account.user.id, password, &hash)
    })?)
}

fn list(database: &Database) -> Result<()> {
    let heading = ["badge", "name", "e-mail", "active", "since"].map(String::from).to_vec();
    let admins = database.read(users::admins)?;
    if admins.is_empty() {
        say("there is no admin; make one with `inspection-server admin create --email E --name N`")?;
        return Ok(());
    }
    let lines = admins.into_iter().map(|admin| {
        let active = if admin.is_active { "yes" } else { "no" };
        vec![admin.role_id, admin.full_name, admin.email, active.to_owned(), admin.created_at.to_string()]
    });
    Ok(say(table(&std::iter::once(heading).chain(lines).collect::<Vec<_>>()))?)
}

#[cfg(test)]
mod tests {
    use inspection_persistence::migrations;

    use super::*;
    use crate::{cli::testing::scratch, system::SystemIds};

    #[test]
    fn made_up_passwords_differ_and_keep_the_rules() {
        let [one, other] = [random_password(&SystemIds), random_password(&SystemIds)];
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 19);
        one.check("admin@example.com").expect("fine");
    }

    #[test]
    fn a_password_on_stdin_ends_with_its_line() {
        let read = |text: &str| read_password(text.as_bytes()).map(|password| password.expose().to_owned());
        assert_eq!(read("correct horse \r\nmore").expect("read"), "correct horse ");
        assert!(read("\n").is_err() && read("").is_err());
    }

    #[test]
    fn an_admin_is_made_once_and_gets_another_password() {
        let (_folder, database, context) = scratch();
        migrations::up(&database).expect("migrated");
        let make = |password: &str| {
            let password = Password::new(password);
            create(&database, &context, "Boss@Example.com", "The boss", &password)
                .map_err(|error| error.to_string())
        };
        assert!(make("short").expect_err("refused").contains("8 to 128"));
        let admin = make("a long enough one").expect("made");
        assert!(admin.is_active_admin());
        assert!(make("a long enough one").expect_err("refused").contains("in use"));

        let next = Password::new("another long one");
        reset_password(&database, &context, "boss@example.com", &next).expect("reset");
        let account = database.read(|conn| sessions::find_account(conn, "boss@example.com")).expect("read");
        let account = account.expect("there");
        assert!(passwords::verify(&next, Some(&account.password_hash)));
        assert_eq!(account.generation, 1, "sessions ended");
        assert!(reset_password(&database, &context, "nobody@example.com", &next).is_err());
        list(&database).expect("listed");
    }
}

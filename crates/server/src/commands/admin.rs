//! `admin`: creates and lists admins, and resets passwords.

use std::io::BufRead;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use inspection_domain::users::Password;
use inspection_operations::accounts;
use inspection_persistence::{Context, Database, users};

use super::output::{say, table};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Create an admin.
    Create {
        /// E-mail address to sign in with.
        #[arg(long)]
        email: String,
        /// Full name.
        #[arg(long)]
        name: String,
        /// Read the password from stdin instead of generating one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a new password for an account and end its sessions.
    ResetPassword {
        /// E-mail address of the account.
        #[arg(long)]
        email: String,
        /// Read the password from stdin instead of generating one.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the admins.
    List,
}

pub(super) fn run(action: Action, database: &Database, context: &Context) -> Result<()> {
    match action {
        Action::Create { email, name, password_stdin } => {
            let chosen = ChosenPassword::new(password_stdin, context)?;
            let admin = accounts::create_admin(database, context, &email, &name, &chosen.password)?;
            say(format!("created admin {} {} <{}>", admin.role_id, admin.full_name, admin.email))?;
            chosen.say()
        }
        Action::ResetPassword { email, password_stdin } => {
            let chosen = ChosenPassword::new(password_stdin, context)?;
            let user = accounts::reset_password(database, context, &email, &chosen.password)?;
            say(format!("{} <{}> has a new password; all sessions have ended", user.full_name, user.email))?;
            chosen.say()
        }
        Action::List => list(database),
    }
}

/// A new password.
struct ChosenPassword {
    password: Password,
    is_generated: bool,
}

impl ChosenPassword {
    fn new(from_stdin: bool, context: &Context) -> Result<Self> {
        let password =
            if from_stdin { password_from_stdin()? } else { accounts::random_password(context.ids.as_ref()) };
        Ok(Self { password, is_generated: !from_stdin })
    }

    /// Prints a generated password.
    fn say(&self) -> Result<()> {
        if self.is_generated {
            say(format!("password, shown only once: {}", self.password.expose()))?;
        }
        Ok(())
    }
}

/// Reads the password from stdin.
pub(super) fn password_from_stdin() -> Result<Password> {
    read_password(std::io::stdin().lock())
}

/// Reads the first line without its line break.
fn read_password(mut from: impl BufRead) -> Result<Password> {
    let mut line = String::new();
    from.read_line(&mut line).context("can't read the password from stdin")?;
    let password = line.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty(), "no password on stdin");
    Ok(Password::new(password))
}

fn list(database: &Database) -> Result<()> {
    let heading = ["badge", "name", "e-mail", "active", "since"].map(String::from).to_vec();
    let admins = database.read(users::admins)?;
    if admins.is_empty() {
        say("there is no admin; create one with `inspection-server admin create --email E --name N`")?;
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
    use super::*;

    #[test]
    fn a_password_on_stdin_ends_with_its_line() {
        let read = |text: &str| read_password(text.as_bytes()).map(|password| password.expose().to_owned());
        assert_eq!(read("correct horse \r\nmore").expect("read"), "correct horse ");
        assert!(read("\n").is_err() && read("").is_err());
    }
}

//! Accounts that an operator needs: admins, and new passwords.

use inspection_auth::passwords;
use inspection_domain::{
    ids::Ids,
    input::Input,
    users::{NewUser, Password, User},
};
use inspection_persistence::{Context, Database, Origin, sessions, users};

use crate::{Result, error::Context as _};

/// A password of eighty random bits, in groups that can be read out, without ambiguous characters.
pub fn random_password(ids: &dyn Ids) -> Password {
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

/// Creates an admin.
pub fn create_admin(
    database: &Database,
    context: &Context,
    email: &str,
    name: &str,
    password: &Password,
) -> Result<User> {
    let new = NewUser::from_json(serde_json::json!({
        "email": email, "full_name": name, "password": password.expose(), "role": "admin",
    }))?;
    // Checked before the slow hash; the unit of work checks again.
    password.validate(new.email.as_str(), &[name]).map_err(|wrong| wrong.at("password"))?;
    let hash = passwords::hash(password, context.ids.random())?;
    Ok(database.write(context, Origin::default(), |tx| users::create(tx, new, &hash))?)
}

/// Sets a new password and ends all sessions of the account.
pub fn reset_password(
    database: &Database,
    context: &Context,
    email: &str,
    password: &Password,
) -> Result<User> {
    let account = database.read(|conn| sessions::find_account(conn, email))?;
    let account = account.with_context(|| format!("there is no account of {email}"))?;
    let hash = passwords::hash(password, context.ids.random())?;
    Ok(database.write(context, Origin::default(), |tx| {
        users::reset_password(tx, account.user.id, password, &hash)
    })?)
}

#[cfg(test)]
mod tests {
    use inspection_testkit::{DatabaseKind, TestDatabase};

    use super::*;

    /// The bytes of a real source: those of the context count up.
    struct Unpredictable;

    impl Ids for Unpredictable {
        fn unique(&self) -> String {
            "1".into()
        }

        fn random(&self) -> [u8; 16] {
            [151, 22, 240, 7, 93, 64, 188, 201, 35, 119, 250, 81, 142, 6, 77, 213]
        }
    }

    #[test]
    fn random_passwords_differ_and_satisfy_the_rules() {
        let (context, _) = inspection_testkit::context::context();
        let [one, other] = [(); 2].map(|()| random_password(context.ids.as_ref()));
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 19);
        random_password(&Unpredictable).validate("admin@example.com", &["Admin"]).expect("valid");
    }

    #[test]
    fn an_admin_is_created_once_and_gets_another_password() {
        let test = TestDatabase::new(DatabaseKind::Sqlite).expect("SQLite");
        let (database, (context, _)) = (test.database.clone(), inspection_testkit::context::context());
        let create = |password: &str| {
            let password = Password::new(password);
            create_admin(&database, &context, "Boss@Example.com", "The boss", &password)
                .map_err(|error| error.to_string())
        };
        assert!(create("short").expect_err("refused").contains("8 to 128"));
        let admin = create("a long enough one").expect("created");
        assert!(admin.is_active && admin.is_admin());
        assert!(create("a long enough one").expect_err("refused").contains("in use"));

        let next = Password::new("another long one");
        reset_password(&database, &context, "boss@example.com", &next).expect("reset");
        let account = database.read(|conn| sessions::find_account(conn, "boss@example.com")).expect("read");
        let account = account.expect("the account");
        assert!(passwords::verify(&next, Some(&account.password_hash)));
        assert!(reset_password(&database, &context, "nobody@example.com", &next).is_err());
    }
}

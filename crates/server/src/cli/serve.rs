//! `serve`: the service, and what a first start does.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::{Result, bail};
use inspection_domain::{rule::Code, users::Password};
use inspection_http::Stopper;
use inspection_persistence::{Context, Database, migrations, users};
use secrecy::ExposeSecret;

use super::{admin, files, say};
use crate::{
    config::{Config, Profile},
    wire,
};

/// The admin of a fresh database in development.
const FIRST_ADMIN: &str = "admin@example.com";

#[derive(Debug, Default, clap::Args)]
pub(super) struct Args {
    /// Apply pending migrations first.
    #[arg(long)]
    pub(super) migrate: bool,
}

pub(super) fn run(args: &Args, config: &Config) -> Result<()> {
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let context = wire::context(config);
    let first = {
        let database = wire::one_connection(config)?;
        migrate(&database, args.migrate || config.auto_migrate)?;
        first_admin(config, &database, &context)?
    };
    let database = wire::database(config)?;
    let socket = wire::listen(config)?;
    let address = socket.address;
    tracing::info!(%address, profile = config.app_env.as_str(), postgres = database.is_postgres(), "listening");
    if config.app_env == Profile::Development {
        say(welcome(address, first.as_ref()))?;
    }
    let storage = wire::storage(config)?;
    let whole = Whole::default();
    files::tidy_now_and_then(
        database.clone(),
        storage.clone(),
        Arc::clone(&context.clock),
        whole.part("tidying up"),
    );
    let _hearing = database.is_postgres().then(|| database.listen(whole.part("hearing others")));
    let background = wire::background(config, &database, &context, whole.part("the background"))?;
    let app = wire::app(config, database, context, storage, &socket);
    let served = wire::run(config, app, socket.listener, |stopper| whole.started(stopper));
    background.stop();
    served.and_then(|()| whole.into_result())
}

/// The parts of a process, of which none can do without the others: if one dies, all of it stops, and whoever looks after the process
/// starts a new one.
#[derive(Clone, Default)]
struct Whole(Arc<Mutex<Life>>);

#[derive(Default)]
struct Life {
    stopper: Option<Stopper>,
    dead: Option<&'static str>,
}

impl Whole {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What this part does when it dies.
    fn part(&self, name: &'static str) -> impl FnOnce() + Send + 'static {
        let whole = self.clone();
        move || {
            tracing::error!(part = name, "a part of the service has died; all of it stops");
            let mut life = whole.life();
            life.dead = Some(name);
            if let Some(stopper) = &life.stopper {
                stopper.stop();
            }
        }
    }

    fn started(&self, stopper: Stopper) {
        let mut life = self.life();
        if life.dead.is_some() {
            stopper.stop();
        }
        life.stopper = Some(stopper);
    }

    fn into_result(self) -> Result<()> {
        match self.life().dead {
            Some(part) => bail!("{part} has died"),
            None => Ok(()),
        }
    }
}

fn migrate(database: &Database, apply: bool) -> Result<()> {
    if !migrations::is_pending(database)? {
        return Ok(());
    }
    if !apply {
        bail!(
            "the database is not up to date; run `inspection-server migrate up` first, \
             or start with --migrate or AUTO_MIGRATE=true"
        );
    }
    for name in migrations::up(database)? {
        tracing::info!(name, "migration applied");
    }
    Ok(())
}

/// Sees to it that somebody can sign in. Returns the password that has to be told.
fn first_admin(config: &Config, database: &Database, context: &Context) -> Result<Option<Password>> {
    if !database.read(users::is_empty)? {
        return Ok(None);
    }
    if let (Some(email), Some(password)) = (&config.admin_email, &config.admin_password) {
        let password = Password::new(password.expose_secret());
        match admin::create(database, context, email.as_str(), "Administrator", &password) {
            Ok(admin) => tracing::info!(user = admin.id.get(), "made the first admin"),
            // Another instance started at the same time.
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error),
        }
        return Ok(None);
    }
    if config.app_env == Profile::Development {
        let password = admin::random_password(context.ids.as_ref());
        admin::create(database, context, FIRST_ADMIN, "Administrator", &password)?;
        return Ok(Some(password));
    }
    tracing::warn!("nobody can sign in yet; run `inspection-server admin create --email E --name N`");
    Ok(None)
}

fn is_duplicate(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<inspection_persistence::Error>();
    error.and_then(inspection_persistence::Error::code) == Some(Code::Duplicate)
}

fn welcome(address: SocketAddr, first: Option<&Password>) -> String {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let base = format!("http://{host}:{}", address.port());
    let admin = first.map_or_else(String::new, |password| {
        format!(
            "\nThe database was empty, so there is an admin now. This password is shown only once:\n\n  \
             EMAIL={FIRST_ADMIN}\n  PASSWORD={}\n",
            password.expose()
        )
    });
    format!(
        "Listening on {base}\n{admin}\nWhat to do next:\n  \
         look at the API and try it   {base}/docs\n  \
         fill in an invented site     inspection-server seed --demo\n  \
         stop                         Ctrl-C"
    )
}

#[cfg(test)]
mod tests {
    use inspection_persistence::sessions;

    use super::*;
    use crate::{cli::testing::scratch, config::Sources};

    fn config(pairs: &[(&str, &str)]) -> Config {
        let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Config::load(&Sources { environment, ..Sources::default() }).expect("valid")
    }

    const PRODUCTION: [(&str, &str); 4] = [
        ("APP_ENV", "production"),
        ("SECRET_KEY", "0123456789abcdef0123456789abcdef"),
        ("JWT_SECRET_KEY", "fedcba9876543210fedcba9876543210"),
        ("DATABASE_URL", "postgres://somewhere/db"),
    ];

    #[test]
    fn pending_migrations_are_applied_only_when_asked() {
        let (_folder, database, _) = scratch();
        let refused = migrate(&database, false).expect_err("refused").to_string();
        assert!(refused.contains("migrate up") && refused.contains("AUTO_MIGRATE"), "{refused}");
        migrate(&database, true).expect("applied");
        migrate(&database, false).expect("nothing pending");
    }

    #[test]
    fn development_makes_an_admin_once() {
        let (_folder, database, context) = scratch();
        migrate(&database, true).expect("migrated");
        let password = first_admin(&config(&[]), &database, &context).expect("made").expect("told");
        let account =
            database.read(|conn| sessions::find_account(conn, FIRST_ADMIN)).expect("read").expect("there");
        assert!(inspection_auth::passwords::verify(&password, Some(&account.password_hash)));
        assert!(first_admin(&config(&[]), &database, &context).expect("fine").is_none());
        let text = welcome("0.0.0.0:5000".parse().expect("address"), Some(&password));
        assert!(text.contains("http://127.0.0.1:5000/docs") && text.contains(password.expose()));
    }

    #[test]
    fn production_makes_only_the_admin_it_is_told_to() {
        let (_folder, database, context) = scratch();
        migrate(&database, true).expect("migrated");
        assert!(first_admin(&config(&PRODUCTION), &database, &context).expect("fine").is_none());
        assert!(database.read(users::is_empty).expect("read"));
        let given = [("ADMIN_EMAIL", "Chief@example.com"), ("ADMIN_PASSWORD", "of some length")];
        let told = config(&[&PRODUCTION[..], &given].concat());
        assert!(first_admin(&told, &database, &context).expect("fine").is_none(), "nothing to tell");
        let admins = database.read(users::admins).expect("read");
        assert_eq!(
            admins.iter().map(|admin| admin.email.as_str()).collect::<Vec<_>>(),
            ["chief@example.com"]
        );
        first_admin(&told, &database, &context).expect("again changes nothing");
    }
}

//! `serve`: runs the service, and prepares a first start.

use std::net::SocketAddr;

use anyhow::Result;
use inspection_domain::{rule::Code, users::Password};
use inspection_operations::{accounts, files};
use inspection_persistence::{Context, Database, users};
use secrecy::ExposeSecret;

use super::{database::migrate_or_refuse, output::say};
use crate::{
    config::{Config, Profile},
    supervisor::Supervisor,
    wire,
};

/// E-mail address of the first admin in development.
pub const FIRST_ADMIN: &str = "admin@example.com";

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
        migrate_or_refuse(&database, args.migrate || config.auto_migrate)?;
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
    let supervisor = Supervisor::default();
    files::remove_orphans_daily(
        database.clone(),
        storage.clone(),
        context.clone(),
        supervisor.on_exit("file reconciliation"),
    );
    let listens = database.is_postgres();
    let _listener = listens.then(|| database.listen(supervisor.on_exit("the notification listener")));
    let background =
        wire::background(config, &database, &context, supervisor.on_exit("the background workers"))?;
    let app = wire::app(config, database, context, storage, &socket)?;
    let served = wire::run(config, app, socket.listener, |stopper| supervisor.started(stopper));
    background.stop();
    served.and_then(|()| supervisor.into_result())
}

/// Creates the first admin of an empty database. Gives the password, if it was generated.
pub fn first_admin(config: &Config, database: &Database, context: &Context) -> Result<Option<Password>> {
    if !database.read(users::is_empty)? {
        return Ok(None);
    }
    if let (Some(email), Some(password)) = (&config.admin_email, &config.admin_password) {
        let password = Password::new(password.expose_secret());
        match accounts::create_admin(database, context, email.as_str(), "Administrator", &password) {
            Ok(admin) => tracing::info!(user = admin.id.get(), "created the first admin"),
            // Another instance started at the same time.
            Err(error) if is_duplicate(&error) => {}
            Err(error) => return Err(error.into()),
        }
        return Ok(None);
    }
    if config.app_env == Profile::Development {
        let password = accounts::random_password(context.ids.as_ref());
        accounts::create_admin(database, context, FIRST_ADMIN, "Administrator", &password)?;
        return Ok(Some(password));
    }
    tracing::warn!("there is no account yet; run `inspection-server admin create --email E --name N`");
    Ok(None)
}

fn is_duplicate(error: &inspection_operations::Error) -> bool {
    matches!(error, inspection_operations::Error::Database(error) if error.code() == Some(Code::Duplicate))
}

/// The text that development prints when it listens.
pub fn welcome(address: SocketAddr, first: Option<&Password>) -> String {
    let host = if address.ip().is_unspecified() { "127.0.0.1".to_owned() } else { address.ip().to_string() };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let base = format!("http://{host}:{}", address.port());
    let admin = first.map_or_else(String::new, |password| {
        format!(
            "\nThe database was empty, so an admin was created. The password is shown only once:\n\n  \
             EMAIL={FIRST_ADMIN}\n  PASSWORD={}\n",
            password.expose()
        )
    });
    format!(
        "Listening on {base}\n{admin}\nNext steps:\n  \
         browse and try the API       {base}/docs\n  \
         generate a demo site         inspection-server seed --demo\n  \
         stop                         Ctrl-C"
    )
}

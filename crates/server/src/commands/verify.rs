//! `verify`: whether a deployment meets the requirements, tested over HTTP.

use std::path::PathBuf;

use anyhow::{Result, bail};
use inspection_domain::users::Password;
use inspection_operations::verify::{self, Credentials, DeploymentUrl, Settings};

use super::{admin, findings, output::progress};
use crate::system::SystemIds;

/// Variable with the password of `--email`.
const PASSWORD: &str = "VERIFY_PASSWORD";

/// Variable with the password of `--user-email`.
const USER_PASSWORD: &str = "VERIFY_USER_PASSWORD";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the deployment, such as https://inspections.example.com.
    #[arg(long, value_parser = DeploymentUrl::parse)]
    url: DeploymentUrl,
    /// Admin to sign in as; the password is in VERIFY_PASSWORD, or read with --password-stdin.
    #[arg(long)]
    email: Option<String>,
    /// Read the admin's password from stdin.
    #[arg(long, requires = "email")]
    password_stdin: bool,
    /// Account that isn't an admin, with its password in VERIFY_USER_PASSWORD; by default one is
    /// created, and deactivated at the end.
    #[arg(long, requires = "email")]
    user_email: Option<String>,
    /// Certificates in PEM format to trust instead of those of this machine.
    #[arg(long, value_name = "FILE")]
    ca_certificate: Option<PathBuf>,
    /// Port at which plain HTTP must redirect to HTTPS.
    #[arg(long, default_value_t = 80, value_name = "PORT")]
    http_port: u16,
    /// Skip the rate limit of sign-ins; testing it blocks sign-ins of this address for a minute.
    #[arg(long)]
    skip_rate_limit: bool,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<()> {
    let admin = match args.email {
        Some(email) => {
            let password =
                if args.password_stdin { admin::password_from_stdin()? } else { password_in(PASSWORD)? };
            Some(Credentials { email, password })
        }
        None => None,
    };
    let user =
        args.user_email.map(|email| anyhow::Ok(Credentials { email, password: password_in(USER_PASSWORD)? }));
    let user = user.transpose()?;
    let settings = Settings {
        url: args.url,
        admin,
        user,
        ca_certificate: args.ca_certificate,
        http_port: args.http_port,
        skip_rate_limit: args.skip_rate_limit,
    };
    let progress = progress(None, "{spinner} {msg}");
    let findings = verify::run(settings, &SystemIds, &|step| progress.set_message(step.to_owned()));
    progress.finish_and_clear();
    findings::print(findings?, args.json)
}

#[expect(clippy::disallowed_methods, reason = "this command runs on machines without a configuration")]
fn password_in(variable: &str) -> Result<Password> {
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Password::new(&password)),
        _ => bail!("no password: set {variable}"),
    }
}

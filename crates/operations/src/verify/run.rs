//! A run: its settings, its client, and the resources that it created.

use std::{fmt, path::PathBuf};

use inspection_domain::{ids::Ids, users::Password};

use super::{
    client::{Client, DeploymentUrl, RequestError},
    result::{CheckResult, not_applicable},
};
use crate::Result;

/// The deployment, and the accounts to test it with.
#[derive(Clone)]
pub struct Settings {
    /// Address of the deployment.
    pub url: DeploymentUrl,
    /// An admin; without one, only the public surface is tested.
    pub admin: Option<Credentials>,
    /// An account that isn't an admin; created for the run if absent.
    pub user: Option<Credentials>,
    /// Certificates in PEM format to trust instead of those of this machine.
    pub ca_certificate: Option<PathBuf>,
    /// Port at which plain HTTP must redirect to HTTPS.
    pub http_port: u16,
    /// Whether to leave the rate limit of sign-ins alone. Testing it blocks sign-ins of this
    /// address for a minute.
    pub skip_rate_limit: bool,
}

/// An account.
#[derive(Clone)]
pub struct Credentials {
    /// E-mail address.
    pub email: String,
    /// Password.
    pub password: Password,
}

/// The tokens of a session.
#[derive(Clone)]
pub(super) struct Session {
    /// Access token.
    pub(super) access: String,
    /// Refresh token.
    pub(super) refresh: String,
}

/// A resource that a run created.
pub(super) enum Resource {
    Session(Session),
    User(i64),
    File(i64),
    Machine(i64),
    Checklist(i64),
    /// An inspection that isn't submitted.
    Draft(i64),
    /// A submitted inspection.
    Inspection(i64),
    Defect(i64),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(_) => f.write_str("a session"),
            Self::User(id) => write!(f, "account {id}"),
            Self::File(id) => write!(f, "file {id}"),
            Self::Machine(id) => write!(f, "machine {id}"),
            Self::Checklist(id) => write!(f, "checklist {id}"),
            Self::Draft(id) | Self::Inspection(id) => write!(f, "inspection {id}"),
            Self::Defect(id) => write!(f, "defect {id}"),
        }
    }
}

/// A run in progress.
pub(super) struct Run<'a> {
    pub(super) client: Client<'a>,
    pub(super) settings: Settings,
    pub(super) ids: &'a dyn Ids,
    /// Unique name of everything that the run creates.
    pub(super) name: String,
    /// The error of the first request.
    pub(super) lost: Option<RequestError>,
    /// The session of the admin.
    pub(super) admin: Option<Session>,
    /// Lifetime of the admin's access token, in seconds.
    pub(super) expires_in: Option<i64>,
    /// Resources to remove at the end.
    pub(super) resources: Vec<Resource>,
}

impl<'a> Run<'a> {
    pub(super) fn new(settings: Settings, ids: &'a dyn Ids, on_progress: &'a dyn Fn(&str)) -> Result<Self> {
        Ok(Self {
            client: Client::new(settings.url.clone(), settings.ca_certificate.as_deref(), on_progress)?,
            settings,
            name: format!("verify-{}", ids.unique()),
            ids,
            lost: None,
            admin: None,
            expires_in: None,
            resources: Vec::new(),
        })
    }

    /// The access token of the admin.
    pub(super) fn admin(&self) -> Result<String, CheckResult> {
        let session = self.admin.as_ref().ok_or_else(|| {
            not_applicable(match self.settings.admin {
                Some(_) => "the admin is not signed in: see verify.login",
                None => "requires an admin: pass --email",
            })
        })?;
        Ok(session.access.clone())
    }
}

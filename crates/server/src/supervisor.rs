//! The supervisor of the parts of a process: if one exits, the whole process stops, and the service
//! manager restarts it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};
use inspection_http::Stopper;

/// Stops the HTTP server when a part of the process exits.
#[derive(Clone, Default)]
pub(crate) struct Supervisor(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stopper: Option<Stopper>,
    exited: Option<&'static str>,
}

impl Supervisor {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The callback for the exit of a part.
    pub(crate) fn on_exit(&self, part: &'static str) -> impl FnOnce() + Send + 'static {
        let supervisor = self.clone();
        move || {
            tracing::error!(part, "a part of the service exited; stopping the process");
            let mut state = supervisor.state();
            state.exited = Some(part);
            if let Some(stopper) = &state.stopper {
                stopper.stop();
            }
        }
    }

    /// Registers the running server. Stops it at once if a part exited before.
    pub(crate) fn started(&self, stopper: Stopper) {
        let mut state = self.state();
        if state.exited.is_some() {
            stopper.stop();
        }
        state.stopper = Some(stopper);
    }

    /// An error if a part exited.
    pub(crate) fn into_result(self) -> Result<()> {
        match self.state().exited {
            Some(part) => bail!("{part} exited"),
            None => Ok(()),
        }
    }
}

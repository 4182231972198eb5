//! Decisions about limits that only a handler can ask for, because they depend on the body.

use std::sync::{Arc, OnceLock};

use actix_web::{HttpMessage, HttpRequest};

use super::limits::LimitDecision;

/// Decision of a handler, which the middleware adds to the response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decided(Arc<OnceLock<LimitDecision>>);

impl Decided {
    /// A decision that the handler of this request may make.
    pub(super) fn by_handler(request: &HttpRequest) -> Self {
        let decided = Self::default();
        request.extensions_mut().insert(decided.clone());
        decided
    }

    /// Records the decision. The first one counts.
    pub(super) fn set(&self, decision: LimitDecision) {
        let _ = self.0.set(decision);
    }

    /// The decision, if the handler has asked for one.
    pub(crate) fn get(&self) -> Option<LimitDecision> {
        self.0.get().copied()
    }
}

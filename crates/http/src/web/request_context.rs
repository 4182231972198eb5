//! Task-local context of the request being handled: its id, its user, its idempotency key and its
//! database statistics.

use std::cell::{Cell, RefCell};

use inspection_domain::{idempotency::IdempotencyKey, ids::UserId};
use inspection_persistence::QueryStats;

/// Facts about the request that become known while it is handled.
pub(crate) struct RequestContext {
    id: String,
    user: Cell<Option<UserId>>,
    stats: Cell<QueryStats>,
    keyed: RefCell<Option<Keyed>>,
}

/// Identity of a request that a client may send again.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    /// The key.
    pub(crate) key: IdempotencyKey,
    /// Method and path.
    pub(crate) operation: String,
    /// The body in a canonical form; empty until it is read, and without one.
    pub(crate) body: Vec<u8>,
}

tokio::task_local! {
    static CURRENT: RequestContext;
}

impl RequestContext {
    /// Request id, as the response and the log carry it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Subject of the access token; `None` for unauthenticated requests.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.user.get()
    }

    /// Statements sent to the database so far.
    pub(crate) fn stats(&self) -> QueryStats {
        self.stats.get()
    }
}

/// Runs `work` as the handling of the request with this id.
pub(crate) async fn scope<F: Future>(id: String, work: F) -> F::Output {
    let context =
        RequestContext { id, user: Cell::default(), stats: Cell::default(), keyed: RefCell::default() };
    CURRENT.scope(context, work).await
}

/// Reads the current context; `None` outside of a request.
pub(crate) fn with_current<T>(read: impl FnOnce(&RequestContext) -> T) -> Option<T> {
    CURRENT.try_with(read).ok()
}

/// Id of the current request.
pub(crate) fn current_id() -> Option<String> {
    with_current(|current| current.id.clone())
}

/// Records the subject of the request's access token.
pub(crate) fn set_user(user: UserId) {
    let _ = with_current(|current| current.user.set(Some(user)));
}

/// Adds database statistics to the current request.
pub(crate) fn add_query_stats(stats: QueryStats) {
    let _ = with_current(|current| current.stats.set(current.stats.get().plus(stats)));
}

/// Records the idempotency key of the current request.
pub(crate) fn set_key(key: IdempotencyKey, operation: String) {
    let keyed = Keyed { key, operation, body: Vec::new() };
    let _ = with_current(|current| current.keyed.replace(Some(keyed)));
}

/// Records the body of the current request if it has an idempotency key. `canonical` is the same
/// for bodies with the same content.
pub(crate) fn set_body(canonical: impl FnOnce() -> Vec<u8>) {
    let _ = with_current(|current| {
        if let Some(keyed) = current.keyed.borrow_mut().as_mut() {
            keyed.body = canonical();
        }
    });
}

/// The idempotency key of the current request, with what it stands for.
pub(crate) fn keyed() -> Option<Keyed> {
    with_current(|current| current.keyed.borrow().clone()).flatten()
}

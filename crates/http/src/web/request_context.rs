//! Task-local context of the request being handled: its id, its user and its database statistics.

use std::cell::Cell;

use inspection_domain::ids::UserId;
use inspection_persistence::QueryStats;

/// Facts about the request that become known while it is handled.
pub(crate) struct RequestContext {
    id: String,
    user: Cell<Option<UserId>>,
    stats: Cell<QueryStats>,
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
    let context = RequestContext { id, user: Cell::default(), stats: Cell::default() };
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

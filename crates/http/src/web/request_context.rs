//! Task-local context of the request being handled: its id, its user, its reader, its idempotency
//! key and its database statistics.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, OnceLock},
};

use inspection_domain::{idempotency::IdempotencyKey, ids::UserId, text::Language, users::User};
use inspection_persistence::QueryStats;

use super::prefix::Prefix;

/// Facts about the request that become known while it is handled.
pub(crate) struct RequestContext {
    id: String,
    reader: Reader,
    user: Cell<Option<UserId>>,
    stats: Cell<QueryStats>,
    keyed: RefCell<Option<Keyed>>,
}

/// The reader of the response. Clones share what is known of the user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reader {
    /// Language that the client prefers.
    preferred: Option<Language>,
    /// Prefix of links.
    pub(crate) prefix: Prefix,
    /// The configured address of the service.
    app_url: Option<String>,
    /// Language of the user, once the request is authorized.
    own: Arc<OnceLock<Language>>,
}

impl Reader {
    /// The reader of the response to a client that prefers this language and reaches the service
    /// under this prefix. The address of the service may be configured.
    pub(crate) fn new(preferred: Option<Language>, prefix: Prefix, app_url: Option<String>) -> Self {
        Self { preferred, prefix, app_url, own: Arc::default() }
    }

    /// Address of a page of the service: complete if that of the service is configured, else its
    /// path.
    pub(crate) fn address(&self, path: &str) -> String {
        self.app_url.as_ref().map_or_else(|| self.prefix.path(path), |url| format!("{url}{path}"))
    }

    /// Language of the response to this user.
    pub(crate) fn language_of(&self, user: &User) -> Language {
        let _ = self.own.set(user.language);
        Language::negotiate(self.preferred, Some(user.language))
    }

    fn language(&self) -> Language {
        Language::negotiate(self.preferred, self.own.get().copied())
    }
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
pub(crate) async fn scope<F: Future>(id: String, reader: Reader, work: F) -> F::Output {
    let context = RequestContext {
        id,
        reader,
        user: Cell::default(),
        stats: Cell::default(),
        keyed: RefCell::default(),
    };
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

/// The reader of the response.
pub(crate) fn reader() -> Reader {
    with_current(|current| current.reader.clone()).unwrap_or_default()
}

/// Language of the response, as far as it is known.
pub(crate) fn language() -> Language {
    reader().language()
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

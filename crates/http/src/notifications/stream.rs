//! The stream of the user's new notifications: server-sent events (SSE).

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::Payload,
    http::header::{self, HeaderName},
    web::Bytes,
};
use inspection_auth::permissions::SignedIn;
use inspection_domain::{input::Invalid, notifications::Notification, text::Language};
use inspection_persistence::notifications;

use super::{
    live::{LiveStreams, Subscription},
    view::NotificationView,
};
use crate::web::{
    app::App,
    extract::State,
    input::{Validate, parameter},
    openapi::{Describe, Operation},
    permit::Permit,
    problem::Problem,
    reply::Plain,
};

/// Backlog notifications read at once.
const BACKLOG_PAGE: u32 = 100;

/// Id of the last event that the client received: the `Last-Event-ID` header or, for clients that
/// cannot set headers, the query parameter `last_event_id`. Empty means none.
pub(super) struct LastEvent(Result<Option<i64>, Invalid>);

impl FromRequest for LastEvent {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let given = || {
            let header =
                request.headers().get("last-event-id").map(|id| id.to_str().unwrap_or("?").to_owned());
            let given = if header.is_some() { header } else { parameter(request, "last_event_id")? };
            let given = given.filter(|id| !id.trim().is_empty());
            let number = given.map(|id| {
                let number = id.trim().parse::<i64>().ok().filter(|number| *number >= 0);
                number.ok_or_else(|| {
                    Invalid::field("last_event_id", "must be the id of an event of this stream")
                })
            });
            Ok(Self(number.transpose()))
        };
        std::future::ready(given())
    }
}

impl Validate for LastEvent {
    type Out = Option<i64>;

    fn validate(self) -> Result<Option<i64>, Invalid> {
        self.0
    }
}

impl Describe for LastEvent {
    fn describe(operation: &mut Operation) {
        operation.header(
            "Last-Event-ID",
            "Id of the last event that the client received; the stream resumes after it.",
        );
        operation.query_parameter("last_event_id", "The same, for clients that can set no headers.");
    }
}

/// An open event stream as a response.
pub(super) struct EventStream(EventSource);

impl Responder for EventStream {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let chunks = futures_util::stream::unfold(self.0, |mut source| async move {
            let chunk = source.next().await?;
            Some((Ok::<_, Infallible>(chunk), source))
        });
        HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
            .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
            .streaming(chunks)
    }
}

impl Describe for EventStream {
    fn describe(operation: &mut Operation) {
        operation.events();
    }
}

/// Produces the chunks of one stream.
struct EventSource {
    app: App,
    permit: Permit<SignedIn>,
    subscription: Subscription,
    /// Id of the last event sent; initially the position at which the stream starts.
    last: i64,
    has_started: bool,
    /// Whether the backlog has been sent.
    is_caught_up: bool,
}

/// The wire format of an event. The JSON text contains no line breaks.
fn event(notification: Notification, language: Language) -> String {
    let id = notification.id;
    let data = serde_json::to_string(&NotificationView::new(notification, language)).unwrap_or_default();
    format!("id: {id}\nevent: notification\ndata: {data}\n\n")
}

impl EventSource {
    /// The next chunk. `None` ends the stream: the session has ended, the service is shutting down,
    /// or the client is too slow. The client may resume.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.has_started {
            self.has_started = true;
            return Some(Bytes::from_static(b"retry: 3000\n: notification stream\n\n"));
        }
        while !self.is_caught_up {
            let last = self.last;
            let backlog = self.app.read(self.permit.clone(), (), move |conn, caller, ()| {
                let backlog = notifications::after(conn, caller.user.id, last, BACKLOG_PAGE)?;
                Ok(Plain((backlog, caller.language)))
            });
            let Plain((backlog, language)) = backlog.await.ok()?;
            self.is_caught_up = backlog.len() < BACKLOG_PAGE as usize;
            if !backlog.is_empty() {
                return Some(self.events(backlog, language));
            }
        }
        loop {
            let mut new = VecDeque::new();
            match tokio::time::timeout(self.app.settings().heartbeat, self.subscription.notifications.recv())
                .await
            {
                Ok(Some(one)) => new.push_back(one),
                Ok(None) => return None,
                Err(_) => {
                    self.language().await?;
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
            while let Ok(one) = self.subscription.notifications.try_recv() {
                new.push_back(one);
            }
            // A range read while streams are opened may be dispatched more than once.
            let mut last = self.last;
            new.retain(|one| {
                let is_new = one.id.get() > last;
                last = last.max(one.id.get());
                is_new
            });
            if !new.is_empty() {
                let language = self.language().await?;
                let new = new.into_iter().map(Arc::unwrap_or_clone).collect();
                return Some(self.events(new, language));
            }
        }
    }

    fn events(&mut self, new: Vec<Notification>, language: Language) -> Bytes {
        self.last = new.last().map_or(self.last, |newest| newest.id.get());
        new.into_iter().map(|notification| event(notification, language)).collect::<String>().into()
    }

    /// The negotiated language; `None` if the session has ended.
    async fn language(&self) -> Option<Language> {
        if self.permit.token.expires_at <= self.app.now() {
            return None;
        }
        let language = self.app.read(self.permit.clone(), (), |_, caller, ()| Ok(Plain(caller.language)));
        language.await.ok().map(|Plain(language)| language)
    }
}

/// Opens a stream. Subscribes before reading the backlog, so that nothing committed in between is
/// missed.
pub(super) async fn stream(
    app: App,
    permit: Permit<SignedIn>,
    State(live): State<Arc<LiveStreams>>,
    last_event: LastEvent,
) -> Result<EventStream, Problem> {
    let (caller, last_event) = app.authorize(permit.clone(), last_event).await?;
    let subscription = live.open(caller.user.id).await?;
    let last = match last_event {
        Some(last) => last,
        None => app.read_internal(notifications::newest).await?,
    };
    Ok(EventStream(EventSource { app, permit, subscription, last, has_started: false, is_caught_up: false }))
}

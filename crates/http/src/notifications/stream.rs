//! A stream of one's new notifications: server-sent events.

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
    NotificationView,
    live::{LiveStreams, Subscription},
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

/// Notifications of one page of what was missed.
const PAGE: u32 = 100;

/// The last event that a client has got: `Last-Event-ID`, or, since some can't set headers, `last_event_id` in the query. Nothing, or an
/// empty one, stands for none.
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
            "The id of the last event the client has got: those after it follow, none of them twice.",
        );
    }
}

/// A stream that is open.
pub(super) struct Events(Feed);

impl Responder for Events {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let pieces = futures_util::stream::unfold(self.0, |mut feed| async move {
            let piece = feed.next().await?;
            Some((Ok::<_, Infallible>(piece), feed))
        });
        HttpResponse::Ok()
            .content_type("text/event-stream")
            .insert_header((header::CACHE_CONTROL, "no-cache, no-transform"))
            .insert_header((HeaderName::from_static("x-accel-buffering"), "no"))
            .streaming(pieces)
    }
}

impl Describe for Events {
    fn describe(operation: &mut Operation) {
        operation.events();
    }
}

struct Feed {
    app: App,
    permit: Permit<SignedIn>,
    subscription: Subscription,
    /// The last one that was sent, or that was there when the stream was opened.
    last: i64,
    is_begun: bool,
    /// Whether all that was missed has been sent.
    is_caught_up: bool,
}

/// An event as it is sent. Documents have no line breaks in them.
fn event(notification: Notification, language: Language) -> String {
    let id = notification.id;
    let data = serde_json::to_string(&NotificationView::new(notification, language)).unwrap_or_default();
    format!("id: {id}\nevent: notification\ndata: {data}\n\n")
}

impl Feed {
    /// What is to be sent next; nothing if the stream is over: the session has ended, the service is about to, or the client doesn't
    /// keep up. A client that still may resumes.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.is_begun {
            self.is_begun = true;
            return Some(Bytes::from_static(b"retry: 3000\n: this stream tells of notifications\n\n"));
        }
        while !self.is_caught_up {
            let last = self.last;
            let missed = self.app.read(self.permit.clone(), (), move |conn, caller, ()| {
                let missed = notifications::after(conn, caller.user.id, last, PAGE)?;
                Ok(Plain((missed, caller.language)))
            });
            let Plain((missed, language)) = missed.await.ok()?;
            self.is_caught_up = missed.len() < PAGE as usize;
            if !missed.is_empty() {
                return Some(self.events(missed, language));
            }
        }
        loop {
            let mut news = VecDeque::new();
            match tokio::time::timeout(self.app.settings().heartbeat, self.subscription.notifications.recv())
                .await
            {
                Ok(Some(one)) => news.push_back(one),
                Ok(None) => return None,
                Err(_) => {
                    self.language().await?;
                    return Some(Bytes::from_static(b": still here\n\n"));
                }
            }
            while let Ok(one) = self.subscription.notifications.try_recv() {
                news.push_back(one);
            }
            // What is read while streams are opened may be handed out more than once.
            let mut last = self.last;
            news.retain(|one| {
                let is_new = one.id.get() > last;
                last = last.max(one.id.get());
                is_new
            });
            if !news.is_empty() {
                let language = self.language().await?;
                let news = news.into_iter().map(Arc::unwrap_or_clone).collect();
                return Some(self.events(news, language));
            }
        }
    }

    fn events(&mut self, news: Vec<Notification>, language: Language) -> Bytes {
        self.last = news.last().map_or(self.last, |newest| newest.id.get());
        news.into_iter().map(|one| event(one, language)).collect::<String>().into()
    }

    /// The reader's language, if the session still stands.
    async fn language(&self) -> Option<Language> {
        if self.permit.token.expires_at <= self.app.now() {
            return None;
        }
        let language = self.app.read(self.permit.clone(), (), |_, caller, ()| Ok(Plain(caller.language)));
        language.await.ok().map(|Plain(language)| language)
    }
}

/// Opens a stream. The place among the open ones is taken before anything is read, so that what comes meanwhile isn't missed.
pub(super) async fn stream(
    app: App,
    permit: Permit<SignedIn>,
    State(live): State<Arc<LiveStreams>>,
    last_event: LastEvent,
) -> Result<Events, Problem> {
    let (caller, last_event) = app.authorize(permit.clone(), last_event).await?;
    let subscription = live.open(caller.user.id).await?;
    let last = match last_event {
        Some(last) => last,
        None => app.read_internal(notifications::newest).await?,
    };
    Ok(Events(Feed { app, permit, subscription, last, is_begun: false, is_caught_up: false }))
}

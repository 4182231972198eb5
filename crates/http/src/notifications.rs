//! Notifications: one's own only.

mod follow;
mod live;
mod stream;

pub(crate) use self::{follow::follow, live::LiveStreams};

use actix_web::{HttpRequest, HttpResponse, Responder};
use inspection_auth::permissions::SignedIn;
use inspection_domain::{
    ids::NotificationId,
    notifications::{Notification, NotificationFilter},
    page::Page,
    text::Language,
};
use inspection_persistence::notifications;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    input::{ListQuery, Path},
    openapi::{Describe, Operation},
    permit::Permit,
    problem::Problem,
    reply::{Bare, Done, Paged, Pagination, Reply},
    routes::Routes,
};

/// Endpoints of notifications.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/notifications", "notifications.list", list, "One's notifications, newest first");
    routes.get(
        "/api/notifications/unread-count",
        "notifications.unread_count",
        unread_count,
        "How many of one's notifications aren't read",
    );
    routes.get(
        "/api/notifications/stream",
        "stream.stream",
        stream::stream,
        "One's new notifications as they come: server-sent events, which can be resumed without a gap",
    );
    routes.post(
        "/api/notifications/read-all",
        "notifications.read_all",
        read_all,
        "Mark all of one's notifications as read",
    );
    routes.post("/api/notifications/{id}/read", "notifications.read", read, "Mark a notification as read");
    routes.delete(
        "/api/notifications/{id}",
        "notifications.delete",
        delete,
        "Remove a notification; a persistent one must be read first",
    );
}

inspection_domain::shows!(NotificationView {}, Inbox {});

/// A notification for a reader.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationView {
    #[serde(flatten)]
    notification: Notification,
    /// Title in English.
    title_en: String,
    /// Text in English.
    message_en: String,
}

impl NotificationView {
    pub(crate) fn new(mut notification: Notification, language: Language) -> Self {
        let (title_en, message_en) = (notification.title, notification.message);
        let chosen = |english: &str, arabic: &str| language.choose(english, Some(arabic)).to_owned();
        notification.title = chosen(&title_en, &notification.title_ar);
        notification.message = chosen(&message_en, &notification.message_ar);
        Self { notification, title_en, message_en }
    }
}

/// A page of notifications, and how many aren't read.
#[derive(Debug)]
struct Inbox {
    page: Page<NotificationView>,
    unread_count: i64,
}

#[derive(Serialize, ToSchema)]
struct InboxBody {
    /// Always `success`.
    status: &'static str,
    /// The notifications.
    data: Vec<NotificationView>,
    /// How many of all aren't read.
    unread_count: i64,
    /// Where in the list the page is.
    pagination: Pagination,
}

impl Responder for Inbox {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let pagination = Paged::pagination(&self.page);
        let body = InboxBody {
            status: "success",
            data: self.page.items,
            unread_count: self.unread_count,
            pagination,
        };
        HttpResponse::Ok().json(body)
    }
}

impl Describe for Inbox {
    fn describe(operation: &mut Operation) {
        let body = operation.schema::<InboxBody>();
        operation.bare(200, body);
    }
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<NotificationFilter>,
) -> Result<Inbox, Problem> {
    let inbox = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = notifications::list(conn, caller.user.id, &filter, page)?;
        let unread_count = notifications::unread_count(conn, caller.user.id)?;
        let page = page.map(|notification| NotificationView::new(notification, caller.language));
        Ok(Inbox { page, unread_count })
    });
    inbox.await
}

/// How many aren't read.
#[derive(Debug, Serialize, ToSchema)]
struct Unread {
    /// The number.
    unread_count: i64,
}

async fn unread_count(app: App, permit: Permit<SignedIn>) -> Result<Reply<Unread>, Problem> {
    let count = app.read(permit, (), |conn, caller, ()| notifications::unread_count(conn, caller.user.id));
    Ok(Reply::new(Unread { unread_count: count.await? }))
}

async fn read(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<NotificationId>,
) -> Result<Reply<NotificationView>, Problem> {
    let view = app.write(permit, id, |tx, caller, id| {
        Ok(NotificationView::new(notifications::mark_read(tx, id)?, caller.language))
    });
    Ok(Reply::new(view.await?))
}

/// How many were marked.
#[derive(Debug, Serialize, ToSchema)]
struct Marked {
    /// Always `success`.
    status: &'static str,
    /// The number.
    count: usize,
}

async fn read_all(app: App, permit: Permit<SignedIn>) -> Result<Bare<Marked>, Problem> {
    let count = app.write(permit, (), |tx, _, ()| notifications::mark_all_read(tx)).await?;
    Ok(Bare(Marked { status: "success", count }))
}

async fn delete(app: App, permit: Permit<SignedIn>, id: Path<NotificationId>) -> Result<Done, Problem> {
    app.write(permit, id, |tx, _, id| notifications::delete(tx, id)).await?;
    Ok(Done("notification removed"))
}

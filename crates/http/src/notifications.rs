//! The user's own notifications.

mod follow;
mod live;
mod stream;
mod view;

use actix_web::{HttpRequest, HttpResponse, Responder};
use inspection_auth::permissions::SignedIn;
use inspection_domain::{ids::NotificationId, notifications::NotificationFilter, page::Page};
use inspection_persistence::notifications;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use self::{follow::follow, live::LiveStreams, view::NotificationView};

use crate::web::{
    app::App,
    input::{ListQuery, Path},
    openapi::{Describe, Operation},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Bare, Done, Pagination, Reply},
    routes::Routes,
};

/// Endpoints of notifications.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("notifications", "The notifications of the user");
    routes.tag("stream", "New notifications, as they are made");
    routes.get(
        "/api/notifications",
        "notifications.list",
        list,
        "List the user's notifications, newest first",
    );
    routes.get(
        "/api/notifications/unread-count",
        "notifications.unread_count",
        unread_count,
        "Get the number of the user's unread notifications",
    );
    routes.get(
        "/api/notifications/stream",
        "stream.stream",
        stream::stream,
        "Stream the user's new notifications as server-sent events; resumable without a gap",
    );
    routes.post(
        "/api/notifications/read-all",
        "notifications.read_all",
        read_all,
        "Mark all of the user's notifications as read",
    );
    routes.post("/api/notifications/{id}/read", "notifications.read", read, "Mark a notification as read");
    routes.delete(
        "/api/notifications/{id}",
        "notifications.delete",
        delete,
        "Delete a notification; a persistent one must be read first",
    );
}

inspection_domain::shows!(Inbox {});

/// A page of notifications with the number of unread ones.
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
    /// Number of unread notifications, on all pages.
    unread_count: i64,
    /// Position of the page in the list.
    pagination: Pagination,
}

impl Responder for Inbox {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let pagination = Pagination::new(request, &self.page);
        let body = InboxBody {
            status: "success",
            data: self.page.items,
            unread_count: self.unread_count,
            pagination,
        };
        Bare(body).respond_to(request)
    }
}

impl Describe for Inbox {
    fn describe(operation: &mut Operation) {
        operation.bare_read::<InboxBody>();
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

/// Number of unread notifications.
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
) -> Result<Rendered<Reply<NotificationView>>, Problem> {
    app.write(permit, id, |tx, caller, id| {
        Ok(Reply::new(NotificationView::new(notifications::mark_read(tx, id)?, caller.language)))
    })
    .await
}

inspection_domain::shows!(Marked {});

/// Number of notifications marked as read.
#[derive(Debug, Serialize, ToSchema)]
struct Marked {
    /// Always `success`.
    status: &'static str,
    /// The number.
    count: usize,
}

async fn read_all(app: App, permit: Permit<SignedIn>) -> Result<Rendered<Bare<Marked>>, Problem> {
    app.write(permit, (), |tx, _, ()| {
        let count = notifications::mark_all_read(tx)?;
        Ok(Bare(Marked { status: "success", count }))
    })
    .await
}

async fn delete(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<NotificationId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        notifications::delete(tx, id)?;
        Ok(Done("notification removed"))
    })
    .await
}

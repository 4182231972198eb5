//! Cursors of lists: [`Position`]s, signed for a user and a list.

use actix_web::HttpRequest;
use inspection_auth::cursors::Cursors;
use inspection_domain::page::Position;

use super::request_context::{self, RequestContext};

/// Parameters that may differ from page to page of a list.
const OF_A_PAGE: [&str; 5] = ["page", "per_page", "cursor", "count", "lang"];

/// The list that a request reads: its path, its filters and its order.
fn list_of(request: &HttpRequest) -> String {
    let mut filters: Vec<(String, String)> =
        serde_urlencoded::from_str(request.query_string()).unwrap_or_default();
    filters.retain(|(name, _)| !OF_A_PAGE.contains(&name.as_str()));
    // The order of the values of one name counts: of two orders, the last one applies.
    filters.sort_by(|(one, _), (other, _)| one.cmp(other));
    format!("{} {filters:?}", request.path())
}

/// The position of a cursor that is valid for the list and the user of a request.
pub(super) fn open(request: &HttpRequest, cursor: &str) -> Option<Position> {
    let owner = request_context::with_current(RequestContext::user)??;
    request.app_data::<Cursors>()?.read_position(cursor, owner, &list_of(request))
}

/// The cursor to a position of the list of a request.
pub(super) fn sign(request: &HttpRequest, position: &Position) -> Option<String> {
    let owner = request_context::with_current(RequestContext::user)??;
    request.app_data::<Cursors>()?.sign_position(owner, &list_of(request), position)
}

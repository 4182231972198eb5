//! `ETag`, and the requests that name one: `If-None-Match` on reads (304), `If-Match` on changes
//! (412, see [`App::write`](super::app::App::write)).

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use inspection_auth::cursors::Cursors;
use inspection_domain::{
    translations::{Slot, Translated},
    versions::{EntityTag, NamedTags, Version, VersionKey},
};

use super::problem::Problem;

/// The view of a resource, with the version that it shows.
#[derive(Debug)]
pub(crate) struct Versioned<T> {
    /// The version.
    pub(crate) version: Version,
    /// The view.
    pub(crate) view: T,
}

impl<T: Translated> Translated for Versioned<T> {
    fn texts(&mut self, visit: &mut dyn FnMut(Slot<'_>)) {
        self.view.texts(visit);
    }
}

/// The tags in a header, which may be repeated.
pub(crate) fn named_tags(request: &HttpRequest, name: &HeaderName) -> Option<NamedTags> {
    let values: Vec<_> =
        request.headers().get_all(name).map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| NamedTags::read(&values.join(",")))
}

/// The secret of the versions in tags.
pub(super) fn version_key(request: &HttpRequest) -> Result<VersionKey, Problem> {
    let key = request.app_data::<Cursors>().and_then(Cursors::version_key);
    key.ok_or_else(|| Problem::internal("the application data has no key of versions"))
}

/// Sends the JSON of a read with its tag, or 304 if the client has it already.
pub(crate) fn tagged(request: &HttpRequest, version: Option<&Version>, body: String) -> HttpResponse {
    let tag = match version.map(|version| (version, version_key(request))) {
        None => EntityTag::new(body.as_bytes()),
        Some((version, Ok(key))) => EntityTag::versioned(version, &key, body.as_bytes()),
        Some((_, Err(problem))) => return problem.error_response(),
    };
    let is_known = named_tags(request, &header::IF_NONE_MATCH).is_some_and(|known| known.include(&tag));
    let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response.insert_header((header::ETAG, tag.to_string()));
    if is_known { response.finish() } else { response.content_type("application/json").body(body) }
}

//! `ETag`, and the requests that name one: `If-None-Match` on reads (304), `If-Match` on changes
//! (412, see [`App::write`](super::app::App::write)).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName},
    },
};
use inspection_domain::{
    translations::{Slot, Translated},
    versions::{EntityTag, NamedTags, Version},
};

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

/// Sends the JSON of a read with its tag, or 304 if the client has it already.
pub(crate) fn tagged(request: &HttpRequest, version: Option<&Version>, body: String) -> HttpResponse {
    let tag = EntityTag::new(version, body.as_bytes());
    let is_known = named_tags(request, &header::IF_NONE_MATCH).is_some_and(|known| known.include(&tag));
    let mut response = HttpResponse::build(if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK });
    response.insert_header((header::ETAG, tag.to_string()));
    if is_known { response.finish() } else { response.content_type("application/json").body(body) }
}

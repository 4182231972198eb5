//! File content as a response: whole, a range, or `304 Not Modified`.

use std::{
    future::{Ready, ready},
    ops::Range,
};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, Responder,
    body::SizedStream,
    dev::Payload,
    http::{
        StatusCode,
        header::{
            self, Charset, ContentDisposition, DispositionParam, DispositionType, EntityTag, ExtendedValue,
            Header, IfNoneMatch, IfRange,
        },
    },
};
use futures_util::TryStreamExt;
use inspection_domain::files::{FileKind, StoredFile};
use inspection_storage::Opened;

use crate::web::{
    openapi::{Describe, Operation},
    problem::Problem,
};

/// Content security policy of file content: scripts never run, whatever type the browser assumes.
const POLICY: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// Cached briefly and by the user's own browser only, since access to a file can be withdrawn.
const CACHING: &str = "private, max-age=300";

/// The conditional and range headers of a request.
#[derive(Debug)]
pub(super) struct ConditionalRequest {
    known: Option<IfNoneMatch>,
    range: Option<header::Range>,
    unless_changed: Option<IfRange>,
}

impl FromRequest for ConditionalRequest {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // Malformed headers are ignored (RFC 9110, 13.1 and 14.2).
        let has = |name| request.headers().contains_key(name);
        ready(Ok(Self {
            known: has(header::IF_NONE_MATCH).then(|| IfNoneMatch::parse(request).ok()).flatten(),
            range: has(header::RANGE).then(|| request.get_header()).flatten(),
            unless_changed: has(header::IF_RANGE).then(|| IfRange::parse(request).ok()).flatten(),
        }))
    }
}

impl Describe for ConditionalRequest {
    fn describe(operation: &mut Operation) {
        operation.header("Range", "A range of the file, such as `bytes=0-1023`.");
        operation.header("If-None-Match", "The `ETag` of the client's copy.");
    }
}

/// The content to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContentRange {
    /// Nothing; the client's copy is current.
    NotModified,
    /// The complete file.
    Full,
    /// A range of bytes.
    Partial(Range<u64>),
    /// Nothing; the range is outside of the file.
    NotSatisfiable,
}

impl ConditionalRequest {
    /// The content to send of a file with this entity tag and size.
    pub(super) fn range(&self, tag: &EntityTag, size: u64) -> ContentRange {
        let is_known = match &self.known {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
            None => false,
        };
        if is_known {
            return ContentRange::NotModified;
        }
        let has_changed = match &self.unless_changed {
            Some(IfRange::EntityTag(known)) => !known.strong_eq(tag),
            Some(IfRange::Date(_)) => true,
            None => false,
        };
        match &self.range {
            // Several ranges would need a multipart body; a server may send the whole file instead.
            Some(header::Range::Bytes(parts)) if !has_changed => match parts.as_slice() {
                [part] => {
                    part.to_satisfiable_range(size).map_or(ContentRange::NotSatisfiable, |(first, last)| {
                        ContentRange::Partial(first..last + 1)
                    })
                }
                _ => ContentRange::Full,
            },
            _ => ContentRange::Full,
        }
    }
}

/// Entity tag, type and disposition of file content.
#[derive(Debug)]
pub(super) struct ContentHeaders {
    pub(super) tag: EntityTag,
    pub(super) mime: &'static str,
    pub(super) disposition: ContentDisposition,
}

impl ContentHeaders {
    /// The headers of a file. Stored content never changes.
    pub(super) fn of(file: &StoredFile, inline: bool) -> Self {
        Self {
            tag: EntityTag::new_strong(file.sha256.clone()),
            mime: file.kind.as_str(),
            disposition: disposition(&file.original_filename, inline),
        }
    }

    /// The headers of a thumbnail of this size.
    pub(super) fn of_thumbnail(file: &StoredFile, pixels: u32) -> Self {
        let name = format!("{pixels}-{}.jpg", file.original_filename);
        Self {
            tag: EntityTag::new_strong(format!("{}-{pixels}", file.sha256)),
            mime: "image/jpeg",
            disposition: disposition(&name, true),
        }
    }
}

/// The file name in plain ASCII and in UTF-8 (RFC 6266).
fn disposition(name: &str, inline: bool) -> ContentDisposition {
    let plain =
        |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' { c } else { '_' };
    let mut parameters = vec![DispositionParam::Filename(name.chars().map(plain).collect())];
    parameters.push(DispositionParam::FilenameExt(ExtendedValue {
        charset: Charset::Ext("UTF-8".into()),
        language_tag: None,
        value: name.as_bytes().to_vec(),
    }));
    let disposition = if inline { DispositionType::Inline } else { DispositionType::Attachment };
    ContentDisposition { disposition, parameters }
}

/// File content as a response.
#[derive(Debug)]
pub(super) struct FileContent {
    pub(super) headers: ContentHeaders,
    pub(super) size: u64,
    pub(super) range: ContentRange,
    /// `None` if no content is sent.
    pub(super) opened: Option<Opened>,
}

impl Responder for FileContent {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = match self.range {
            ContentRange::NotModified => StatusCode::NOT_MODIFIED,
            ContentRange::Full => StatusCode::OK,
            ContentRange::Partial(_) => StatusCode::PARTIAL_CONTENT,
            ContentRange::NotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        };
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::ETAG, self.headers.tag))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::CACHE_CONTROL, CACHING))
            .insert_header((header::VARY, "Authorization"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        match &self.range {
            ContentRange::Partial(range) => {
                let last = range.end.saturating_sub(1);
                response.insert_header((
                    header::CONTENT_RANGE,
                    format!("bytes {}-{last}/{}", range.start, self.size),
                ));
            }
            ContentRange::NotSatisfiable => {
                response.insert_header((header::CONTENT_RANGE, format!("bytes */{}", self.size)));
            }
            ContentRange::NotModified | ContentRange::Full => {}
        }
        let Some(opened) = self.opened else { return response.finish() };
        let length = opened.range.end - opened.range.start;
        let pieces =
            opened.pieces.inspect_err(|error| tracing::error!(%error, "reading file content failed"));
        response
            .insert_header((header::CONTENT_TYPE, self.headers.mime))
            .insert_header((header::CONTENT_DISPOSITION, self.headers.disposition))
            .body(SizedStream::new(length, pieces))
    }
}

impl Describe for FileContent {
    fn describe(operation: &mut Operation) {
        operation.bytes(&FileKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn range(headers: &[(&str, &str)]) -> ContentRange {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.insert_header(*header);
        }
        let conditions = ConditionalRequest::extract(&request.to_http_request()).into_inner().expect("read");
        conditions.range(&EntityTag::new_strong("abc".into()), 100)
    }

    #[test]
    fn ranges_follow_the_standard() {
        for (header, expected) in [
            ("bytes=0-9", ContentRange::Partial(0..10)),
            ("bytes=90-", ContentRange::Partial(90..100)),
            ("bytes=90-1000", ContentRange::Partial(90..100)),
            ("bytes=-10", ContentRange::Partial(90..100)),
            ("bytes=-1000", ContentRange::Partial(0..100)),
            ("bytes=99-99", ContentRange::Partial(99..100)),
            ("bytes=100-", ContentRange::NotSatisfiable),
            ("bytes=5-2", ContentRange::Full),
            ("bytes=0-1,5-6", ContentRange::Full),
            ("bytes=x-y", ContentRange::Full),
            ("lines=1-2", ContentRange::Full),
            ("", ContentRange::Full),
            ("bytes=18446744073709551615-", ContentRange::NotSatisfiable),
            ("bytes=99999999999999999999-", ContentRange::Full),
        ] {
            assert_eq!(range(&[("range", header)]), expected, "{header}");
        }
        assert_eq!(range(&[]), ContentRange::Full);
    }

    #[test]
    fn a_current_copy_is_not_sent_again() {
        for (known, expected) in [
            ("\"abc\"", ContentRange::NotModified),
            ("W/\"abc\"", ContentRange::NotModified),
            ("\"x\", \"abc\"", ContentRange::NotModified),
            ("*", ContentRange::NotModified),
            ("\"x\"", ContentRange::Full),
            ("abc", ContentRange::Full),
        ] {
            assert_eq!(range(&[("if-none-match", known)]), expected, "{known}");
        }
    }

    #[test]
    fn a_range_of_changed_content_is_the_whole_content() {
        for (known, expected) in [
            ("\"abc\"", ContentRange::Partial(0..10)),
            ("\"x\"", ContentRange::Full),
            ("W/\"abc\"", ContentRange::Full),
            ("Wed, 21 Oct 2015 07:28:00 GMT", ContentRange::Full),
        ] {
            assert_eq!(range(&[("range", "bytes=0-9"), ("if-range", known)]), expected, "{known}");
        }
    }

    #[test]
    fn names_are_sent_in_ascii_and_in_utf_8() {
        let header = |name: &str| disposition(name, false).to_string();
        assert_eq!(
            header("photo 1.jpg"),
            "attachment; filename=\"photo 1.jpg\"; filename*=UTF-8''photo%201.jpg"
        );
        assert_eq!(
            header("مضخة.pdf"),
            "attachment; filename=\"____.pdf\"; filename*=UTF-8''%D9%85%D8%B6%D8%AE%D8%A9.pdf"
        );
        assert_eq!(
            header("a\"b\\c%d.jpg"),
            "attachment; filename=\"a_b_c_d.jpg\"; filename*=UTF-8''a%22b%5Cc%25d.jpg"
        );
        assert!(disposition("a.jpg", true).to_string().starts_with("inline; "));
    }
}

//! The bytes of a file as an answer: whole or in part, or only that they haven't changed.

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
use inspection_domain::files::StoredFile;
use inspection_storage::Opened;

use crate::web::{
    openapi::{Describe, Operation},
    problem::Problem,
};

/// Nothing in a file runs, whatever a browser takes it for.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Kept by the reader's own browser only, and for a while: whoever may see a file can lose that.
const CACHING: &str = "private, max-age=300";

/// What a request says about what it has already, and which part it wants.
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
        // What can't be read is as if it weren't there (RFC 9110, 14.2 and 13.1).
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
        operation.header("Range", "One part of the file, such as `bytes=0-1023`.");
        operation.header("If-None-Match", "The `ETag` of what the client has already.");
    }
}

/// Which bytes are wanted of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// None: the client has them.
    Known,
    /// All.
    Integer,
    /// These.
    Some(Range<u64>),
    /// None that are there.
    Beyond,
}

impl ConditionalRequest {
    /// Which bytes of an object with this tag and size.
    pub(super) fn part(&self, tag: &EntityTag, size: u64) -> Part {
        let is_known = match &self.known {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(tag)),
            None => false,
        };
        if is_known {
            return Part::Known;
        }
        let has_changed = match &self.unless_changed {
            Some(IfRange::EntityTag(known)) => !known.strong_eq(tag),
            Some(IfRange::Date(_)) => true,
            None => false,
        };
        match &self.range {
            // Several parts would need an envelope around them; a server may send all instead.
            Some(header::Range::Bytes(parts)) if !has_changed => match parts.as_slice() {
                [part] => part
                    .to_satisfiable_range(size)
                    .map_or(Part::Beyond, |(first, last)| Part::Some(first..last + 1)),
                _ => Part::Integer,
            },
            _ => Part::Integer,
        }
    }
}

/// How a file is shown: what it is called, what it is, and whether a browser may show it itself.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) tag: EntityTag,
    pub(super) mime: &'static str,
    pub(super) disposition: ContentDisposition,
}

impl Label {
    /// The label of a file. What its bytes are isn't changed ever after.
    pub(super) fn of(file: &StoredFile, inline: bool) -> Self {
        Self {
            tag: EntityTag::new_strong(file.sha256.clone()),
            mime: file.kind.as_str(),
            disposition: disposition(&file.original_filename, inline),
        }
    }

    /// The label of a thumbnail of this size.
    pub(super) fn of_thumbnail(file: &StoredFile, pixels: u32) -> Self {
        let name = format!("{pixels}-{}.jpg", file.original_filename);
        Self {
            tag: EntityTag::new_strong(format!("{}-{pixels}", file.sha256)),
            mime: "image/jpeg",
            disposition: disposition(&name, true),
        }
    }
}

/// The name in letters every client reads, and as it is (RFC 6266).
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

/// Bytes on their way to a client.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) label: Label,
    pub(super) size: u64,
    pub(super) part: Part,
    /// None if no bytes are wanted.
    pub(super) opened: Option<Opened>,
}

impl Responder for Content {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = match self.part {
            Part::Known => StatusCode::NOT_MODIFIED,
            Part::Integer => StatusCode::OK,
            Part::Some(_) => StatusCode::PARTIAL_CONTENT,
            Part::Beyond => StatusCode::RANGE_NOT_SATISFIABLE,
        };
        let mut response = HttpResponse::build(status);
        response
            .insert_header((header::ETAG, self.label.tag))
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .insert_header((header::CACHE_CONTROL, CACHING))
            .insert_header((header::VARY, "Authorization"))
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY));
        match &self.part {
            Part::Some(range) => {
                let last = range.end.saturating_sub(1);
                response.insert_header((
                    header::CONTENT_RANGE,
                    format!("bytes {}-{last}/{}", range.start, self.size),
                ));
            }
            Part::Beyond => {
                response.insert_header((header::CONTENT_RANGE, format!("bytes */{}", self.size)));
            }
            Part::Known | Part::Integer => {}
        }
        let Some(opened) = self.opened else { return response.finish() };
        let length = opened.range.end - opened.range.start;
        let pieces =
            opened.pieces.inspect_err(|error| tracing::error!(%error, "a file can't be read to its end"));
        response
            .insert_header((header::CONTENT_TYPE, self.label.mime))
            .insert_header((header::CONTENT_DISPOSITION, self.label.disposition))
            .body(SizedStream::new(length, pieces))
    }
}

impl Describe for Content {
    fn describe(operation: &mut Operation) {
        operation.bytes();
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn part(headers: &[(&str, &str)]) -> Part {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.insert_header(*header);
        }
        let wanted = ConditionalRequest::extract(&request.to_http_request()).into_inner().expect("read");
        wanted.part(&EntityTag::new_strong("abc".into()), 100)
    }

    #[test]
    fn parts_are_those_of_the_standard() {
        for (range, wanted) in [
            ("bytes=0-9", Part::Some(0..10)),
            ("bytes=90-", Part::Some(90..100)),
            ("bytes=90-1000", Part::Some(90..100)),
            ("bytes=-10", Part::Some(90..100)),
            ("bytes=-1000", Part::Some(0..100)),
            ("bytes=99-99", Part::Some(99..100)),
            ("bytes=100-", Part::Beyond),
            ("bytes=5-2", Part::Integer),
            ("bytes=0-1,5-6", Part::Integer),
            ("bytes=x-y", Part::Integer),
            ("lines=1-2", Part::Integer),
            ("", Part::Integer),
            ("bytes=18446744073709551615-", Part::Beyond),
            ("bytes=99999999999999999999-", Part::Integer),
        ] {
            assert_eq!(part(&[("range", range)]), wanted, "{range}");
        }
        assert_eq!(part(&[]), Part::Integer);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for (known, wanted) in [
            ("\"abc\"", Part::Known),
            ("W/\"abc\"", Part::Known),
            ("\"x\", \"abc\"", Part::Known),
            ("*", Part::Known),
            ("\"x\"", Part::Integer),
            ("abc", Part::Integer),
        ] {
            assert_eq!(part(&[("if-none-match", known)]), wanted, "{known}");
        }
    }

    #[test]
    fn a_part_of_what_has_changed_is_no_part() {
        for (known, wanted) in [
            ("\"abc\"", Part::Some(0..10)),
            ("\"x\"", Part::Integer),
            ("W/\"abc\"", Part::Integer),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Part::Integer),
        ] {
            assert_eq!(part(&[("range", "bytes=0-9"), ("if-range", known)]), wanted, "{known}");
        }
    }

    #[test]
    fn names_are_told_in_plain_letters_and_as_they_are() {
        let told = |name: &str| disposition(name, false).to_string();
        assert_eq!(
            told("photo 1.jpg"),
            "attachment; filename=\"photo 1.jpg\"; filename*=UTF-8''photo%201.jpg"
        );
        assert_eq!(
            told("مضخة.pdf"),
            "attachment; filename=\"____.pdf\"; filename*=UTF-8''%D9%85%D8%B6%D8%AE%D8%A9.pdf"
        );
        assert_eq!(
            told("a\"b\\c%d.jpg"),
            "attachment; filename=\"a_b_c_d.jpg\"; filename*=UTF-8''a%22b%5Cc%25d.jpg"
        );
        assert!(disposition("a.jpg", true).to_string().starts_with("inline; "));
    }
}

//! Inputs of handlers: path parameters, query parameters and JSON bodies.
//!
//! An extractor parses its input but defers the errors: [`App`](super::app::App) authorizes first,
//! and only then reports everything that is wrong with the inputs, all of it at once.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{self, BytesMut},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use inspection_domain::{
    input::{FieldDoc, Input, Invalid, RawInput, RawValue, Scalar},
    message,
    page::{PageQuery, PageRequest},
};
use inspection_persistence::versions::{Resource, Target};

use super::{
    cursors,
    openapi::{Describe, Operation},
    problem::Problem,
    request_context,
};

/// Maximum size of a JSON body, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonLimit(usize);

impl JsonLimit {
    /// 1 MiB, or less if `max_content_length` is less.
    pub(crate) fn new(max_content_length: usize) -> Self {
        Self(max_content_length.min(1 << 20))
    }
}

/// Last value of a query parameter.
pub(crate) fn parameter(request: &HttpRequest, name: &str) -> Result<Option<String>, Problem> {
    let last = pairs(request)?.into_iter().rev().find(|(key, _)| key == name);
    Ok(last.map(|(_, value)| value))
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(request.query_string())
        .map_err(|_| Invalid::field("query", "must be pairs of names and values").into())
}

/// A parsed input whose errors are still to be reported.
pub(crate) trait Validate {
    /// Type of the valid input.
    type Out;

    /// The valid input, or all its errors.
    fn validate(self) -> Result<Self::Out, Invalid>;

    /// The resource that the path names, if responses show its version.
    fn target(&self) -> Option<Target> {
        None
    }
}

impl Validate for () {
    type Out = ();

    fn validate(self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl<A: Validate, B: Validate> Validate for (A, B) {
    type Out = (A::Out, B::Out);

    fn validate(self) -> Result<Self::Out, Invalid> {
        match (self.0.validate(), self.1.validate()) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (Err(mut a), Err(b)) => {
                a.extend(b);
                Err(a)
            }
            (Err(errors), _) | (_, Err(errors)) => Err(errors),
        }
    }

    fn target(&self) -> Option<Target> {
        self.0.target().or_else(|| self.1.target())
    }
}

/// The parameter of a path.
#[derive(Debug)]
pub(crate) struct Path<T>(Result<T, Invalid>);

impl<T> From<T> for Path<T> {
    /// A parameter that is validated already.
    fn from(value: T) -> Self {
        Self(Ok(value))
    }
}

/// The two parameters of a path.
#[derive(Debug)]
pub(crate) struct PathPair<A, B>(Path<A>, Path<B>);

impl<T: Scalar> Path<T> {
    fn next<'a>(parts: &mut impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let (name, value) = parts.next().unwrap_or_default();
        Self(T::read(RawValue::Text(value.to_owned())).map_err(|errors| errors.at(name)))
    }
}

impl<T: Scalar> FromRequest for Path<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::next(&mut request.match_info().iter())))
    }
}

impl<A: Scalar, B: Scalar> FromRequest for PathPair<A, B> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut parts = request.match_info().iter();
        ready(Ok(Self(Path::next(&mut parts), Path::next(&mut parts))))
    }
}

impl<T: Resource> Validate for Path<T> {
    type Out = T;

    fn validate(self) -> Result<T, Invalid> {
        self.0
    }

    fn target(&self) -> Option<Target> {
        self.0.as_ref().ok().and_then(|name| name.target())
    }
}

impl<A: Resource, B: Resource> Validate for PathPair<A, B> {
    type Out = (A, B);

    fn validate(self) -> Result<(A, B), Invalid> {
        (self.0, self.1).validate()
    }

    fn target(&self) -> Option<Target> {
        self.0.target().or_else(|| self.1.target())
    }
}

/// The filters and the page request of a list.
#[derive(Debug)]
pub(crate) struct ListQuery<T>(Result<(T, PageRequest), Invalid>);

impl<T: Input + 'static> FromRequest for ListQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = pairs(request).map(|pairs| {
            let filter = T::from_pairs(pairs.clone());
            let page = PageQuery::from_pairs(pairs)
                .and_then(|query| query.validate(|cursor| cursors::open(request, cursor)));
            match (filter, page) {
                (Ok(filter), Ok(page)) => Ok((filter, page)),
                (Err(mut errors), Err(others)) => {
                    errors.extend(others);
                    Err(errors)
                }
                (Err(errors), _) | (_, Err(errors)) => Err(errors),
            }
        });
        ready(read.map(Self))
    }
}

impl<T> Validate for ListQuery<T> {
    type Out = (T, PageRequest);

    fn validate(self) -> Result<Self::Out, Invalid> {
        self.0
    }
}

/// The query parameters of an endpoint that is no list.
#[derive(Debug)]
pub(crate) struct QueryParams<T>(Result<T, Invalid>);

impl<T: Input + 'static> FromRequest for QueryParams<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(pairs(request).map(|pairs| Self(T::from_pairs(pairs))))
    }
}

impl<T> Validate for QueryParams<T> {
    type Out = T;

    fn validate(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<T: Input> Describe for QueryParams<T> {
    fn describe(operation: &mut Operation) {
        operation.query_parameters(T::fields());
    }
}

/// Filters of a list that has none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unfiltered;

impl Input for Unfiltered {
    const NAME: &'static str = "Unfiltered";

    fn read(_: &mut RawInput) -> Result<Self, Invalid> {
        Ok(Self)
    }

    fn fields() -> Vec<FieldDoc> {
        Vec::new()
    }
}

/// A JSON body. An empty one is an empty object.
#[derive(Debug)]
pub(crate) struct Body<T>(Result<T, Invalid>);

impl<T> Body<T> {
    /// The input, if it is valid. Its errors are reported when it is used.
    pub(crate) fn peek(&self) -> Option<&T> {
        self.0.as_ref().ok()
    }
}

impl<T: Input + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.content_type().to_ascii_lowercase();
        let is_json =
            matches!(content_type.as_str(), "" | "application/json") || content_type.ends_with("+json");
        let length = request
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let JsonLimit(limit) = request.app_data().copied().unwrap_or(JsonLimit::new(usize::MAX));
        let payload = payload.take();
        Box::pin(async move {
            if length.is_some_and(|length| length > limit) {
                return Err(Problem::too_large(limit));
            }
            let bytes = collect(payload, limit).await?;
            if !is_json && !bytes.is_empty() {
                return Err(Problem::unsupported_media_type("application/json"));
            }
            let document = read_json(&bytes);
            request_context::set_body(|| canonical(document.as_ref().ok(), &bytes));
            Ok(Self(document.and_then(T::from_json)))
        })
    }
}

async fn collect(mut payload: Payload, limit: usize) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Invalid::malformed("body", "did not arrive whole"))?;
        if bytes.len() + chunk.len() > limit {
            return Err(Problem::too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A JSON syntax error, without the wording of the parser.
fn malformed(path: &str, error: &serde_json::Error) -> Invalid {
    let field: String =
        if matches!(path, "" | "." | "?") { "body".into() } else { path.chars().take(100).collect() };
    let (line, column) = (error.line(), error.column());
    let message = message!("is not valid JSON at line {line}, column {column}", line, column);
    Invalid::malformed(field, message)
}

fn read_json(bytes: &web::BytesMut) -> Result<serde_json::Value, Invalid> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(serde_json::Value::Object(serde_json::Map::new()));
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let document = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| malformed(&error.path().to_string(), error.inner()))?;
    reader.end().map_err(|error| malformed("", &error))?;
    Ok(document)
}

/// The form in which documents with the same content are equal: without spaces, with sorted names.
fn canonical(document: Option<&serde_json::Value>, bytes: &[u8]) -> Vec<u8> {
    document.map_or_else(|| bytes.to_vec(), |document| document.to_string().into_bytes())
}

impl<T> Validate for Body<T> {
    type Out = T;

    fn validate(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<T> Body<T> {
    /// The valid body, for public endpoints.
    pub(crate) fn into_valid(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<T: Scalar> Describe for Path<T> {
    fn describe(operation: &mut Operation) {
        operation.path_parameter(<T as Scalar>::schema());
    }
}

impl<A: Scalar, B: Scalar> Describe for PathPair<A, B> {
    fn describe(operation: &mut Operation) {
        Path::<A>::describe(operation);
        Path::<B>::describe(operation);
    }
}

impl<T: Input> Describe for ListQuery<T> {
    fn describe(operation: &mut Operation) {
        operation.query_parameters(T::fields());
        operation.query_parameters(PageQuery::fields());
    }
}

impl<T: Input> Describe for Body<T> {
    fn describe(operation: &mut Operation) {
        operation.body::<T>();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::canonical;

    #[test]
    fn the_order_of_names_and_spaces_are_no_content() {
        let of = |text: &str| {
            let document: Option<Value> = serde_json::from_str(text).ok();
            String::from_utf8(canonical(document.as_ref(), text.as_bytes())).expect("UTF-8")
        };
        assert_eq!(of(r#"{"b": {"d": 1, "c": [1, 2]}, "a": "x"}"#), r#"{"a":"x","b":{"c":[1,2],"d":1}}"#);
        assert_ne!(of("[1,2]"), of("[2,1]"));
        assert_eq!(of("{no"), "{no");
    }
}

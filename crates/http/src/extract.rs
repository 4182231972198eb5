//! What handlers ask for in their signatures: a permit, numbers of the path, filters of the query, the body.
//!
//! Inputs are read at once but judged later: the doors of [`App`](crate::App) first check session and permission, and only
//! then say what is wrong with an input, all of it at once.

use std::{future::Ready, marker::PhantomData};

use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header,
    web::{self, BytesMut},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use inspection_auth::{
    permissions::Permission,
    tokens::{Token, TokenRule, TokenType},
};
use inspection_domain::{
    input::{Field, Input, Invalid, RawValue, Scalar},
    page::{PageQuery, PageRequest},
    text::Language,
};
use inspection_persistence::Origin;

use crate::{
    app::{App, origin},
    docs::{Describe, Operation},
    problem::Problem,
    request,
};

/// Bytes a JSON body may have, unless all bodies are limited to less.
const JSON_LIMIT: usize = 1 << 20;

/// A signed token of somebody who says to have this permission. The doors check that the session stands and that the
/// permission is granted.
#[derive(Debug)]
pub(crate) struct Permit<P> {
    pub(crate) token: Token,
    pub(crate) asked: Option<Language>,
    pub(crate) accepted: Option<String>,
    pub(crate) origin: Origin,
    permission: PhantomData<fn() -> P>,
}

impl<P> Clone for Permit<P> {
    fn clone(&self) -> Self {
        Self {
            token: self.token.clone(),
            asked: self.asked,
            accepted: self.accepted.clone(),
            origin: self.origin.clone(),
            permission: PhantomData,
        }
    }
}

fn bearer(request: &HttpRequest, kind: TokenType) -> Result<Token, Problem> {
    let app = request.app_data::<App>().ok_or_else(|| Problem::internal("no app"))?;
    let header = request.headers().get(header::AUTHORIZATION).ok_or(TokenRule::Missing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenRule::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenRule::Missing.into());
    }
    Ok(app.tokens().read(token.trim(), kind, app.now())?)
}

impl From<TokenRule> for Problem {
    fn from(rule: TokenRule) -> Self {
        Self::from_rule(&rule)
    }
}

/// The language asked for with `?lang=`.
fn asked_language(request: &HttpRequest) -> Result<Option<Language>, Problem> {
    let given = parameter(request, "lang")?.map(RawValue::Text);
    <Option<Language> as Field>::take_field(given).map_err(|errors| errors.at("lang").into())
}

/// The last value of this name in the query.
pub(crate) fn parameter(request: &HttpRequest, wanted: &str) -> Result<Option<String>, Problem> {
    let last = pairs(request)?.into_iter().rev().find(|(name, _)| name == wanted);
    Ok(last.map(|(_, value)| value))
}

fn pairs(request: &HttpRequest) -> Result<Vec<(String, String)>, Problem> {
    serde_urlencoded::from_str(request.query_string())
        .map_err(|_| Invalid::field("query", "must be pairs of names and values").into())
}

impl<P: Permission> FromRequest for Permit<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let permit = || {
            let token = bearer(request, TokenType::Access)?;
            request::is_by(token.session.user_id);
            Ok(Self {
                token,
                asked: asked_language(request)?,
                accepted: request
                    .headers()
                    .get(header::ACCEPT_LANGUAGE)
                    .and_then(|value| value.to_str().ok())
                    .map(ToOwned::to_owned),
                origin: origin(request),
                permission: PhantomData,
            })
        };
        std::future::ready(permit())
    }
}

/// Anybody, signed in or not: said explicitly, since without this or a [`Permit`] there is no endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Public;

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self))
    }
}

/// A refresh token in the place of an access token.
#[derive(Debug)]
pub(crate) struct RefreshToken(pub(crate) Token);

impl FromRequest for RefreshToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(bearer(request, TokenType::Refresh).map(Self))
    }
}

/// An input that was read and is still to be judged.
pub(crate) trait Checked {
    /// What it is if nothing is wrong with it.
    type Out;

    /// Judges it.
    fn check(self) -> Result<Self::Out, Invalid>;
}

impl Checked for () {
    type Out = ();

    fn check(self) -> Result<(), Invalid> {
        Ok(())
    }
}

impl<A: Checked, B: Checked> Checked for (A, B) {
    type Out = (A::Out, B::Out);

    fn check(self) -> Result<Self::Out, Invalid> {
        match (self.0.check(), self.1.check()) {
            (Ok(a), Ok(b)) => Ok((a, b)),
            (Err(mut a), Err(b)) => {
                a.extend(b);
                Err(a)
            }
            (Err(errors), _) | (_, Err(errors)) => Err(errors),
        }
    }
}

/// The number in a path.
#[derive(Debug)]
pub(crate) struct Path<T>(Result<T, Invalid>);

/// The two numbers in a path.
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
        std::future::ready(Ok(Self::next(&mut request.match_info().iter())))
    }
}

impl<A: Scalar, B: Scalar> FromRequest for PathPair<A, B> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut parts = request.match_info().iter();
        std::future::ready(Ok(Self(Path::next(&mut parts), Path::next(&mut parts))))
    }
}

impl<T> Checked for Path<T> {
    type Out = T;

    fn check(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<A, B> Checked for PathPair<A, B> {
    type Out = (A, B);

    fn check(self) -> Result<(A, B), Invalid> {
        (self.0, self.1).check()
    }
}

/// The filters and the page of a list.
#[derive(Debug)]
pub(crate) struct Query<T>(Result<(T, PageRequest), Invalid>);

impl<T: Input + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let read = pairs(request).map(|pairs| {
            let filter = T::from_pairs(pairs.clone());
            let page = PageQuery::from_pairs(pairs).and_then(PageRequest::try_from);
            match (filter, page) {
                (Ok(filter), Ok(page)) => Ok((filter, page)),
                (Err(mut errors), Err(others)) => {
                    errors.extend(others);
                    Err(errors)
                }
                (Err(errors), _) | (_, Err(errors)) => Err(errors),
            }
        });
        std::future::ready(read.map(Self))
    }
}

impl<T> Checked for Query<T> {
    type Out = (T, PageRequest);

    fn check(self) -> Result<Self::Out, Invalid> {
        self.0
    }
}

/// What a query says of how one thing is wanted.
#[derive(Debug)]
pub(crate) struct Options<T>(Result<T, Invalid>);

impl<T: Input + 'static> FromRequest for Options<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(pairs(request).map(|pairs| Self(T::from_pairs(pairs))))
    }
}

impl<T> Checked for Options<T> {
    type Out = T;

    fn check(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<T: Input> Describe for Options<T> {
    fn describe(operation: &mut Operation) {
        operation.query_parameters(T::fields());
    }
}

/// No filters: for lists that only have pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unfiltered;

impl Input for Unfiltered {
    fn read(_: &mut inspection_domain::input::RawInput) -> Result<Self, Invalid> {
        Ok(Self)
    }

    fn fields() -> Vec<inspection_domain::input::FieldDoc> {
        Vec::new()
    }
}

/// A JSON body. An empty one is an empty object.
#[derive(Debug)]
pub(crate) struct Body<T>(Result<T, Invalid>);

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
        let allowed = request.app_data::<App>().map_or(JSON_LIMIT, |app| app.settings().max_content_length);
        let limit = JSON_LIMIT.min(allowed);
        let payload = payload.take();
        Box::pin(async move {
            if length.is_some_and(|length| length > limit) {
                return Err(Problem::too_large(limit));
            }
            let bytes = collect(payload, limit).await?;
            if !is_json && !bytes.is_empty() {
                return Err(Problem::unsupported_media_type("application/json"));
            }
            Ok(Self(read_json(&bytes).and_then(T::from_json)))
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

/// The place where a document stops being JSON, without the words of the library that noticed.
fn malformed(path: &str, error: &serde_json::Error) -> Invalid {
    let field: String =
        if matches!(path, "" | "." | "?") { "body".into() } else { path.chars().take(100).collect() };
    Invalid::malformed(
        field,
        format!("is not valid JSON at line {}, column {}", error.line(), error.column()),
    )
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

impl<T> Checked for Body<T> {
    type Out = T;

    fn check(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<T> Body<T> {
    /// Judges it at once, for endpoints that nobody signs in for.
    pub(crate) fn open(self) -> Result<T, Invalid> {
        self.0
    }
}

impl<P: Permission> Describe for Permit<P> {
    fn describe(operation: &mut Operation) {
        operation.needs(P::ROW);
    }
}

impl Describe for Public {
    fn describe(operation: &mut Operation) {
        operation.is_public();
    }
}

impl Describe for RefreshToken {
    fn describe(operation: &mut Operation) {
        operation.needs_refresh_token();
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

impl<T: Input> Describe for Query<T> {
    fn describe(operation: &mut Operation) {
        operation.query_parameters(T::fields());
        operation.query_parameters(PageQuery::fields());
    }
}

impl<T: Input> Describe for Body<T> {
    fn describe(operation: &mut Operation) {
        operation.body(T::schema(), T::fields().iter().any(|field| field.required));
    }
}

//! Extractors that need the [`App`] or other application data.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{Method, header},
};
use inspection_auth::{
    permissions::Permission,
    tokens::{Token, TokenRule, TokenType},
};
use inspection_domain::{
    idempotency::IdempotencyKey,
    ids::UserId,
    input::{Field, RawValue},
    text::Language,
    versions::Precondition,
};
use inspection_persistence::Origin;

use super::{
    app::App,
    entity_tags::{named_tags, version_key},
    forwarded::Forwarded,
    input::parameter,
    openapi::{Describe, Operation},
    permit::{Permit, Public, RefreshToken, RequestOrigin},
    problem::Problem,
    request_context,
};

fn app(request: &HttpRequest) -> Result<&App, Problem> {
    request.app_data::<App>().ok_or_else(|| Problem::internal("the application data has no app"))
}

impl FromRequest for App {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(app(request).cloned())
    }
}

/// Application data that stands beside the [`App`]. Clones share it.
#[derive(Debug)]
pub(crate) struct State<T>(pub(crate) T);

impl<T: Clone + 'static> FromRequest for State<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let missing = || {
            let name = std::any::type_name::<T>();
            Problem::internal(format_args!("the application data has no {name}"))
        };
        ready(request.app_data::<T>().cloned().map(Self).ok_or_else(missing))
    }
}

impl<T> Describe for State<T> {
    fn describe(_: &mut Operation) {}
}

fn bearer(request: &HttpRequest, kind: TokenType) -> Result<Token, Problem> {
    let app = app(request)?;
    let header = request.headers().get(header::AUTHORIZATION).ok_or(TokenRule::Missing)?;
    let (scheme, token) =
        header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(TokenRule::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(TokenRule::Missing.into());
    }
    Ok(app.tokens().read(token.trim(), kind, app.now())?)
}

/// The user whose token the request carries. The session may have ended.
pub(crate) fn bearer_user(request: &HttpRequest) -> Option<UserId> {
    let token =
        [TokenType::Access, TokenType::Refresh].into_iter().find_map(|kind| bearer(request, kind).ok());
    token.map(|token| token.session.user_id)
}

/// The language that the client prefers: `?lang=`, else `Accept-Language`.
pub(crate) fn preferred_language(request: &HttpRequest) -> Option<Language> {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let requested = requested_language(request).ok().flatten();
    requested.or_else(|| accepted.and_then(Language::preferred))
}

/// Whether a document is requested in both languages, with `?lang=both`.
pub(crate) fn asks_for_both(request: &HttpRequest) -> Result<bool, Problem> {
    let is_document = request.path().rsplit_once('.').is_some_and(|(_, extension)| extension == "pdf");
    Ok(is_document && parameter(request, "lang")?.is_some_and(|given| given == "both"))
}

/// Language requested with `?lang=`.
fn requested_language(request: &HttpRequest) -> Result<Option<Language>, Problem> {
    if asks_for_both(request)? {
        return Ok(None);
    }
    let given = parameter(request, "lang")?.map(RawValue::Text);
    <Option<Language> as Field>::take_field(given).map_err(|errors| errors.at("lang").into())
}

/// The key of a request that the client may send again.
fn idempotency_key(request: &HttpRequest) -> Result<Option<IdempotencyKey>, Problem> {
    let header = request.headers().get("idempotency-key").filter(|_| request.method() == Method::POST);
    Ok(header.map(|value| IdempotencyKey::parse(value.as_bytes())).transpose()?)
}

/// The condition in `If-Match`. A path without parameters names no resource, so the header has no
/// meaning there.
fn if_match(request: &HttpRequest) -> Result<Option<Precondition>, Problem> {
    if request.match_info().is_empty() {
        return Ok(None);
    }
    let tags = named_tags(request, &header::IF_MATCH);
    tags.map(|tags| Ok(Precondition::new(tags, version_key(request)?))).transpose()
}

/// Origin of the request, for the audit trail and the list of sessions.
fn origin(request: &HttpRequest) -> Origin {
    let address = Forwarded::of(request).ok().map(|forwarded| forwarded.client.to_string());
    let user_agent = request.headers().get(header::USER_AGENT);
    let user_agent = user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Origin { address, user_agent, request_id: request_context::current_id() }
}

impl<P: Permission> FromRequest for Permit<P> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let permit = || {
            let token = bearer(request, TokenType::Access)?;
            request_context::set_user(token.session.user_id);
            if let Some(key) = idempotency_key(request)? {
                request_context::set_key(key, format!("{} {}", request.method(), request.path()));
            }
            requested_language(request)?;
            Ok(Self::new(token, request_context::reader(), if_match(request)?, origin(request)))
        };
        ready(permit())
    }
}

impl FromRequest for Public {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(requested_language(request).map(|_| Self))
    }
}

impl FromRequest for RequestOrigin {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(origin(request))))
    }
}

impl FromRequest for RefreshToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request, TokenType::Refresh);
        ready(token.and_then(|token| requested_language(request).map(|_| Self(token))))
    }
}

//! Errors: the only mapping from rules and failures to HTTP statuses and bodies.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{Method, StatusCode, header},
};
use inspection_auth::tokens::TokenRule;
use inspection_domain::{
    input::Invalid,
    message,
    message::Message,
    rule::{Code, ErrorKind, FieldError, Rule},
};
use inspection_persistence as persistence;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use super::request_context;

macro_rules! failures {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal / $status:ident,)+) => {
        /// Errors of the protocol and of the service itself. Those of rules have a [`Code`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Failure { $($(#[doc = $doc])+ $name,)+ }

        impl Failure {
            /// Every failure.
            const ALL: &'static [Self] = &[$(Self::$name,)+];

            const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }
        }
    };
}

failures! {
    /// The path exists, but not with this method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED" / METHOD_NOT_ALLOWED,
    /// The body is not of the type that the operation takes.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE" / UNSUPPORTED_MEDIA_TYPE,
    /// The body is too large.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE" / PAYLOAD_TOO_LARGE,
    /// The client has sent too many requests.
    RateLimited = "RATE_LIMITED" / TOO_MANY_REQUESTS,
    /// A dependency is temporarily unavailable.
    Unavailable = "UNAVAILABLE" / SERVICE_UNAVAILABLE,
    /// A defect of this program.
    Internal = "INTERNAL" / INTERNAL_SERVER_ERROR,
}

/// Stable code of an error response: of a rule, or of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ErrorCode {
    Rule(Code),
    Failure(Failure),
}

impl ErrorCode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Rule(code) => code.as_str(),
            Self::Failure(failure) => failure.as_str(),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Rule(code) => match code.kind() {
                ErrorKind::Invalid => StatusCode::BAD_REQUEST,
                ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
                ErrorKind::Forbidden => StatusCode::FORBIDDEN,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Conflict => StatusCode::CONFLICT,
                ErrorKind::Changed => StatusCode::PRECONDITION_FAILED,
            },
            Self::Failure(failure) => failure.status(),
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let codes = Code::ALL.iter().map(|code| code.as_str());
        let codes = codes.chain(Failure::ALL.iter().map(|failure| failure.as_str()));
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).into()
    }
}

impl ToSchema for ErrorCode {}

/// An error response.
#[derive(Debug)]
pub struct Problem(Box<ProblemDetails>);

#[derive(Debug)]
struct ProblemDetails {
    code: ErrorCode,
    message: Message,
    errors: Vec<FieldError>,
    data: Option<serde_json::Value>,
    header: Option<(header::HeaderName, String)>,
}

/// Body of an error response.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody<'a> {
    /// Always `error`.
    status: &'static str,
    /// Human-readable description, in the language of the reader.
    message: Cow<'a, str>,
    /// The description under another name, for existing clients.
    error: Cow<'a, str>,
    /// Stable machine-readable code.
    code: ErrorCode,
    /// Request id, as the log has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
    /// All invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<FieldError>,
    /// The part of the object that the user may see nevertheless, or facts about the error, such as
    /// `change_password_page`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = std::collections::BTreeMap<String, serde_json::Value>)]
    data: Option<&'a serde_json::Value>,
}

impl Problem {
    fn new(code: ErrorCode, message: impl Into<Message>) -> Self {
        Self(Box::new(ProblemDetails {
            code,
            message: message.into(),
            errors: Vec::new(),
            data: None,
            header: None,
        }))
    }

    fn failure(failure: Failure, message: impl Into<Message>) -> Self {
        Self::new(ErrorCode::Failure(failure), message)
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// The body, as of the current request.
    fn body(&self) -> ErrorBody<'_> {
        let language = request_context::language();
        let message = self.0.message.in_language(language);
        ErrorBody {
            status: "error",
            error: message.clone(),
            message,
            code: self.0.code,
            request_id: request_context::current_id(),
            errors: self.0.errors.iter().map(|error| error.in_language(language)).collect(),
            data: self.0.data.as_ref(),
        }
    }

    /// Status and body, to be stored.
    pub(crate) fn rendered(&self) -> serde_json::Result<(u16, String)> {
        Ok((self.0.code.status().as_u16(), serde_json::to_string(&self.body())?))
    }

    /// Adds the part of the object that the user may see nevertheless.
    pub(crate) fn with_data(mut self, data: serde_json::Value) -> Self {
        self.0.data = Some(data);
        self
    }

    fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.0.header = Some((name, value.into()));
        self
    }

    /// The error response for a violated rule.
    pub(crate) fn from_rule(rule: &(impl Rule + ?Sized)) -> Self {
        let code = ErrorCode::Rule(rule.code());
        let mut problem = Self::new(code, rule.message()).with_errors(rule.fields());
        problem.0.data = rule.details();
        if code.status() == StatusCode::UNAUTHORIZED {
            return problem.with_header(header::WWW_AUTHENTICATE, "Bearer");
        }
        match rule.retry_after() {
            Some(seconds) => problem.with_header(header::RETRY_AFTER, seconds.to_string()),
            None => problem,
        }
    }

    /// 404: no endpoint matches the request.
    pub(crate) fn no_endpoint(method: &Method, path: &str) -> Self {
        Self::new(
            ErrorCode::Rule(Code::NotFound),
            message!("there is no endpoint {method} {path}", method, path),
        )
    }

    pub(crate) fn unsupported_media_type(expected: &str) -> Self {
        let message = message!("the body must be {expected}", expected);
        Self::failure(Failure::UnsupportedMediaType, message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = message!("the body may have at most {max} bytes", max = limit);
        let errors = vec![FieldError { field: "body".into(), message: message.clone() }];
        Self::failure(Failure::PayloadTooLarge, message).with_errors(errors)
    }

    pub(crate) fn method_not_allowed(allowed: String) -> Self {
        let message = message!("this endpoint knows {allowed}", allowed);
        Self::failure(Failure::MethodNotAllowed, message).with_header(header::ALLOW, allowed)
    }

    pub(crate) fn rate_limited() -> Self {
        Self::failure(Failure::RateLimited, message!("too many requests, try again later"))
    }

    /// 503: a dependency is temporarily unavailable. The cause is logged, not sent.
    pub(crate) fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(request_id = request_context::current_id(), %cause, "unavailable");
        let message = message!("the service is busy, try again shortly");
        Self::failure(Failure::Unavailable, message).with_header(header::RETRY_AFTER, "5")
    }

    /// 503: the file store is temporarily unavailable. The cause is logged, not sent.
    pub(crate) fn storage_unavailable(cause: impl fmt::Display) -> Self {
        tracing::error!(request_id = request_context::current_id(), %cause, "the file store is unavailable");
        let message = message!("files can't be stored or read right now, try again later");
        Self::failure(Failure::Unavailable, message).with_header(header::RETRY_AFTER, "30")
    }

    /// 500: a defect of this program. The cause is logged, not sent.
    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(request_id = request_context::current_id(), %cause, "internal error");
        let message = message!("something went wrong on our side");
        Self::failure(Failure::Internal, message)
    }

    pub(crate) fn timed_out() -> Self {
        Self::unavailable("the request took too long")
    }
}

impl From<persistence::Error> for Problem {
    fn from(error: persistence::Error) -> Self {
        match error {
            persistence::Error::Rule(rule) => Self::from_rule(rule.as_ref()),
            persistence::Error::Unavailable(cause) => Self::unavailable(cause),
            persistence::Error::Database(cause) => Self::internal(cause),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::from_rule(&invalid)
    }
}

impl From<TokenRule> for Problem {
    fn from(rule: TokenRule) -> Self {
        Self::from_rule(&rule)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.code.status());
        if let Some(header) = &self.0.header {
            response.insert_header(header.clone());
        }
        response.json(self.body())
    }
}

/// Handler of requests that match no endpoint.
pub(crate) async fn no_such_endpoint(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::no_endpoint(request.method(), request.path()))
}

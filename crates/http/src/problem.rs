//! Errors: the one place that knows what a refusal is in HTTP.

use std::fmt;

use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use inspection_domain::rule::{FieldError, Kind, Rule};
use inspection_persistence::Error as Stored;
use serde::Serialize;

use crate::request;

/// An answer that isn't the one hoped for.
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    status: StatusCode,
    code: &'static str,
    message: String,
    errors: Vec<FieldError>,
    data: Option<serde_json::Value>,
    header: Option<(header::HeaderName, String)>,
}

/// The body of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct ErrorBody<'a> {
    /// Always `error`.
    status: &'static str,
    /// What is wrong, for people.
    message: &'a str,
    /// What is wrong, for programs.
    code: &'static str,
    /// The request, to find it in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    /// The little that may be seen all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a serde_json::Value>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            status,
            code,
            message: message.into(),
            errors: Vec::new(),
            data: None,
            header: None,
        }))
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// With the little that may be seen all the same.
    pub(crate) fn with_data(mut self, data: serde_json::Value) -> Self {
        self.0.data = Some(data);
        self
    }

    fn with_header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.0.header = Some((name, value.into()));
        self
    }

    /// A rule said no.
    pub(crate) fn from_rule(rule: &(impl Rule + ?Sized)) -> Self {
        let status = match rule.code().kind() {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::Forbidden => StatusCode::FORBIDDEN,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Conflict => StatusCode::CONFLICT,
        };
        let problem = Self::new(status, rule.code().as_str(), rule.to_string()).with_errors(rule.fields());
        if status == StatusCode::UNAUTHORIZED {
            return problem.with_header(header::WWW_AUTHENTICATE, "Bearer");
        }
        problem
    }

    pub(crate) fn unsupported_media_type(wanted: &str) -> Self {
        let message = format!("the body must be {wanted}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("the body may have at most {limit} bytes");
        let errors = vec![FieldError { field: "body".into(), message: message.clone() }];
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message).with_errors(errors)
    }

    pub(crate) fn method_not_allowed(allowed: String) -> Self {
        let message = format!("this endpoint knows {allowed}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
            .with_header(header::ALLOW, allowed)
    }

    pub(crate) fn rate_limited() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "too many requests, try again later")
    }

    /// Something that is needed isn't there right now; the cause is for the log.
    pub(crate) fn unavailable(cause: impl fmt::Display) -> Self {
        tracing::warn!(request_id = request::current_id(), %cause, "unavailable");
        let message = "the service is busy, try again shortly";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            .with_header(header::RETRY_AFTER, "5")
    }

    /// Files can be neither kept nor read right now; the cause is for the log.
    pub(crate) fn storage_unavailable(cause: impl fmt::Display) -> Self {
        tracing::error!(request_id = request::current_id(), %cause, "files can't be stored or read");
        let message = "files can't be stored or read right now, try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message)
            .with_header(header::RETRY_AFTER, "30")
    }

    /// A defect of this program; the cause is for the log.
    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(request_id = request::current_id(), %cause, "internal error");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something went wrong on our side")
    }

    pub(crate) fn timed_out() -> Self {
        Self::unavailable("the request took too long")
    }
}

impl From<Stored> for Problem {
    fn from(error: Stored) -> Self {
        match error {
            Stored::Rule(rule) => Self::from_rule(rule.as_ref()),
            Stored::Unavailable(cause) => Self::unavailable(cause),
            Stored::Database(cause) => Self::internal(cause),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        if let Some(header) = &self.0.header {
            response.insert_header(header.clone());
        }
        response.json(ErrorBody {
            status: "error",
            message: &self.0.message,
            code: self.0.code,
            request_id: request::current_id(),
            errors: &self.0.errors,
            data: self.0.data.as_ref(),
        })
    }
}

/// What answers when no endpoint has the path.
pub(crate) async fn no_such_endpoint(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let message = format!("there is no endpoint {} {}", request.method(), request.path());
    Err(Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", message))
}

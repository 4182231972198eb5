//! Answers to requests that change something. They are rendered inside the transaction of the
//! change, so that the response to a request with an `Idempotency-Key` is stored together with it.

use std::marker::PhantomData;

use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError, http::StatusCode};
use inspection_domain::{idempotency::FirstResponse, text::Language};

use super::{
    openapi::{Describe, Operation},
    problem::Problem,
    reply::Render,
};

/// The rendered response `R`, or the stored response to an earlier request with the same key.
#[derive(Debug)]
pub(crate) struct Rendered<R> {
    status: u16,
    body: String,
    is_replayed: bool,
    kind: PhantomData<fn() -> R>,
}

impl<R> Rendered<R> {
    /// The response to a request that is handled for the first time.
    pub(crate) fn new(reply: &R, language: Language) -> serde_json::Result<Self>
    where
        R: Render,
    {
        Ok(Self {
            status: reply.status(),
            body: reply.body(language)?,
            is_replayed: false,
            kind: PhantomData,
        })
    }

    /// The response to a request that was handled before.
    pub(crate) fn replayed(first: FirstResponse) -> Self {
        // A status outside of HTTP becomes 500.
        let status = u16::try_from(first.status).unwrap_or_default();
        Self { status, body: first.body, is_replayed: true, kind: PhantomData }
    }

    /// HTTP status.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The body.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// Whether the request was handled before, and has changed nothing this time.
    pub(crate) fn is_replayed(&self) -> bool {
        self.is_replayed
    }
}

impl<R> Responder for Rendered<R> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Ok(status) = StatusCode::from_u16(self.status) else {
            return Problem::internal(format_args!("a stored status of {}", self.status)).error_response();
        };
        let mut response = HttpResponse::build(status);
        response.content_type("application/json");
        if self.is_replayed {
            response.insert_header(("idempotency-replayed", "true"));
        }
        response.body(self.body)
    }
}

impl<R: Describe> Describe for Rendered<R> {
    fn describe(operation: &mut Operation) {
        operation.idempotency_key();
        operation.precondition();
        R::describe(operation);
    }
}

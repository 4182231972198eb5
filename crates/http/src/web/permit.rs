//! The types that state what a handler requires of its client.

use std::marker::PhantomData;

use inspection_auth::{permissions::Permission, tokens::Token};
use inspection_domain::versions::Precondition;
use inspection_persistence::Origin;

use super::{
    openapi::{Describe, Operation},
    request_context::Reader,
};

/// A valid access token for an endpoint that requires the permission `P`.
///
/// [`App`](super::app::App) authorizes it: it checks that the session is active, that the user
/// needn't change the password first, and that the user's role grants the permission.
#[derive(Debug)]
pub(crate) struct Permit<P> {
    pub(crate) token: Token,
    /// Language of the response.
    pub(crate) reader: Reader,
    /// The condition in `If-Match`.
    pub(crate) if_match: Option<Precondition>,
    /// Origin of the request, for the audit trail.
    pub(crate) origin: Origin,
    permission: PhantomData<fn() -> P>,
}

impl<P> Permit<P> {
    pub(crate) fn new(token: Token, reader: Reader, if_match: Option<Precondition>, origin: Origin) -> Self {
        Self { token, reader, if_match, origin, permission: PhantomData }
    }
}

impl<P> Clone for Permit<P> {
    fn clone(&self) -> Self {
        Self::new(self.token.clone(), self.reader.clone(), self.if_match.clone(), self.origin.clone())
    }
}

impl<P: Permission> Describe for Permit<P> {
    fn describe(operation: &mut Operation) {
        operation.requires(P::ROW);
    }
}

/// No authentication. Explicit, since a handler without an authentication requirement is no
/// endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Public;

impl Describe for Public {
    fn describe(operation: &mut Operation) {
        operation.is_public();
    }
}

/// Origin of a request without a permit.
#[derive(Debug)]
pub(crate) struct RequestOrigin(pub(crate) Origin);

impl Describe for RequestOrigin {
    fn describe(_: &mut Operation) {}
}

/// A valid refresh token in the `Authorization` header.
#[derive(Debug)]
pub(crate) struct RefreshToken(pub(crate) Token);

impl Describe for RefreshToken {
    fn describe(operation: &mut Operation) {
        operation.requires_refresh_token();
    }
}

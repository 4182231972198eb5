//! The route table. A feature registers its endpoints here; the OpenAPI document is derived from
//! the types of their handlers.

use std::{collections::BTreeMap, future::Future};

use actix_web::{
    FromRequest, Handler, Resource, Responder, guard,
    http::Method,
    web::{self, ServiceConfig},
};
use inspection_auth::permissions::Permission;

use super::{
    app::App,
    limits::Limit,
    openapi::{Describe, Operation},
    permit::{Permit, Public},
    problem::Problem,
};

/// The authentication requirement of an endpoint, as an extractor.
pub(crate) trait AuthRequirement: FromRequest + Describe + 'static {}

impl<P: Permission> AuthRequirement for Permit<P> {}
impl AuthRequirement for Public {}

/// A handler that can be an endpoint: it takes the app, then an [`AuthRequirement`], then its
/// inputs.
pub(crate) trait Endpoint<Args>: Handler<Args, Output: Responder<Body: 'static> + 'static> {
    /// Describes its inputs and its response.
    fn describe(operation: &mut Operation);
}

macro_rules! endpoint {
    ($($input:ident),*) => {
        impl<F, Fut, R, Auth, $($input),*> Endpoint<(App, Auth, $($input,)*)> for F
        where
            F: Handler<(App, Auth, $($input,)*), Output = Result<R, Problem>, Future = Fut>,
            F: Fn(App, Auth, $($input),*) -> Fut,
            Fut: Future<Output = Result<R, Problem>>,
            R: Responder<Body: 'static> + Describe + 'static,
            Auth: AuthRequirement,
            $($input: FromRequest + Describe,)*
        {
            fn describe(operation: &mut Operation) {
                Auth::describe(operation);
                $($input::describe(operation);)*
                R::describe(operation);
            }
        }
    };
}

endpoint!();
endpoint!(A);
endpoint!(A, B);
endpoint!(A, B, C);

/// The methods of one path.
struct PathEntry {
    resource: Resource,
    methods: Vec<&'static str>,
}

/// A registered endpoint.
pub(crate) struct RegisteredEndpoint {
    pub(crate) path: &'static str,
    pub(crate) method: Method,
    /// Operation id, `feature.action`.
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    /// Completes the operation for the document, which is built on first use.
    pub(crate) describe: fn(&mut Operation),
    /// Statuses of errors that no type of the handler's signature implies.
    pub(crate) errors: &'static [u16],
    limit: Option<Limit>,
}

impl RegisteredEndpoint {
    /// Adds the statuses of errors that no type of the handler's signature implies.
    pub(crate) fn errors(&mut self, statuses: &'static [u16]) -> &mut Self {
        self.errors = statuses;
        self
    }

    /// Adds a rate limit, in addition to the overall one. The path must have no parameters.
    pub(crate) fn limit(&mut self, limit: Limit) {
        self.limit = Some(limit);
    }
}

/// The endpoints of the API.
#[derive(Default)]
pub struct Routes {
    paths: BTreeMap<&'static str, PathEntry>,
    endpoints: Vec<RegisteredEndpoint>,
    /// Tags of operations with their descriptions.
    tags: Vec<(&'static str, &'static str)>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.operations()).finish()
    }
}

impl Routes {
    /// Method and path of every endpoint.
    pub fn operations(&self) -> impl Iterator<Item = (&Method, &str)> {
        self.endpoints.iter().map(|endpoint| (&endpoint.method, endpoint.path))
    }

    /// The endpoints and the tags, in the order of their registration.
    pub(crate) fn into_parts(self) -> (Vec<RegisteredEndpoint>, Vec<(&'static str, &'static str)>) {
        (self.endpoints, self.tags)
    }

    /// Describes the operations whose ids begin with this tag.
    pub(crate) fn tag(&mut self, name: &'static str, description: &'static str) {
        self.tags.push((name, description));
    }

    pub(crate) fn get<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        id: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) -> &mut RegisteredEndpoint {
        self.add(Method::GET, path, id, handler, summary)
    }

    pub(crate) fn post<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        id: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) -> &mut RegisteredEndpoint {
        self.add(Method::POST, path, id, handler, summary)
    }

    pub(crate) fn put<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        id: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) -> &mut RegisteredEndpoint {
        self.add(Method::PUT, path, id, handler, summary)
    }

    pub(crate) fn delete<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        id: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) -> &mut RegisteredEndpoint {
        self.add(Method::DELETE, path, id, handler, summary)
    }

    fn add<Args: FromRequest + 'static, E: Endpoint<Args>>(
        &mut self,
        method: Method,
        path: &'static str,
        id: &'static str,
        handler: E,
        summary: &'static str,
    ) -> &mut RegisteredEndpoint {
        let new = || PathEntry { resource: web::resource(path), methods: Vec::new() };
        let mut entry = self.paths.remove(path).unwrap_or_else(new);
        let route = if method == Method::GET {
            entry.methods.extend(["GET", "HEAD"]);
            web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
        } else {
            entry.methods.push(match method {
                Method::POST => "POST",
                Method::PUT => "PUT",
                _ => "DELETE",
            });
            web::method(method.clone())
        };
        entry.resource = entry.resource.route(route.to(handler));
        self.paths.insert(path, entry);
        self.endpoints.push_mut(RegisteredEndpoint {
            path,
            method,
            id,
            summary,
            describe: E::describe,
            errors: &[],
            limit: None,
        })
    }

    /// The endpoints that have a rate limit of their own, by method and path.
    pub(crate) fn limits(&self) -> impl Iterator<Item = ((Method, &'static str), Limit)> {
        self.endpoints.iter().filter_map(|endpoint| {
            endpoint.limit.map(|limit| ((endpoint.method.clone(), endpoint.path), limit))
        })
    }

    /// Registers the endpoints with actix. Fixed segments precede parameters in the same position,
    /// since `{` sorts after letters.
    pub(crate) fn register(self, config: &mut ServiceConfig) {
        for entry in self.paths.into_values() {
            let allowed = entry.methods.join(", ");
            let resource = entry.resource.default_service(web::to(move || {
                let refused = Problem::method_not_allowed(allowed.clone());
                async move { Err::<actix_web::HttpResponse, Problem>(refused) }
            }));
            config.service(resource);
        }
    }
}

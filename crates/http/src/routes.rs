//! The route table. A feature adds its endpoints here; what they take and give is read off their handlers' types,
//! so the OpenAPI document can't say anything else.

use std::{collections::BTreeMap, future::Future};

use actix_web::{
    FromRequest, Handler, Resource, Responder, guard,
    http::Method,
    web::{self, ServiceConfig},
};

use crate::{
    app::App,
    docs::{Describe, Operation},
    extract::{Permit, Public},
    limits::Limit,
    problem::Problem,
};

/// What a handler must ask for first: a permit, or explicitly nothing.
pub(crate) trait Gate: FromRequest + Describe + 'static {}

impl<P: inspection_auth::permissions::Permission> Gate for Permit<P> {}
impl Gate for Public {}

/// A handler that can be an endpoint: it takes the app, then a [`Gate`], then its inputs.
pub(crate) trait Endpoint<Args>: Handler<Args, Output: Responder<Body: 'static> + 'static> {
    /// Tells the document what it takes and gives.
    fn describe(operation: &mut Operation);
}

macro_rules! endpoint {
    ($($input:ident),*) => {
        impl<F, Fut, R, G, $($input),*> Endpoint<(App, G, $($input,)*)> for F
        where
            F: Handler<(App, G, $($input,)*), Output = Result<R, Problem>, Future = Fut>,
            F: Fn(App, G, $($input),*) -> Fut,
            Fut: Future<Output = Result<R, Problem>>,
            R: Responder<Body: 'static> + Describe + 'static,
            G: Gate,
            $($input: FromRequest + Describe,)*
        {
            fn describe(operation: &mut Operation) {
                G::describe(operation);
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

struct Entry {
    resource: Resource,
    methods: Vec<&'static str>,
    limit: Option<Limit>,
}

/// An endpoint for the document, which is only put together when it is asked for.
pub(crate) struct Documented {
    pub(crate) path: &'static str,
    pub(crate) method: Method,
    pub(crate) handler: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) describe: fn(&mut Operation),
}

/// The endpoints of the API, by path.
#[derive(Default)]
pub struct Routes {
    entries: BTreeMap<&'static str, Entry>,
    pub(crate) operations: Vec<Documented>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.operations()).finish()
    }
}

impl Routes {
    /// Method and path of every endpoint.
    pub fn operations(&self) -> impl Iterator<Item = (&Method, &str)> {
        self.operations.iter().map(|operation| (&operation.method, operation.path))
    }

    pub(crate) fn get<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) {
        self.add(Method::GET, path, handler, summary);
    }

    pub(crate) fn post<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) {
        self.add(Method::POST, path, handler, summary);
    }

    pub(crate) fn put<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) {
        self.add(Method::PUT, path, handler, summary);
    }

    pub(crate) fn delete<Args: FromRequest + 'static>(
        &mut self,
        path: &'static str,
        handler: impl Endpoint<Args>,
        summary: &'static str,
    ) {
        self.add(Method::DELETE, path, handler, summary);
    }

    fn add<Args: FromRequest + 'static, E: Endpoint<Args>>(
        &mut self,
        method: Method,
        path: &'static str,
        handler: E,
        summary: &'static str,
    ) {
        self.operations.push(Documented {
            path,
            method: method.clone(),
            handler: std::any::type_name::<E>(),
            summary,
            describe: E::describe,
        });
        let fresh = || Entry { resource: web::resource(path), methods: Vec::new(), limit: None };
        let mut entry = self.entries.remove(path).unwrap_or_else(fresh);
        let route = if method == Method::GET {
            entry.methods.extend(["GET", "HEAD"]);
            web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
        } else {
            entry.methods.push(match method {
                Method::POST => "POST",
                Method::PUT => "PUT",
                _ => "DELETE",
            });
            web::method(method)
        };
        entry.resource = entry.resource.route(route.to(handler));
        self.entries.insert(path, entry);
    }

    /// Limits how often a client may send something to a path without parameters, in addition to all requests together.
    pub(crate) fn limit(&mut self, path: &'static str, limit: Limit) {
        if let Some(entry) = self.entries.get_mut(path) {
            entry.limit = Some(limit);
        }
    }

    /// The paths that have a limit of their own.
    pub(crate) fn limited(self) -> BTreeMap<&'static str, Limit> {
        let entries = self.entries.into_iter();
        entries.filter_map(|(path, entry)| Some((path, entry.limit?))).collect()
    }

    /// Puts the endpoints into service. Paths with fixed words come before those with numbers in the same place,
    /// since a brace sorts after letters.
    pub(crate) fn register(self, config: &mut ServiceConfig) {
        for entry in self.entries.into_values() {
            let allowed = entry.methods.join(", ");
            let resource = entry.resource.default_service(web::to(move || {
                let refused = Problem::method_not_allowed(allowed.clone());
                async move { Err::<actix_web::HttpResponse, Problem>(refused) }
            }));
            config.service(resource);
        }
    }
}

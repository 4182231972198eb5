//! The web framework of the crate. Features use it; it uses no feature.
//!
//! Bottom-up order; each module uses only modules above it.

pub(crate) mod prefix;

pub(crate) mod request_context;

pub(crate) mod problem;

pub(crate) mod openapi;

mod cursors;

pub(crate) mod entity_tags;

pub(crate) mod reply;

pub(crate) mod rendered;

pub(crate) mod generated;

pub(crate) mod input;

pub(crate) mod permit;

pub(crate) mod settings;

pub(crate) mod bulkhead;

pub(crate) mod metrics;

mod forwarded;

pub(crate) mod limits;

mod decided;

pub(crate) mod app;

pub(crate) mod attempts;

pub(crate) mod extract;

pub(crate) mod item_budget;

pub(crate) mod routes;

pub(crate) mod middleware;

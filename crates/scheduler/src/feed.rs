//! What feeds the workers of `apalis`: a stream of things to do, as one of its backends.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use apalis_core::{
    backend::{Backend, BackendConfig, finalize::Ephemeral},
    layers::Identity,
    task::{Task, builder::TaskBuilder},
    worker::context::WorkerContext,
};
use futures_util::{Stream, StreamExt, stream::BoxStream};

/// A stream of things to do. It is asked for the next one only when a worker is free.
pub(crate) struct Feed<T>(BoxStream<'static, T>);

impl<T> Feed<T> {
    pub(crate) fn new(things: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(things.boxed())
    }
}

impl<T> Backend for Feed<T> {
    type Task = Task<T>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        self.0.poll_next_unpin(context).map(|thing| thing.map(|thing| Ok(TaskBuilder::new(thing).build())))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for Feed<T> {
    type Args = T;
    type Id = u64;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

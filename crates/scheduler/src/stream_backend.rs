//! A stream as a backend of `apalis`.

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

/// Backend whose tasks are the items of a stream. It polls the stream only for a free worker.
pub(crate) struct StreamBackend<T>(BoxStream<'static, T>);

impl<T> StreamBackend<T> {
    pub(crate) fn new(items: impl Stream<Item = T> + Send + 'static) -> Self {
        Self(items.boxed())
    }
}

impl<T> Backend for StreamBackend<T> {
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
        self.0.poll_next_unpin(context).map(|item| item.map(|item| Ok(TaskBuilder::new(item).build())))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl<T> BackendConfig for StreamBackend<T> {
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

//! The upload use case: stores the received files, then records them.

use inspection_auth::permissions::SignedIn;
use inspection_domain::{files::NewFile, translations::Translated};
use inspection_persistence::{self as persistence, files};
use inspection_storage::Key;

use super::{upload::ReceivedForm, view::FileView};
use crate::{
    related::View,
    web::{
        app::{App, WorkError},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::Render,
    },
};

/// Stores the files of a form and records them in one transaction.
///
/// Content is stored before its rows are committed, so that no row lacks its content. On failure
/// the stored content is removed here; after a crash, by the reconciliation task of the file store.
/// A form that is sent again with its idempotency key is answered as the first time.
pub(super) async fn ingest<R: Render + Translated + 'static>(
    app: &App,
    permit: Permit<SignedIn>,
    form: ReceivedForm,
    reply: impl FnOnce(Vec<FileView>) -> persistence::Result<R> + Send + 'static,
) -> Result<Rendered<R>, Problem> {
    let ReceivedForm { purpose, files: accepted } = form;
    // Checked again with the rows; the early check avoids storing content in vain.
    if purpose.relation.is_some() {
        let purpose = purpose.clone();
        let check = app.read(permit.clone(), (), move |conn, caller, ()| {
            files::may_upload(conn, &caller.user, &purpose)
        });
        check.await?;
    }
    let today = app.context().today();
    let (mut stored, mut new) = (Vec::new(), Vec::new());
    for file in accepted {
        let key = Key::of_file(&purpose.category, today, app.context().ids.random(), file.kind);
        new.push(NewFile {
            key: key.as_str().to_owned(),
            client_name: file.name,
            kind: file.kind,
            size: file.staged.size(),
            sha256: file.staged.sha256().to_owned(),
        });
        stored.push(key.clone());
        if let Err(error) = app.storage().put(&key, file.staged).await {
            remove_content(app, &stored).await;
            return Err(error.into());
        }
    }
    let recorded = app.try_write(permit, (), move |tx, caller, ()| {
        let rows = files::record(tx, new, &purpose)?;
        reply(FileView::many(tx.conn(), rows, caller)?)
    });
    let recorded = recorded.await;
    // Any other error leaves the outcome of the commit unknown, so the content must stay.
    let is_recorded = match &recorded {
        Ok(answer) => !answer.is_replayed(),
        Err(WorkError::Failed(persistence::Error::Rule(_))) => false,
        Err(_) => true,
    };
    if !is_recorded {
        remove_content(app, &stored).await;
    }
    Ok(recorded?)
}

/// Removes content that no row refers to. The reconciliation task removes the rest after a failure.
pub(super) async fn remove_content(app: &App, keys: &[Key]) {
    for key in keys {
        if let Err(error) = app.storage().remove(key).await {
            tracing::warn!(%error, %key, "orphaned file content remains in the store");
        }
    }
}

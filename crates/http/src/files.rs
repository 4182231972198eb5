//! Evidence files.

mod content;
mod upload;

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use inspection_auth::{permissions::SignedIn, tokens::TokenRule};
use inspection_domain::{
    files::{FileFilter, FileRule, NewFile, NewLink, StoredFile, ThumbnailSize, Viewing},
    ids::FileId,
    time::Instant,
    users::UserSummary,
};
use inspection_persistence::{self as persistence, DbConnection, files};
use inspection_storage::{Key, NoThumbnail, Size};
use serde::Serialize;
use utoipa::ToSchema;

use self::{
    content::{ConditionalRequest, Content, Label, Part},
    upload::{Received, Upload},
};
use crate::{
    equipment::Related,
    web::{
        app::App,
        input::{Body, ListQuery, Path, QueryParams, Validate, parameter},
        limits::Limit,
        openapi::{Describe, Operation},
        permit::{Permit, Public},
        problem::Problem,
        reply::{Created, Done, Paged, Plain, Reply},
        routes::{AuthRequirement, Routes},
    },
};

/// Endpoints of files.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get("/api/files", "files.list", list, "The files of an object, or one's own, newest first");
    routes.post("/api/files/upload", "files.upload", upload, "Upload a file").limit(Limit::Upload);
    routes
        .post(
            "/api/files/upload-multiple",
            "files.upload_multiple",
            upload_multiple,
            "Upload up to ten files, all or none",
        )
        .limit(Limit::UploadMultiple);
    routes.get("/api/files/{id}", "files.get", get, "What is known of a file");
    routes.delete(
        "/api/files/{id}",
        "files.delete",
        delete,
        "Delete a file that no record rests on: its uploader or an admin",
    );
    routes.get(
        "/api/files/{id}/download",
        "files.download",
        download,
        "The bytes of a file, or a part of them",
    );
    routes.get("/api/files/{id}/thumbnail", "files.thumbnail", thumbnail, "A small picture of an image");
    routes.post("/api/files/{id}/link", "files.link", link, "A link that opens the file without signing in");
}

inspection_domain::shows!(FileView {});

/// A file for a reader.
#[derive(Debug, Serialize, ToSchema)]
struct FileView {
    #[serde(flatten)]
    file: StoredFile,
    /// The name it is stored under.
    filename: String,
    /// `image` or `document`.
    file_type: &'static str,
    /// Size in mebibytes, to two decimals.
    file_size_mb: f64,
    /// Whether it is an image.
    is_image: bool,
    /// Who uploaded it.
    uploader: Option<UserSummary>,
    /// When it was uploaded.
    uploaded_at: Instant,
    /// Where its bytes are.
    download_url: String,
    /// Where a small picture of it is, if it is an image.
    thumbnail_url: Option<String>,
}

/// Size in mebibytes, to two decimals.
fn mebibytes(bytes: i64) -> f64 {
    let hundredths = (i128::from(bytes) * 100 + (1 << 19)) / (1 << 20);
    f64::from(u32::try_from(hundredths).unwrap_or(u32::MAX)) / 100.0
}

impl FileView {
    fn new(file: StoredFile, related: &Related) -> Self {
        let is_image = file.kind.is_image();
        Self {
            filename: file.stored_name().to_owned(),
            file_type: if is_image { "image" } else { "document" },
            file_size_mb: mebibytes(file.file_size),
            is_image,
            uploader: related.person(Some(file.uploaded_by_id)),
            uploaded_at: file.created_at,
            download_url: format!("/api/files/{}/download", file.id),
            thumbnail_url: is_image.then(|| format!("/api/files/{}/thumbnail", file.id)),
            file,
        }
    }

    fn one(conn: &mut DbConnection, file: StoredFile) -> persistence::Result<Self> {
        let related = related(conn, std::slice::from_ref(&file))?;
        Ok(Self::new(file, &related))
    }
}

fn related(conn: &mut DbConnection, files: &[StoredFile]) -> persistence::Result<Related> {
    Related::of(conn, [], files.iter().map(|file| Some(file.uploaded_by_id)))
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<FileFilter>,
) -> Result<Paged<FileView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = files::list(conn, &caller.user, filter.relation()?, page)?;
        let related = related(conn, &page.items)?;
        Ok(page.map(|file| FileView::new(file, &related)))
    });
    Ok(Paged(page.await?))
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<FileId>) -> Result<Reply<FileView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let file = files::get_visible(conn, &caller.user, id)?;
        FileView::one(conn, file)
    });
    Ok(Reply::new(view.await?))
}

async fn upload(
    app: App,
    permit: Permit<SignedIn>,
    form: Upload<false>,
) -> Result<Created<FileView>, Problem> {
    app.authorize(permit.clone(), ()).await?;
    let received = form.receive(&app).await?;
    let view = keep(&app, permit, received).await?.pop();
    let view = view.ok_or_else(|| Problem::internal("a form without files was accepted"))?;
    Ok(Created::with(view, "file uploaded"))
}

async fn upload_multiple(
    app: App,
    permit: Permit<SignedIn>,
    form: Upload<true>,
) -> Result<Created<Vec<FileView>>, Problem> {
    app.authorize(permit.clone(), ()).await?;
    let received = form.receive(&app).await?;
    Ok(Created::with(keep(&app, permit, received).await?, "files uploaded"))
}

/// Keeps what was received: bytes first, so that no row is without them, then the rows, all at once. What is left if that fails
/// is removed here, or after a crash by whoever tidies the store up.
async fn keep(app: &App, permit: Permit<SignedIn>, received: Received) -> Result<Vec<FileView>, Problem> {
    let Received { purpose, files: accepted } = received;
    // Judged again with the row; before, so that nothing is stored in vain.
    if purpose.relation.is_some() {
        let wanted = purpose.clone();
        app.read(permit.clone(), (), move |conn, caller, ()| files::may_upload(conn, &caller.user, &wanted))
            .await?;
    }
    let today = app.context().today();
    let mut kept = Vec::new();
    let mut new = Vec::new();
    for file in accepted {
        let key = Key::of_file(&purpose.category, today, app.context().ids.random(), file.kind);
        new.push(NewFile {
            key: key.as_str().to_owned(),
            client_name: file.name,
            kind: file.kind,
            size: file.staged.size(),
            sha256: file.staged.sha256().to_owned(),
        });
        kept.push(key.clone());
        if let Err(error) = app.storage().put(&key, file.staged).await {
            remove(app, &kept).await;
            return Err(error.into());
        }
    }
    let recorded = app.try_write(permit, (), move |tx, _, ()| {
        let stored = files::record(tx, new, &purpose)?;
        let related = related(tx.conn(), &stored)?;
        Ok(stored.into_iter().map(|file| FileView::new(file, &related)).collect())
    });
    match recorded.await? {
        Ok(views) => Ok(views),
        Err(error) => {
            // Without an answer of the database it isn't known whether the rows are there.
            if matches!(error, persistence::Error::Rule(_)) {
                remove(app, &kept).await;
            }
            Err(error.into())
        }
    }
}

/// Removes bytes that no row knows any more, or not yet. What stays is found when the store is tidied up.
async fn remove(app: &App, keys: &[Key]) {
    for key in keys {
        if let Err(error) = app.storage().remove(key).await {
            tracing::warn!(%error, %key, "a file without a row stays in the store");
        }
    }
}

async fn delete(app: App, permit: Permit<SignedIn>, id: Path<FileId>) -> Result<Done, Problem> {
    let gone = app.write(permit, id, |tx, _, id| files::delete(tx, id)).await?;
    remove(&app, &[Key::recorded(&gone.key)]).await;
    Ok(Done("file deleted"))
}

/// Who opens a file: somebody who is signed in, or anybody with a link to it.
#[derive(Debug)]
pub(crate) enum Visitor {
    SignedIn(Permit<SignedIn>),
    Linked(FileId),
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<App>();
        ready(match (parameter(request, "token"), app) {
            (Ok(Some(token)), Some(app)) => {
                app.links().read(&token, app.now()).map(Self::Linked).map_err(Problem::from)
            }
            (Err(problem), _) => Err(problem),
            _ => Permit::from_request(request, payload).into_inner().map(Self::SignedIn),
        })
    }
}

impl Describe for Visitor {
    fn describe(operation: &mut Operation) {
        Permit::<SignedIn>::describe(operation);
        operation.link_token();
    }
}

impl AuthRequirement for Visitor {}

impl Visitor {
    /// The file and what is said about showing it, if the visitor may see it.
    async fn see<O>(
        self,
        app: &App,
        id: Path<FileId>,
        how: QueryParams<O>,
    ) -> Result<(StoredFile, O), Problem>
    where
        O: Send + 'static,
    {
        match self {
            Self::SignedIn(permit) => {
                let Plain(seen) = app
                    .read(permit, (id, how), |conn, caller, (id, how)| {
                        Ok(Plain((files::get_visible(conn, &caller.user, id)?, how)))
                    })
                    .await?;
                Ok(seen)
            }
            Self::Linked(linked) => {
                let (id, how) = (id, how).validate()?;
                if id != linked {
                    return Err(TokenRule::Invalid.into());
                }
                Ok((app.read_public(Public, move |conn| files::get(conn, id)).await?, how))
            }
        }
    }
}

async fn download(
    app: App,
    visitor: Visitor,
    id: Path<FileId>,
    how: QueryParams<Viewing>,
    wanted: ConditionalRequest,
) -> Result<Content, Problem> {
    let (file, how) = visitor.see(&app, id, how).await?;
    let label = Label::of(&file, how.inline == Some(true));
    let size = u64::try_from(file.file_size).unwrap_or(0);
    let part = wanted.part(&label.tag, size);
    let key = Key::recorded(&file.key);
    let opened = match &part {
        Part::Known | Part::Beyond => None,
        Part::Integer => Some(app.storage().open(&key, None).await?),
        Part::Some(range) => Some(app.storage().open(&key, Some(range.clone())).await?),
    };
    Ok(Content { label, size, part, opened })
}

async fn thumbnail(
    app: App,
    visitor: Visitor,
    id: Path<FileId>,
    how: QueryParams<ThumbnailSize>,
    wanted: ConditionalRequest,
) -> Result<Content, Problem> {
    let (file, how) = visitor.see(&app, id, how).await?;
    file.may_have_thumbnail().map_err(|rule| Problem::from_rule(&rule))?;
    let size = Size::for_pixels(how.pixels());
    let label = Label::of_thumbnail(&file, size.pixels());
    if wanted.part(&label.tag, 1) == Part::Known {
        return Ok(Content { label, size: 0, part: Part::Known, opened: None });
    }
    match app.storage().thumbnail(&Key::recorded(&file.key), size).await {
        Ok(opened) => Ok(Content { label, size: opened.size, part: Part::Integer, opened: Some(opened) }),
        Err(NoThumbnail::Impossible) => Err(Problem::from_rule(&FileRule::NoThumbnail)),
        Err(NoThumbnail::Store(error)) => Err(error.into()),
    }
}

/// A link that opens a file.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// The file, shown by the browser itself. Relative to this service.
    url: String,
    /// A small picture of it, if it is an image.
    thumbnail_url: Option<String>,
    /// The same file, to be saved.
    download_url: String,
    /// When the links end.
    expires_at: Instant,
}

async fn link(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<FileId>,
    body: Body<NewLink>,
) -> Result<Created<LinkView>, Problem> {
    let Plain((file, new)) = app
        .read(permit, (id, body), |conn, caller, (id, new)| {
            Ok(Plain((files::get_visible(conn, &caller.user, id)?, new)))
        })
        .await?;
    let token = app.links().sign(file.id, new.seconds(), app.now());
    let token = token.ok_or_else(|| Problem::internal("signing a link failed"))?;
    let base = format!("/api/files/{}", file.id);
    Ok(Created::new(LinkView {
        url: format!("{base}/download?inline=1&token={token}"),
        thumbnail_url: file.kind.is_image().then(|| format!("{base}/thumbnail?token={token}")),
        download_url: format!("{base}/download?token={token}"),
        expires_at: app.now().plus_seconds(new.seconds()),
    }))
}

#[cfg(test)]
mod tests {
    use super::mebibytes;

    #[test]
    fn sizes_are_told_to_two_decimals() {
        let close = |bytes, told: f64| (mebibytes(bytes) - told).abs() < 1e-9;
        for (bytes, told) in [(1, 0.0), (5_243, 0.01), (1 << 20, 1.0), (1_572_864, 1.5), (16 << 20, 16.0)] {
            assert!(close(bytes, told), "{bytes}: {}", mebibytes(bytes));
        }
    }
}

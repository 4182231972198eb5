//! Evidence files.

mod content;
mod ingest;
mod upload;
mod view;

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use inspection_auth::{links::Link, permissions::SignedIn, tokens::TokenRule};
use inspection_domain::{
    files::{FileFilter, FileRule, NewLink, StoredFile, ThumbnailSize, Viewing},
    ids::FileId,
    rule::NotFound,
    time::Instant,
};
use inspection_persistence::{files, versions};
use inspection_storage::{Key, NoThumbnail, Requester, Size};
use serde::Serialize;
use utoipa::ToSchema;

use self::{
    content::{ConditionalRequest, ContentHeaders, ContentRange, FileContent},
    ingest::{ingest, remove_content},
    upload::Upload,
    view::FileView,
};
use crate::{
    related::{View, list_views},
    web::{
        app::App,
        entity_tags::Versioned,
        input::{Body, ListQuery, Path, QueryParams, Validate, parameter},
        limits::Limit,
        openapi::{Describe, Operation},
        permit::{Permit, Public, RequestOrigin},
        problem::Problem,
        rendered::Rendered,
        reply::{Complete, Created, Done, Paged, Plain, Reply},
        request_context,
        routes::{AuthRequirement, Routes},
    },
};

/// Endpoints of files.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("files", "Evidence files");
    routes
        .get("/api/files", "files.list", list, "List the files of an object, or the user's own, newest first")
        .errors(&[404]);
    routes.post("/api/files/upload", "files.upload", upload, "Upload a file").limit(Limit::Upload);
    routes
        .post(
            "/api/files/upload-multiple",
            "files.upload_multiple",
            upload_multiple,
            "Upload up to ten files, all or none",
        )
        .limit(Limit::UploadMultiple);
    routes.get("/api/files/{id}", "files.get", get, "Get the metadata of a file");
    routes.delete(
        "/api/files/{id}",
        "files.delete",
        delete,
        "Delete a file that is no evidence of a record; allowed for its uploader and admins",
    );
    routes.get("/api/files/{id}/download", "files.download", download, "Download a file, or a range of it");
    routes.get("/api/files/{id}/thumbnail", "files.thumbnail", thumbnail, "Get the thumbnail of an image");
    routes.post(
        "/api/files/{id}/link",
        "files.link",
        link,
        "Create a link that opens the file without signing in",
    );
}

async fn list(
    app: App,
    permit: Permit<SignedIn>,
    query: ListQuery<FileFilter>,
) -> Result<Paged<FileView>, Problem> {
    list_views(app, permit, query, |conn, caller, filter, page| {
        files::list(conn, &caller.user, filter.relation()?, page)
    })
    .await
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<FileId>) -> Result<Reply<FileView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let file = files::get_visible(conn, &caller.user, id)?;
        let version = versions::of(&file)?;
        Ok(Versioned { version, view: FileView::one(conn, file, caller)? })
    });
    Ok(Reply::versioned(view.await?))
}

async fn upload(
    app: App,
    permit: Permit<SignedIn>,
    form: Upload<false>,
) -> Result<Rendered<Created<FileView>>, Problem> {
    let (caller, ()) = app.authorize(permit.clone(), ()).await?;
    let form = form.receive(&app, Requester::User(caller.user.id.get())).await?;
    let reply = |mut views: Vec<FileView>| {
        let view = views.pop().ok_or(NotFound("the uploaded file"))?;
        Ok(Created::with(view, "file uploaded"))
    };
    ingest(&app, permit, form, reply).await
}

async fn upload_multiple(
    app: App,
    permit: Permit<SignedIn>,
    form: Upload<true>,
) -> Result<Rendered<Created<Complete<FileView>>>, Problem> {
    let (caller, ()) = app.authorize(permit.clone(), ()).await?;
    let form = form.receive(&app, Requester::User(caller.user.id.get())).await?;
    ingest(&app, permit, form, |views| Ok(Created::with(Complete(views), "files uploaded"))).await
}

async fn delete(app: App, permit: Permit<SignedIn>, id: Path<FileId>) -> Result<Rendered<Done>, Problem> {
    let deleted = app.transact(permit, id, |tx, _, id| files::delete(tx, id)).await?;
    remove_content(&app, &[Key::recorded(&deleted.key)]).await;
    Rendered::new(&Done("file deleted"), request_context::language()).map_err(Problem::internal)
}

/// The authentication of a download: an access token, or a link token.
#[derive(Debug)]
pub(crate) enum Visitor {
    SignedIn(Permit<SignedIn>),
    Linked(Link, RequestOrigin),
}

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let app = request.app_data::<App>();
        ready(match (parameter(request, "token"), app) {
            (Ok(Some(token)), Some(app)) => {
                let origin = RequestOrigin::from_request(request, payload).into_inner();
                let link = app.links().read(&token, app.now()).map_err(Problem::from);
                link.and_then(|link| Ok(Self::Linked(link, origin?)))
            }
            (Err(problem), _) => Err(problem),
            _ => Permit::from_request(request, payload).into_inner().map(Self::SignedIn),
        })
    }
}

impl Describe for Visitor {
    fn describe(operation: &mut Operation) {
        Permit::<SignedIn>::describe(operation);
        operation.query_parameter("token", "Token of a link to this file; replaces the access token.");
    }
}

impl AuthRequirement for Visitor {}

impl Visitor {
    /// The file and the options of the request, if the visitor may see the file.
    async fn authorize<O>(
        self,
        app: &App,
        id: Path<FileId>,
        options: QueryParams<O>,
    ) -> Result<(StoredFile, O, Requester), Problem>
    where
        O: Send + 'static,
    {
        match self {
            Self::SignedIn(permit) => {
                let Plain(found) = app
                    .read(permit, (id, options), |conn, caller, (id, options)| {
                        let requester = Requester::User(caller.user.id.get());
                        Ok(Plain((files::get_visible(conn, &caller.user, id)?, options, requester)))
                    })
                    .await?;
                Ok(found)
            }
            Self::Linked(link, origin) => {
                let (id, options) = (id, options).validate()?;
                if id != link.file {
                    return Err(TokenRule::Invalid.into());
                }
                let opened =
                    app.write_public(Public, origin, move |tx| files::open_link(tx, &link.session, id));
                Ok((opened.await?, options, Requester::Visitor))
            }
        }
    }
}

async fn download(
    app: App,
    visitor: Visitor,
    id: Path<FileId>,
    options: QueryParams<Viewing>,
    conditions: ConditionalRequest,
) -> Result<FileContent, Problem> {
    let (file, options, requester) = visitor.authorize(&app, id, options).await?;
    let key = Key::recorded(&file.key);
    let is_inline =
        options.inline == Some(true) && app.storage().may_be_shown(&key, file.kind, requester).await?;
    let headers = ContentHeaders::of(&file, is_inline);
    let size = u64::try_from(file.file_size).unwrap_or(0);
    let range = conditions.range(&headers.tag, size);
    let opened = match &range {
        ContentRange::NotModified | ContentRange::NotSatisfiable => None,
        ContentRange::Full => Some(app.storage().open(&key, None).await?),
        ContentRange::Partial(bytes) => Some(app.storage().open(&key, Some(bytes.clone())).await?),
    };
    Ok(FileContent { headers, size, range, opened })
}

async fn thumbnail(
    app: App,
    visitor: Visitor,
    id: Path<FileId>,
    options: QueryParams<ThumbnailSize>,
    conditions: ConditionalRequest,
) -> Result<FileContent, Problem> {
    let (file, options, requester) = visitor.authorize(&app, id, options).await?;
    file.may_have_thumbnail().map_err(|rule| Problem::from_rule(&rule))?;
    let size = Size::for_pixels(options.pixels());
    let headers = ContentHeaders::of_thumbnail(&file, size.pixels());
    if conditions.range(&headers.tag, 1) == ContentRange::NotModified {
        return Ok(FileContent { headers, size: 0, range: ContentRange::NotModified, opened: None });
    }
    match app.storage().thumbnail(&Key::recorded(&file.key), size, requester).await {
        Ok(opened) => {
            Ok(FileContent { headers, size: opened.size, range: ContentRange::Full, opened: Some(opened) })
        }
        Err(NoThumbnail::Impossible) => Err(Problem::from_rule(&FileRule::NoThumbnail)),
        Err(NoThumbnail::Store(error)) => Err(error.into()),
    }
}

/// Links that open a file.
#[derive(Debug, Serialize, ToSchema)]
struct LinkView {
    /// Path that displays the file in the browser.
    url: String,
    /// Path of the thumbnail, for images.
    thumbnail_url: Option<String>,
    /// Path that downloads the file.
    download_url: String,
    /// Expiry of the links.
    expires_at: Instant,
}

async fn link(
    app: App,
    mut permit: Permit<SignedIn>,
    id: Path<FileId>,
    body: Body<NewLink>,
) -> Result<Created<LinkView>, Problem> {
    // The file stays as it is, in whatever version.
    permit.if_match = None;
    let session = permit.token.session;
    let (file, new) =
        app.transact(permit, (id, body), |tx, _, (id, new)| Ok((files::create_link(tx, id)?, new))).await?;
    let token = app.links().sign(&Link { file: file.id, session }, new.seconds(), app.now());
    let token = token.ok_or_else(|| Problem::internal("signing a link failed"))?;
    let base = request_context::reader().prefix.path(format!("/api/files/{}", file.id));
    Ok(Created::new(LinkView {
        url: format!("{base}/download?inline=1&token={token}"),
        thumbnail_url: file.kind.is_image().then(|| format!("{base}/thumbnail?token={token}")),
        download_url: format!("{base}/download?token={token}"),
        expires_at: app.now().plus_seconds(new.seconds()),
    }))
}

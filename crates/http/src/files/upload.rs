//! Forms with files in them, read piece by piece: no file is in memory.

use std::future::{Ready, ready};

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::Payload,
    http::header::{self, HeaderMap},
};
use futures_util::TryStreamExt;
use inspection_domain::{
    files::{FileKind, Purpose, UploadFields},
    input::{Input, Invalid},
};
use inspection_storage::{Incoming, Staged, StoreError, UploadError};

use crate::web::{
    app::App,
    openapi::{Describe, Operation},
    problem::Problem,
};

/// Files in one form, if there may be several.
const MANY: usize = 10;

/// Fields a form may have, files among them.
const MOST_FIELDS: usize = 30;

/// Bytes of a field that is no file.
const LONGEST_FIELD: usize = 1000;

/// Bytes that the form itself may take, beside its files.
const ENVELOPE: usize = 64 << 10;

/// A form that is still to be read: one file in the field `file`, or up to ten in `files`.
pub(super) struct Upload<const SEVERAL: bool> {
    headers: HeaderMap,
    payload: Payload,
    is_form: bool,
    length: Option<usize>,
}

impl<const SEVERAL: bool> FromRequest for Upload<SEVERAL> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        ready(Ok(Self {
            is_form: request.content_type().eq_ignore_ascii_case("multipart/form-data"),
            length: headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok()),
            headers: headers.clone(),
            payload: payload.take(),
        }))
    }
}

/// A file of a form that may be kept.
pub(super) struct Accepted {
    pub(super) staged: Staged,
    pub(super) name: String,
    pub(super) kind: FileKind,
}

/// What was in a form.
pub(super) struct Received {
    pub(super) purpose: Purpose,
    pub(super) files: Vec<Accepted>,
}

/// A file of a form that was read, or why it can't be.
struct Arrived {
    name: String,
    declared: Option<String>,
    staged: Result<Staged, String>,
}

/// A form that was read.
#[derive(Default)]
struct Parts {
    files: Vec<Arrived>,
    fields: Vec<(String, String)>,
    errors: Invalid,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // Whoever asks has seen the row: its bytes have to be there.
            StoreError::Missing(_) => Self::internal(error),
            StoreError::Unavailable(cause) => Self::storage_unavailable(cause),
        }
    }
}

fn malformed(error: MultipartError) -> Problem {
    tracing::debug!(%error, "a form can't be read");
    Invalid::field("body", "is not a complete form of multipart/form-data").into()
}

impl<const SEVERAL: bool> Upload<SEVERAL> {
    const FIELD: &str = if SEVERAL { "files" } else { "file" };
    const MOST: usize = if SEVERAL { MANY } else { 1 };

    fn is_file(field: &str) -> bool {
        matches!((SEVERAL, field), (_, "file") | (true, "files" | "files[]"))
    }

    /// What a file is called in errors.
    fn place(n: usize) -> String {
        if SEVERAL { format!("files[{n}]") } else { "file".into() }
    }

    /// Reads the form. Files go to a folder while they come; what can't be taken is refused at the end, all of it at once,
    /// except for too many bytes.
    pub(super) async fn receive(self, app: &App) -> Result<Received, Problem> {
        let Parts { files, fields, mut errors } = self.parts(app).await?;
        if files.is_empty() {
            errors.extend(Invalid::field(Self::FIELD, "is required"));
        }
        let mut accepted = Vec::new();
        for (n, file) in files.into_iter().enumerate() {
            let judged = judged(app, file).await?;
            accepted.extend(errors.collect(&Self::place(n), judged.map_err(Invalid::value)));
        }
        match UploadFields::from_pairs(fields).and_then(UploadFields::purpose) {
            Ok(purpose) => {
                errors.into_result()?;
                Ok(Received { purpose, files: accepted })
            }
            Err(others) => {
                errors.extend(others);
                Err(errors.into())
            }
        }
    }

    async fn parts(self, app: &App) -> Result<Parts, Problem> {
        if !self.is_form {
            return Err(Problem::unsupported_media_type("multipart/form-data"));
        }
        let limit = app.settings().max_content_length;
        if self
            .length
            .is_some_and(|length| length > Self::MOST.saturating_mul(limit).saturating_add(ENVELOPE))
        {
            return Err(Problem::too_large(limit));
        }
        let mut form = Multipart::new(&self.headers, self.payload);
        let mut parts = Parts::default();
        let (mut envelope, mut count) = (ENVELOPE, 0);
        while let Some(mut field) = form.try_next().await.map_err(malformed)? {
            count += 1;
            if count > MOST_FIELDS {
                return Err(Invalid::field("body", format!("may have at most {MOST_FIELDS} fields")).into());
            }
            let name = field.name().unwrap_or_default().to_owned();
            match (Self::is_file(&name), file_name(&field)) {
                (true, Some(file_name)) => {
                    if parts.files.len() == Self::MOST {
                        let most = format!("may be at most {} at once", Self::MOST);
                        return Err(Invalid::field(Self::FIELD, most).into());
                    }
                    let incoming = app.storage().begin(limit as u64);
                    parts.files.push(arrived(&mut field, file_name, incoming, limit).await?);
                }
                (true, None) => {
                    // Whatever it is, it isn't wanted.
                    let _ = text(&mut field, &mut envelope).await?;
                    let place = Self::place(parts.files.len());
                    parts.errors.extend(Invalid::field(place, "must be a file with a name"));
                }
                (false, _) => match text(&mut field, &mut envelope).await? {
                    // An empty field of a form is one that wasn't filled in.
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => parts.fields.push((name, text)),
                    Err(wrong) => parts.errors.extend(Invalid::field(name, wrong)),
                },
            }
        }
        Ok(parts)
    }
}

/// The name a client gives a file: as it is (RFC 6266), or in plain letters.
fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    let whole = disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    whole.or_else(|| disposition.get_filename().map(ToOwned::to_owned))
}

/// Reads a file. One that can never be taken is read all the same, so that the rest of the form is seen.
async fn arrived(
    field: &mut Field,
    name: String,
    incoming: Incoming,
    limit: usize,
) -> Result<Arrived, Problem> {
    let declared = field.content_type().map(ToString::to_string);
    let mut incoming = Ok(incoming);
    let mut size = 0;
    while let Some(piece) = field.try_next().await.map_err(malformed)? {
        size += piece.len();
        if size > limit {
            return Err(Problem::too_large(limit));
        }
        if let Ok(under_way) = &mut incoming {
            match under_way.write(&piece).await {
                Ok(()) => {}
                Err(UploadError::Store(error)) => return Err(error.into()),
                Err(refused) => incoming = Err(refused.to_string()),
            }
        }
    }
    let staged = match incoming {
        Ok(incoming) => Ok(incoming.finish().await?),
        Err(refusal) => Err(refusal),
    };
    Ok(Arrived { name, declared, staged })
}

/// Looks at a file that is there.
async fn judged(app: &App, file: Arrived) -> Result<Result<Accepted, String>, Problem> {
    let staged = match file.staged {
        Ok(staged) => staged,
        Err(refusal) => return Ok(Err(refusal)),
    };
    match app.storage().inspect(staged, &file.name, file.declared.as_deref()).await {
        Ok((staged, kind)) => Ok(Ok(Accepted { staged, name: file.name, kind })),
        Err(UploadError::Store(error)) => Err(error.into()),
        Err(refused) => Ok(Err(refused.to_string())),
    }
}

/// A short text, or what is wrong with it. All fields of a form that are no files share what the form may take beside them.
async fn text(field: &mut Field, envelope: &mut usize) -> Result<Result<String, &'static str>, Problem> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.try_next().await.map_err(malformed)? {
        *envelope = envelope.checked_sub(piece.len()).ok_or_else(|| Problem::too_large(ENVELOPE))?;
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() > LONGEST_FIELD {
        return Ok(Err("is too long"));
    }
    Ok(String::from_utf8(bytes).map_err(|_| "must be text in UTF-8"))
}

impl<const SEVERAL: bool> Describe for Upload<SEVERAL> {
    fn describe(operation: &mut Operation) {
        operation.form(Self::FIELD, SEVERAL, UploadFields::schema());
    }
}

//! Multipart forms with files. Files are streamed to a staging folder, never held in memory.

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
    message,
    message::Message,
};
use inspection_storage::{Incoming, Requester, Staged, StoreError, UploadError};

use crate::web::{
    app::App,
    openapi::{Describe, Operation},
    problem::Problem,
    request_context,
};

/// Maximum number of files in a form for several files.
const MAX_FILES: usize = 10;

/// Maximum number of fields in a form, files included.
const MAX_FIELDS: usize = 30;

/// Maximum length of a text field, in bytes.
const MAX_FIELD_LENGTH: usize = 1000;

/// Maximum size of a form apart from its files, in bytes.
const MAX_OVERHEAD: usize = 64 << 10;

/// An unread form: one file in the field `file`, or up to ten in `files`.
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

/// A staged file of an accepted type.
pub(super) struct AcceptedFile {
    pub(super) staged: Staged,
    pub(super) name: String,
    pub(super) kind: FileKind,
}

/// The valid content of a form.
pub(super) struct ReceivedForm {
    pub(super) purpose: Purpose,
    pub(super) files: Vec<AcceptedFile>,
}

/// A file as received, or the reason why it is refused.
struct FormFile {
    name: String,
    declared: Option<String>,
    staged: Result<Staged, Message>,
}

/// A form as received.
#[derive(Default)]
struct FormParts {
    files: Vec<FormFile>,
    fields: Vec<(String, String)>,
    errors: Invalid,
}

/// Why a part of a form isn't accepted.
enum PartError {
    /// The part is refused for this reason; the rest of the form is read on.
    Refused(Message),
    /// The request ends.
    Failed(Problem),
}

impl PartError {
    /// Adds a refusal to the errors of the form. Returns what ends the request.
    fn add_to(self, errors: &mut Invalid, field: String) -> Result<(), Problem> {
        match self {
            Self::Refused(reason) => errors.extend(Invalid::field(field, reason)),
            Self::Failed(problem) => return Err(problem),
        }
        Ok(())
    }
}

impl From<Problem> for PartError {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl From<UploadError> for PartError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Store(error) => Self::Failed(error.into()),
            refused => Self::Refused(refused.message()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // The row exists, so the content must exist, too.
            StoreError::Missing(_) => Self::internal(error),
            StoreError::Unavailable(cause) => Self::storage_unavailable(cause),
            StoreError::Busy => Self::unavailable(error),
        }
    }
}

fn malformed(error: MultipartError) -> Problem {
    tracing::debug!(%error, "malformed form");
    Invalid::field("body", "is not a complete form of multipart/form-data").into()
}

impl<const SEVERAL: bool> Upload<SEVERAL> {
    const FIELD: &str = if SEVERAL { "files" } else { "file" };
    const MAX: usize = if SEVERAL { MAX_FILES } else { 1 };

    fn is_file(field: &str) -> bool {
        matches!((SEVERAL, field), (_, "file") | (true, "files" | "files[]"))
    }

    /// Field name of a file in errors.
    fn error_field(n: usize) -> String {
        if SEVERAL { format!("files[{n}]") } else { "file".into() }
    }

    /// Reads the form. Files are staged while they arrive. Errors are reported all at once at the
    /// end, except for an excess of size or number.
    pub(super) async fn receive(self, app: &App, requester: Requester) -> Result<ReceivedForm, Problem> {
        let FormParts { files, fields, mut errors } = self.parts(app).await?;
        if files.is_empty() {
            errors.extend(Invalid::field(Self::FIELD, "is required"));
        }
        let mut accepted = Vec::new();
        for (n, file) in files.into_iter().enumerate() {
            match inspect(app, file, requester).await {
                Ok(file) => accepted.push(file),
                Err(error) => error.add_to(&mut errors, Self::error_field(n))?,
            }
        }
        request_context::set_body(|| canonical(&fields, &accepted));
        match UploadFields::from_pairs(fields).and_then(UploadFields::purpose) {
            Ok(purpose) => {
                errors.into_result()?;
                Ok(ReceivedForm { purpose, files: accepted })
            }
            Err(others) => {
                errors.extend(others);
                Err(errors.into())
            }
        }
    }

    async fn parts(self, app: &App) -> Result<FormParts, Problem> {
        if !self.is_form {
            return Err(Problem::unsupported_media_type("multipart/form-data"));
        }
        let limit = app.settings().max_content_length;
        if self
            .length
            .is_some_and(|length| length > Self::MAX.saturating_mul(limit).saturating_add(MAX_OVERHEAD))
        {
            return Err(Problem::too_large(limit));
        }
        let mut form = Multipart::new(&self.headers, self.payload);
        let mut parts = FormParts::default();
        let (mut overhead, mut count) = (MAX_OVERHEAD, 0);
        while let Some(mut field) = form.try_next().await.map_err(malformed)? {
            count += 1;
            if count > MAX_FIELDS {
                let message = message!("may have at most {max} fields", max = MAX_FIELDS);
                return Err(Invalid::field("body", message).into());
            }
            let name = field.name().unwrap_or_default().to_owned();
            match (Self::is_file(&name), file_name(&field)) {
                (true, Some(file_name)) => {
                    if parts.files.len() == Self::MAX {
                        let message = message!("may be at most {max} at once", max = Self::MAX);
                        return Err(Invalid::field(Self::FIELD, message).into());
                    }
                    let incoming = app.storage().begin(limit as u64);
                    parts.files.push(read_file(&mut field, file_name, incoming, limit).await?);
                }
                (true, None) => {
                    // Consumes the field and ignores its text.
                    if let Err(PartError::Failed(problem)) = text(&mut field, &mut overhead).await {
                        return Err(problem);
                    }
                    let field = Self::error_field(parts.files.len());
                    parts.errors.extend(Invalid::field(field, "must be a file with a name"));
                }
                (false, _) => match text(&mut field, &mut overhead).await {
                    // Browsers send an empty text for a field that is not filled in.
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => parts.fields.push((name, text)),
                    Err(error) => error.add_to(&mut parts.errors, name)?,
                },
            }
        }
        Ok(parts)
    }
}

/// The form in which forms with the same fields and files are equal.
fn canonical(fields: &[(String, String)], files: &[AcceptedFile]) -> Vec<u8> {
    let mut fields = fields.to_vec();
    fields.sort();
    let files: Vec<_> = files.iter().map(|file| (&file.name, file.staged.sha256())).collect();
    serde_json::json!([fields, files]).to_string().into_bytes()
}

/// The client's file name: the UTF-8 form (RFC 6266), or else the plain one.
fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    let whole = disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    whole.or_else(|| disposition.get_filename().map(ToOwned::to_owned))
}

/// Reads a file. A refused file is read to its end, so that the rest of the form can be parsed.
async fn read_file(
    field: &mut Field,
    name: String,
    incoming: Incoming,
    limit: usize,
) -> Result<FormFile, Problem> {
    let declared = field.content_type().map(ToString::to_string);
    let mut incoming = Ok(incoming);
    let mut size = 0;
    while let Some(piece) = field.try_next().await.map_err(malformed)? {
        size += piece.len();
        if size > limit {
            return Err(Problem::too_large(limit));
        }
        if let Ok(file) = &mut incoming {
            match file.write(&piece).await {
                Ok(()) => {}
                Err(UploadError::Store(error)) => return Err(error.into()),
                Err(refused) => incoming = Err(refused.message()),
            }
        }
    }
    let staged = match incoming {
        Ok(incoming) => Ok(incoming.finish().await?),
        Err(refusal) => Err(refusal),
    };
    Ok(FormFile { name, declared, staged })
}

/// Checks the type and the content of a staged file.
async fn inspect(app: &App, file: FormFile, requester: Requester) -> Result<AcceptedFile, PartError> {
    let staged = file.staged.map_err(PartError::Refused)?;
    let inspected = app.storage().inspect(staged, &file.name, file.declared.as_deref(), requester);
    let (staged, kind) = inspected.await?;
    Ok(AcceptedFile { staged, name: file.name, kind })
}

/// The text of a field. All text fields of a form share [`MAX_OVERHEAD`].
async fn text(field: &mut Field, overhead: &mut usize) -> Result<String, PartError> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.try_next().await.map_err(malformed)? {
        *overhead = overhead.checked_sub(piece.len()).ok_or_else(|| Problem::too_large(MAX_OVERHEAD))?;
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() > MAX_FIELD_LENGTH {
        return Err(PartError::Refused(message!("is too long")));
    }
    String::from_utf8(bytes).map_err(|_| PartError::Refused(message!("must be text in UTF-8")))
}

impl<const SEVERAL: bool> Describe for Upload<SEVERAL> {
    fn describe(operation: &mut Operation) {
        let name = if SEVERAL { "NewFiles" } else { "NewFile" };
        operation.form::<UploadFields>(name, Self::FIELD, SEVERAL);
    }
}

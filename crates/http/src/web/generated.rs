//! Files that the service generates: PDF documents and SVG images.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION},
};

use super::openapi::{Describe, Operation};

/// A PDF document.
#[derive(Debug)]
pub(crate) struct Pdf {
    /// Name of the file, of ASCII letters, digits and hyphens.
    pub(crate) name: String,
    /// The document.
    pub(crate) bytes: Vec<u8>,
}

impl Responder for Pdf {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .content_type("application/pdf")
            .insert_header((CONTENT_DISPOSITION, format!("inline; filename=\"{}\"", self.name)))
            // It shows what its reader may see at this moment.
            .insert_header((CACHE_CONTROL, "private, no-store"))
            .body(self.bytes)
    }
}

impl Describe for Pdf {
    fn describe(operation: &mut Operation) {
        operation.generated("application/pdf", "The document, as PDF/A-2b.");
    }
}

/// An SVG image.
#[derive(Debug)]
pub(crate) struct Svg(pub(crate) String);

impl Responder for Svg {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .content_type("image/svg+xml")
            .insert_header((CACHE_CONTROL, "private, no-store"))
            .body(self.0)
    }
}

impl Describe for Svg {
    fn describe(operation: &mut Operation) {
        operation.text("image/svg+xml", "The image.");
    }
}

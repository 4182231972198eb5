//! Uploads and downloads: round trip, disguised content, size limits.

use inspection_domain::ids::Ids;

use super::{
    client::{Request, Response},
    result::{CheckResult, StepResult, expect, fail, pass},
    run::{Resource, Run},
};

/// Size limit of files, in bytes.
const MAX_SIZE: usize = 16 << 20;

/// Allowance for the rest of the form, which a proxy counts as well, in bytes.
const FORM_OVERHEAD: usize = 4 << 10;

/// Width and height of the image, in pixels.
const SIDE: u32 = 16;

/// Separator of the parts of a form.
const BOUNDARY: &str = "----inspection-server-verify";

fn form(name: &str, declared: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {declared}\r\n\r\n"
    );
    [head.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// A small image of random pixels, unique to this run.
fn image(ids: &dyn Ids) -> Result<Vec<u8>, png::EncodingError> {
    let pixels: Vec<u8> = (0..SIDE).flat_map(|_| ids.random()).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// A PDF document of one empty page and exactly this many bytes.
fn document(bytes: usize) -> Vec<u8> {
    let with = |padding: usize| {
        let mut text = format!("%PDF-1.4\n%{}\n", "x".repeat(padding));
        let mut offsets = Vec::new();
        for object in [
            "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
            "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
            "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>\nendobj\n",
        ] {
            offsets.push(format!("{:010} 00000 n \n", text.len()));
            text.push_str(object);
        }
        let table = text.len();
        text.push_str("xref\n0 4\n0000000000 65535 f \n");
        text.push_str(&offsets.concat());
        // Of fixed width, so that the size doesn't depend on the offset.
        text.push_str(&format!("trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n{table:010}\n%%EOF\n"));
        text.into_bytes()
    };
    with(bytes.saturating_sub(with(0).len()))
}

impl Run<'_> {
    /// Uploads a file. An accepted file is deleted by the cleanup.
    fn upload(
        &mut self,
        token: &str,
        name: &str,
        declared: &str,
        bytes: &[u8],
    ) -> Result<Response, CheckResult> {
        let (content_type, body) =
            (format!("multipart/form-data; boundary={BOUNDARY}"), form(name, declared, bytes));
        let response = self.client.send(&Request {
            method: "POST",
            path: "/api/files/upload",
            token: Some(token),
            body: Some((&content_type, &body)),
            ..Request::default()
        })?;
        if response.status < 300 {
            self.resources.extend(response.id().map(Resource::File));
        }
        Ok(response)
    }
}

/// A downloaded image equals the uploaded one.
pub(super) fn round_trip(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let image = image(run.ids)
        .map_err(|error| fail(format!("can't encode an image: {error}"), "report this as a bug"))?;
    let sent = run.upload(&token, "photo.png", "image/png", &image)?;
    expect(&sent, 201, "uploading an image")?;
    let id = sent.id().unwrap_or_default();
    let back = run.client.get(&format!("/api/files/{id}/download"), Some(&token))?;
    expect(&back, 200, "downloading the image")?;
    let kind = back.header("content-type").unwrap_or_default();
    Ok(if back.bytes != image {
        let (came, sent) = (back.bytes.len(), image.len());
        fail(
            format!("the downloaded image differs: {came} bytes of {sent}"),
            "keep the proxy from changing bodies; run `inspection-server files check --contents`",
        )
    } else if kind != "image/png" {
        fail(format!("the content type of the image is {kind}"), "keep the proxy from changing Content-Type")
    } else if back.header("x-content-type-options") != Some("nosniff") {
        fail("the image is served without nosniff", "keep the proxy from removing X-Content-Type-Options")
    } else {
        pass(format!("{} bytes were uploaded and downloaded unchanged", image.len()))
    })
}

/// Content that isn't an image is refused, whatever its name.
pub(super) fn disguised(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 200]].concat();
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec();
    for (content, bytes) in [("a web page", page), ("a program", elf)] {
        let response = run.upload(&token, "photo.png", "image/png", &bytes)?;
        if response.status < 300 {
            let found = format!("{content} named photo.png is accepted");
            return Err(fail(found, "let no other program write into the store"));
        }
        if !matches!(response.status, 400 | 415) {
            expect(&response, 400, &format!("uploading {content} named photo.png"))?;
        }
    }
    Ok(pass("a web page and a program named photo.png are refused"))
}

/// A file just below the limit is accepted.
pub(super) fn large(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let response = run.upload(&token, "large.pdf", "application/pdf", &document(MAX_SIZE - FORM_OVERHEAD))?;
    if response.status == 413 {
        return Err(fail(
            "a file of just under 16 MiB is refused",
            "let the proxy accept bodies of 17 MB (nginx: client_max_body_size), and set MAX_CONTENT_LENGTH to 16777216",
        ));
    }
    expect(&response, 201, "uploading a file of just under 16 MiB")?;
    Ok(pass("a file of just under 16 MiB is accepted"))
}

/// A file just above the limit is refused.
pub(super) fn too_large(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    let response = run.upload(&token, "large.pdf", "application/pdf", &document(MAX_SIZE + 1))?;
    if response.status < 300 {
        return Err(fail("a file of more than 16 MiB is accepted", "set MAX_CONTENT_LENGTH to 16777216"));
    }
    expect(&response, 413, "uploading a file of more than 16 MiB")?;
    Ok(pass("a file of more than 16 MiB is refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_valid_and_unique_to_a_run() {
        let (context, _) = inspection_testkit::context::context();
        let one = image(context.ids.as_ref()).expect("encoded");
        let read = image::load_from_memory(&one).expect("an image");
        assert_eq!((read.width(), read.height()), (SIDE, SIDE));
        assert_ne!(one, image(context.ids.as_ref()).expect("encoded"));
    }

    #[test]
    fn documents_have_the_requested_size() {
        for size in [1000, 12_345, MAX_SIZE, MAX_SIZE + 1] {
            assert_eq!(document(size).len(), size);
        }
    }
}

//! Files on their way there and back.

use inspection_domain::ids::Ids;

use super::{
    Look, Run, Seen,
    cleanup::Made,
    expect, fail,
    http::{Answer, Ask},
    pass,
};
use crate::system::SystemIds;

/// Bytes of the greatest file that is taken.
const GREATEST: usize = 16 << 20;

/// Bytes that a form takes beside its file, more or less; a proxy counts them, too.
const ENVELOPE: usize = 4 << 10;

/// Width and height of the image, in pixels.
const SIDE: u32 = 16;

/// What separates the parts of a form.
const BOUNDARY: &str = "----inspection-server-verify";

fn form(name: &str, declared: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {declared}\r\n\r\n"
    );
    [head.as_bytes(), bytes, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat()
}

/// An image of a few pixels that no other run has.
fn image() -> Result<Vec<u8>, png::EncodingError> {
    let pixels: Vec<u8> = (0..SIDE).flat_map(|_| SystemIds.random()).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, SIDE, SIDE);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}

/// A document of one empty page that has this many bytes.
fn document(bytes: usize) -> Vec<u8> {
    let with = |padding: usize| {
        let mut text = format!("%PDF-1.4\n%{}\n", "x".repeat(padding));
        let mut places = Vec::new();
        for object in [
            "1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n",
            "2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n",
            "3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>\nendobj\n",
        ] {
            places.push(format!("{:010} 00000 n \n", text.len()));
            text.push_str(object);
        }
        let table = text.len();
        text.push_str("xref\n0 4\n0000000000 65535 f \n");
        text.push_str(&places.concat());
        // With a width of its own, so that the size doesn't depend on where the table is.
        text.push_str(&format!("trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n{table:010}\n%%EOF\n"));
        text.into_bytes()
    };
    with(bytes.saturating_sub(with(0).len()))
}

impl Run {
    /// Uploads a file, which is deleted at the end if it is taken.
    fn upload(&mut self, token: &str, name: &str, declared: &str, bytes: &[u8]) -> Result<Answer, Look> {
        let (content_type, body) =
            (format!("multipart/form-data; boundary={BOUNDARY}"), form(name, declared, bytes));
        let answer = self.http.ask(&Ask {
            method: "POST",
            path: "/api/files/upload",
            token: Some(token),
            body: Some((&content_type, &body)),
            ..Ask::default()
        })?;
        if answer.status < 300 {
            self.made.extend(answer.id().map(Made::File));
        }
        Ok(answer)
    }
}

/// An image comes back as it was sent.
pub(super) fn round_trip(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let image = image().map_err(|error| fail(format!("no image could be made: {error}"), "report this"))?;
    let sent = run.upload(&token, "photo.png", "image/png", &image)?;
    expect(&sent, 201, "uploading an image")?;
    let id = sent.id().unwrap_or_default();
    let back = run.http.get(&format!("/api/files/{id}/download"), Some(&token))?;
    expect(&back, 200, "downloading the image")?;
    let kind = back.header("content-type").unwrap_or_default();
    Ok(if back.bytes != image {
        let (came, sent) = (back.bytes.len(), image.len());
        fail(
            format!("the image comes back changed: {came} bytes of {sent}"),
            "keep the proxy from changing bodies; check the store with `inspection-server files check --contents`",
        )
    } else if kind != "image/png" {
        fail(format!("the image comes back as {kind}"), "keep the proxy from changing Content-Type")
    } else if back.header("x-content-type-options") != Some("nosniff") {
        fail("the image comes back without nosniff", "keep the proxy from removing X-Content-Type-Options")
    } else {
        pass(format!("{} bytes came back as they were sent", image.len()))
    })
}

/// What is no image is refused, whatever it calls itself.
pub(super) fn disguised(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let elf = [&b"\x7fELF\x02\x01\x01"[..], &[0; 200]].concat();
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>".to_vec();
    for (what, bytes) in [("a web page", page), ("a program", elf)] {
        let answer = run.upload(&token, "photo.png", "image/png", &bytes)?;
        if answer.status < 300 {
            let found = format!("{what} named photo.png is taken");
            return Err(fail(found, "don't let anything but this service write into the store"));
        }
        if !matches!(answer.status, 400 | 415) {
            expect(&answer, 400, &format!("uploading {what} named photo.png"))?;
        }
    }
    Ok(pass("a web page and a program named photo.png are refused"))
}

/// A file that is just small enough gets through.
pub(super) fn large(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let answer = run.upload(&token, "large.pdf", "application/pdf", &document(GREATEST - ENVELOPE))?;
    if answer.status == 413 {
        return Err(fail(
            "a file of just under 16 MiB is refused",
            "let the proxy take bodies of 17 MB (nginx: client_max_body_size), and set MAX_CONTENT_LENGTH to 16777216",
        ));
    }
    expect(&answer, 201, "uploading a file of just under 16 MiB")?;
    Ok(pass("a file of just under 16 MiB is taken"))
}

/// A file that is just too large doesn't.
pub(super) fn too_large(run: &mut Run) -> Seen {
    let token = run.admin()?;
    let answer = run.upload(&token, "large.pdf", "application/pdf", &document(GREATEST + 1))?;
    if answer.status < 300 {
        return Err(fail("a file of more than 16 MiB is taken", "set MAX_CONTENT_LENGTH to 16777216"));
    }
    expect(&answer, 413, "uploading a file of more than 16 MiB")?;
    Ok(pass("a file of more than 16 MiB is refused"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_one_and_every_run_has_its_own() {
        let one = image().expect("made");
        let read = image::load_from_memory(&one).expect("an image");
        assert_eq!((read.width(), read.height()), (SIDE, SIDE));
        assert_ne!(one, image().expect("made"));
    }

    #[test]
    fn documents_have_the_size_asked_for() {
        for size in [1000, 12_345, GREATEST, GREATEST + 1] {
            assert_eq!(document(size).len(), size);
        }
    }
}

//! Pages as pixels.

use std::{fs, path::PathBuf, process::Command};

use image::GrayImage;
use inspection_testkit::skips::{Skipped, skip};

/// Resolution of the pages in dots per inch: characters are legible, files are small.
const RESOLUTION: &str = "72";

/// Difference of a pixel, of 255, that an eye sees. Renderers smooth edges differently.
const VISIBLE: u8 = 96;

/// Share of pixels that may differ visibly: one in this many.
const ONE_IN: u32 = 500;

/// Proof that `pdftoppm` is installed.
pub(crate) fn poppler() -> Result<(), Skipped> {
    match Command::new("pdftoppm").arg("-v").output() {
        Ok(_) => Ok(()),
        Err(_) => Err(skip("pdftoppm")),
    }
}

/// All pages in grey.
pub(crate) fn pages(pdf: &[u8]) -> Vec<GrayImage> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("document.pdf");
    fs::write(&path, pdf).expect("a file");
    let output = Command::new("pdftoppm")
        .args(["-gray", "-r", RESOLUTION, "-png"])
        .arg(&path)
        .arg(folder.path().join("page"))
        .output()
        .expect("pdftoppm");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    let entries = fs::read_dir(folder.path()).expect("a folder");
    let mut pages: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "png"))
        .collect();
    pages.sort();
    pages.iter().map(|path| image::open(path).expect("a page").into_luma8()).collect()
}

/// Number of pixels that differ visibly.
pub(crate) fn differences(one: &GrayImage, other: &GrayImage) -> usize {
    assert_eq!(one.dimensions(), other.dimensions());
    one.pixels().zip(other.pixels()).filter(|(one, other)| one.0[0].abs_diff(other.0[0]) > VISIBLE).count()
}

/// Share of dark pixels, in thousandths.
pub(crate) fn darkness(page: &GrayImage) -> usize {
    let dark = page.pixels().filter(|pixel| pixel.0[0] < 128).count();
    dark * 1000 / (page.width() * page.height()) as usize
}

/// Compares the first page with the stored picture of this name.
pub(crate) fn assert_looks_like(name: &str, pdf: &[u8]) {
    let page = pages(pdf).into_iter().next().expect("a page");
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pages/pictures").join(format!("{name}.png"));
    if !path.exists() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        page.save(&path).expect("a file");
        panic!("{} is stored: look at it, and run the test again", path.display());
    }
    let stored = image::open(&path).expect("a stored picture").into_luma8();
    let (different, bound) = (differences(&stored, &page), (page.width() * page.height() / ONE_IN) as usize);
    if different > bound {
        let seen = std::env::temp_dir().join(format!("inspection-documents-{name}.png"));
        page.save(&seen).expect("a file");
        panic!("{different} pixels of {name} differ, more than {bound}: {}", seen.display());
    }
}

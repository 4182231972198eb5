//! Documents as the eye sees them: pages are rendered by `pdftoppm` and compared with small stored
//! pictures.
//!
//! Extracted text proves nothing about the order of glyphs. A test whose picture was deleted stores
//! it again and fails; look at it then.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic reports the failure of a test"
)]

mod rendering;
mod samples;

use inspection_documents::{Block, Code, Error, Label, Photo, Text, isolate, isolate_ltr, print_labels};
use inspection_testkit::or_skip;

use rendering::{assert_looks_like, darkness, differences, pages, poppler};
use samples::{
    arabic, both, document, english, photo_bytes, properties, remark_of_all_kinds, small_png, table_of,
};

#[test]
fn an_english_document_looks_as_stored() {
    or_skip!(poppler());
    assert_looks_like("english", &english().to_pdf().expect("a document"));
}

#[test]
fn an_arabic_document_reads_from_right_to_left() {
    or_skip!(poppler());
    assert_looks_like("arabic", &arabic().to_pdf().expect("a document"));
}

#[test]
fn both_languages_stand_beside_each_other() {
    or_skip!(poppler());
    assert_looks_like("both", &both().to_pdf().expect("a document"));
}

#[test]
fn a_value_with_a_latin_unit_keeps_its_order_in_an_arabic_paragraph() {
    or_skip!(poppler());
    let text = |value: &str| Text::rtl(format!("درجة الحرارة مرتفعة {value} في المضخة"));
    let with = |value: &str| {
        let blocks = vec![Block::Paragraph(text(value))];
        document(Text::rtl("صفحة {page} من {pages}"), blocks).to_pdf().expect("a document")
    };
    let isolated = with(&isolate_ltr("(75 °C)"));
    assert_looks_like("unit", &isolated);
    let bare = with("(75 °C)");
    assert!(differences(&pages(&isolated)[0], &pages(&bare)[0]) > 0, "isolation changes the order");
}

#[test]
fn a_long_word_breaks_inside_its_column() {
    or_skip!(poppler());
    let long = "W".repeat(300);
    let rows = vec![vec![Text::ltr("1").into(), Text::ltr(isolate(&long)).into(), Text::ltr("pass").into()]];
    let blocks = vec![Block::Paragraph(Text::ltr(isolate(&long))), Block::Table(table_of(rows))];
    assert_looks_like(
        "long_words",
        &document(Text::ltr("{page}/{pages}"), blocks).to_pdf().expect("a document"),
    );
}

#[test]
fn a_table_of_200_rows_repeats_its_head_on_each_page() {
    or_skip!(poppler());
    let row = |n: usize| {
        let question = format!("Question {n}: is the casing free of leaks and is the guard closed?");
        vec![Text::ltr(n.to_string()).into(), Text::ltr(question).into(), Text::ltr("pass").into()]
    };
    let blocks = vec![Block::Table(table_of((1..=200).map(row).collect()))];
    let pdf = document(Text::ltr("Page {page} of {pages}"), blocks).to_pdf().expect("a document");
    let pages = pages(&pdf);
    assert_eq!(pages.len(), 6);
    // The shaded head is at the same height on every page.
    for (at, page) in pages.iter().enumerate() {
        let (x, y) = (page.width() / 2, page.height() * 18 / 297);
        assert!(page.get_pixel(x, y).0[0] < 250, "page {} begins with the head", at + 1);
    }
    assert_looks_like("rows", &pdf);
}

#[test]
fn a_cell_that_is_longer_than_a_page_is_continued() {
    or_skip!(poppler());
    let long = "A remark that does not end. ".repeat(600);
    let rows = vec![vec![Text::ltr("1").into(), Text::ltr(long).into(), Text::ltr("fail").into()]];
    let pdf = document(Text::ltr("{page}"), vec![Block::Table(table_of(rows))]).to_pdf().expect("a document");
    let pages = pages(&pdf);
    assert!(pages.len() >= 3, "{} pages", pages.len());
    assert!(pages.iter().all(|page| darkness(page) > 2), "no page is empty");
}

#[test]
fn a_photo_that_is_not_readable_is_a_box_with_its_reason() {
    or_skip!(poppler());
    let photo = |bytes: Option<Vec<u8>>, caption: &str| Photo {
        bytes,
        caption: Text::ltr(caption),
        missing: Text::ltr("The photo is damaged."),
    };
    let mut truncated = photo_bytes(0);
    truncated.truncate(100);
    let photos = vec![
        photo(Some(photo_bytes(0)), "1: JPEG"),
        photo(Some(truncated), "2: truncated"),
        photo(None, "3: missing"),
        photo(Some(b"no image".to_vec()), "4: no image"),
        photo(Some(small_png()), "5: PNG on white"),
    ];
    let pdf = document(Text::ltr("{page}"), vec![Block::Photos(photos)]).to_pdf().expect("a document");
    assert_looks_like("broken_photo", &pdf);
}

#[test]
fn photos_stand_upright_in_all_orientations() {
    or_skip!(poppler());
    let photo = |orientation: u8| Photo {
        bytes: Some(photo_bytes(orientation)),
        caption: Text::ltr(orientation.to_string()),
        missing: Text::default(),
    };
    let pdf = document(Text::ltr("{page}"), vec![Block::Photos((1..=8).map(photo).collect())]);
    assert_looks_like("orientations", &pdf.to_pdf().expect("a document"));
}

#[test]
fn a_document_without_content_is_one_page() {
    or_skip!(poppler());
    assert_looks_like(
        "empty",
        &document(Text::ltr("Page {page} of {pages}"), Vec::new()).to_pdf().expect("a document"),
    );
}

#[test]
fn labels_fill_a_sheet_of_three_by_eight() {
    or_skip!(poppler());
    let label = |n: usize| Label {
        code: Code::new(&format!("https://inspection.example.com/e/P-{n}")).expect("a code"),
        name: Text::ltr(format!("Ship-to-shore crane {n} with a name of two lines")),
        lines: vec![
            Text::ltr(isolate_ltr(&format!("STS-{n:02}"))),
            Text::both("North quay", "الرصيف الشمالي"),
        ],
    };
    let pdf = print_labels(&properties("en"), (1..=25).map(label).collect()).expect("labels");
    assert_eq!(pages(&pdf).len(), 2);
    assert_looks_like("labels", &pdf);
}

#[test]
fn every_character_of_a_user_can_be_printed() {
    or_skip!(poppler());
    let remark = remark_of_all_kinds();
    let blocks =
        vec![Block::Paragraph(Text::ltr(isolate(&remark))), Block::Paragraph(Text::rtl(isolate(&remark)))];
    let pdf = document(Text::ltr("{page}"), blocks).to_pdf().expect("a valid document");
    assert_looks_like("characters", &pdf);
}

#[test]
fn equal_documents_have_equal_bytes() {
    let (first, second) = (both().to_pdf().expect("a document"), both().to_pdf().expect("a document"));
    assert!(first == second);
    assert!(first.starts_with(b"%PDF-1.7"));
}

#[test]
fn a_jpeg_file_passes_through_as_it_is() {
    let photo = photo_bytes(0);
    let block = Photo { bytes: Some(photo.clone()), caption: Text::default(), missing: Text::default() };
    let pdf = document(Text::ltr("{page}"), vec![Block::Photos(vec![block])]).to_pdf().expect("a document");
    assert!(pdf.windows(photo.len()).any(|window| window == photo));
}

#[test]
fn a_code_that_is_too_long_is_refused() {
    assert!(matches!(Code::new(&"x".repeat(3_000)), Err(Error::CodeTooLong)));
    let svg = Code::new("https://inspection.example.com/e/P-1").expect("a code").to_svg();
    assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>"), "{svg}");
}

#[test]
fn an_isolated_text_cannot_end_its_isolation() {
    assert_eq!(isolate("a\u{2069}b\u{202e}c"), "\u{2068}abc\u{2069}");
    assert_eq!(isolate_ltr("75 °C"), "\u{2066}75 °C\u{2069}");
    assert_eq!(isolate("one\n\ntwo"), "\u{2068}one\u{2069}\n\n\u{2068}two\u{2069}");
    assert_eq!(isolate(""), "");
}

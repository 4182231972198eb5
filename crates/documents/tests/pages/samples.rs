//! Sample documents.

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, Rgba, RgbaImage, codecs::jpeg::JpegEncoder,
};
use inspection_documents::{
    Block, Cell, Code, Column, Direction, Document, Facts, Moment, Photo, Properties, Table, Text, Tone,
    isolate, isolate_ltr,
};

pub(crate) fn properties(language: &'static str) -> Properties {
    Properties {
        title: "Inspection 7".to_owned(),
        language,
        created: Moment { year: 2026, month: 11, day: 28, hour: 9, minute: 30, second: 0 },
    }
}

pub(crate) fn document(numbering: Text, blocks: Vec<Block>) -> Document {
    Document {
        properties: properties("en"),
        direction: Direction::LeftToRight,
        footer: Text::ltr("Printed by Sara Haddad on 28/11/2026 12:30"),
        numbering,
        blocks,
    }
}

pub(crate) fn table_of(rows: Vec<Vec<Cell>>) -> Table {
    let columns = vec![
        Column::new(Text::ltr("No."), 1.0),
        Column::new(Text::ltr("Question"), 7.0),
        Column::new(Text::ltr("Answer"), 2.0),
    ];
    Table { columns, rows }
}

fn code() -> Code {
    Code::new("https://inspection.example.com/e/STS-07").expect("a code")
}

fn photos(caption: &Text) -> Block {
    let photo = |orientation| Photo {
        bytes: Some(photo_bytes(orientation)),
        caption: caption.clone(),
        missing: Text::default(),
    };
    Block::Photos(vec![photo(0), photo(6)])
}

pub(crate) fn english() -> Document {
    let fact = |name: &str, value: &str| (Text::ltr(name), Text::ltr(isolate(value)));
    let row = |number: &str, question: &str, answer: &str, tone| {
        vec![Text::ltr(number).into(), Text::ltr(question).into(), Cell::new(Text::ltr(answer), tone)]
    };
    let rows = vec![
        row("1", "Is the casing free of leaks?", "fail", Tone::Bad),
        row("2", "Pressure (bar), 2 to 6", "4.2", Tone::Good),
        row("3", "Oil temperature (°C), up to 70", "75", Tone::Warning),
    ];
    let facts = vec![
        fact("Machine", "Ship-to-shore crane 7"),
        fact("Serial number", "STS-07"),
        fact("Inspector", "Omar Khalil"),
        fact("Started", "28/11/2026 08:10"),
        fact("Location", "الرصيف الشمالي"),
    ];
    let caption = Text::ltr("Photo 1 · 28/11/2026 08:12 · Omar Khalil · 9f86d081884c7d65");
    let blocks = vec![
        Block::Title(Text::ltr("Inspection record 7")),
        Block::Facts(Facts { rows: facts, code: Some(code()) }),
        Block::Heading(Text::ltr("Questions and answers")),
        Block::Table(table_of(rows)),
        Block::Heading(Text::ltr("Photos")),
        photos(&caption),
        Block::Note(Text::ltr("Checksum of the record: 9f86d081884c7d659a2feaa0c55ad015")),
    ];
    document(Text::ltr("Page {page} of {pages}"), blocks)
}

pub(crate) fn arabic() -> Document {
    let fact = |name: &str, value: &str| (Text::rtl(name), Text::rtl(value));
    let row = |number: &str, question: String, answer: &str, tone| {
        vec![Text::rtl(number).into(), Text::rtl(question).into(), Cell::new(Text::rtl(answer), tone)]
    };
    let rows = vec![
        row("1", "هل الغلاف خالٍ من التسرب؟".to_owned(), "فشل", Tone::Bad),
        row("2", format!("الضغط {}", isolate_ltr("(2–6 bar)")), &isolate_ltr("4.2 bar"), Tone::Good),
        row("3", format!("حرارة الزيت {}", isolate_ltr("(≤ 70 °C)")), &isolate_ltr("75 °C"), Tone::Warning),
    ];
    let columns = vec![
        Column::new(Text::rtl("الرقم"), 1.0),
        Column::new(Text::rtl("السؤال"), 7.0),
        Column::new(Text::rtl("الإجابة"), 2.0),
    ];
    let facts = vec![
        fact("الآلة", &isolate("رافعة الرصيف 7")),
        fact("الرقم التسلسلي", &isolate_ltr("STS-07")),
        fact("المفتش", &isolate("عمر خليل")),
        fact("البداية", &isolate_ltr("28/11/2026 08:10")),
        fact("الموقع", &isolate("North quay, berth 4")),
    ];
    let caption = Text::rtl(format!(
        "الصورة 1 · {} · {} · {}",
        isolate_ltr("28/11/2026 08:12"),
        isolate("عمر خليل"),
        isolate_ltr("9f86d081884c7d65")
    ));
    let blocks = vec![
        Block::Title(Text::rtl("سجل الفحص 7")),
        Block::Facts(Facts { rows: facts, code: Some(code()) }),
        Block::Heading(Text::rtl("الأسئلة والإجابات")),
        Block::Table(Table { columns, rows }),
        Block::Paragraph(Text::rtl(format!("توقفت الآلة لأن {} أعلى من الحد.", isolate_ltr("(75 °C)")))),
        Block::Heading(Text::rtl("الصور")),
        photos(&caption),
    ];
    Document {
        direction: Direction::RightToLeft,
        footer: Text::rtl(format!("طبعتها سارة حداد في {}", isolate_ltr("28/11/2026 12:30"))),
        properties: properties("ar"),
        ..document(Text::rtl("صفحة {page} من {pages}"), blocks)
    }
}

pub(crate) fn both() -> Document {
    let fact = |english: &str, arabic: &str, value: Text| (Text::both(english, arabic), value);
    let row = |number: &str, question: Text, answer: Text, tone| {
        vec![Text::ltr(number).into(), question.into(), Cell::new(answer, tone)]
    };
    let leaks = Text::both("Is the casing free of leaks?", "هل الغلاف خالٍ من التسرب؟");
    let pressure = Text::both("Pressure (bar), 2 to 6", format!("الضغط {}", isolate_ltr("(bar)، 2–6")));
    let columns = vec![
        Column::new(Text::both("No.", "الرقم"), 1.0),
        Column::new(Text::both("Question", "السؤال"), 7.0),
        Column::new(Text::both("Answer", "الإجابة"), 2.0),
    ];
    let rows = vec![
        row("1", leaks, Text::both("fail", "فشل"), Tone::Bad),
        row("2", pressure, Text::ltr("4.2"), Tone::Good),
    ];
    let facts = vec![
        fact("Machine", "الآلة", Text::ltr(isolate("Ship-to-shore crane 7"))),
        fact("Serial number", "الرقم التسلسلي", Text::ltr(isolate_ltr("STS-07"))),
        fact("Location", "الموقع", Text::both("North quay", "الرصيف الشمالي")),
    ];
    let caption = Text::both(
        "Photo 1 · 28/11/2026 08:12 · Omar Khalil",
        format!("الصورة 1 · {} · {}", isolate_ltr("28/11/2026 08:12"), isolate("Omar Khalil")),
    );
    let blocks = vec![
        Block::Title(Text::both("Inspection record 7", "سجل الفحص 7")),
        Block::Facts(Facts { rows: facts, code: Some(code()) }),
        Block::Heading(Text::both("Questions and answers", "الأسئلة والإجابات")),
        Block::Table(Table { columns, rows }),
        Block::Heading(Text::both("Photos", "الصور")),
        photos(&caption),
    ];
    let footer =
        Text::both("Printed on 28/11/2026 12:30", format!("طبعت في {}", isolate_ltr("28/11/2026 12:30")));
    Document {
        footer, ..document(Text::both("Page {page} of {pages}", "صفحة {page} من {pages}"), blocks)
    }
}

/// A photo of 60 × 40 pixels, upright: red at the top left, green at the top right, blue below. The
/// orientation is that of its Exif data; 0 stands for none.
pub(crate) fn photo_bytes(orientation: u8) -> Vec<u8> {
    let upright = RgbImage::from_fn(60, 40, |x, y| match (x < 30, y < 20) {
        (true, true) => Rgb([200, 30, 30]),
        (false, true) => Rgb([120, 220, 120]),
        _ => Rgb([30, 30, 120]),
    });
    let upright = DynamicImage::ImageRgb8(upright);
    // As the camera stores it: the transformation that the orientation undoes.
    let stored = match orientation {
        2 => upright.fliph(),
        3 => upright.rotate180(),
        4 => upright.flipv(),
        5 => upright.rotate90().fliph(),
        6 => upright.rotate270(),
        7 => upright.rotate270().fliph(),
        8 => upright.rotate90(),
        _ => upright,
    };
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    if orientation > 0 {
        encoder.set_exif_metadata(exif(orientation)).expect("Exif data");
    }
    let (width, height) = (stored.width(), stored.height());
    encoder.write_image(&stored.into_rgb8(), width, height, ExtendedColorType::Rgb8).expect("a photo");
    jpeg
}

/// Exif data with nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let header = [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1];
    let entry = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0];
    [&header[..], &entry[..], &[0, 0, 0, 0]].concat()
}

/// A PNG image with a transparent half.
pub(crate) fn small_png() -> Vec<u8> {
    let image =
        RgbaImage::from_fn(40, 40, |x, _| if x < 20 { Rgba([20, 90, 160, 255]) } else { Rgba([0; 4]) });
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(image).write_to(&mut bytes, image::ImageFormat::Png).expect("an image");
    bytes.into_inner()
}

/// Letters that the fonts have, and characters that they lack or that are no text.
pub(crate) fn remark_of_all_kinds() -> String {
    "Größe, naïve, Ωμ ≤ ≥ ± → ✓ ✗; emoji 🙂👍🏽; 漢字; हिन्दी; İıŞş; нет; \u{0}\u{7}\u{1b}[31m; a\u{301}; \
     \u{e000}; \u{fffe}; \u{feff}; tab\there; zero\u{200b}width; soft\u{ad}hyphen; \u{202e}reversed; لا لله ﷺ ٣٤٥; \
     line\nbreak\r\nand\u{2028}separator"
        .to_owned()
}

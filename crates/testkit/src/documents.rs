//! PDF documents with active content, and ordinary ones that look similar.

use crate::{
    bombs::compressed,
    files::{Hostile, pdf},
};

/// A PDF of these objects, the first of which is the catalog. It has no table: readers rebuild it.
pub fn document(objects: &[&[u8]]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    for (number, object) in (1..).zip(objects) {
        file.extend(format!("{number} 0 obj\n").bytes());
        file.extend(*object);
        file.extend(b"\nendobj\n");
    }
    file.extend(b"trailer\n<< /Root 1 0 R >>\nstartxref\n9\n%%EOF\n");
    file
}

/// A stream with these entries in its dictionary.
fn stream(entries: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<< {entries} /Length {} >>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

/// Data in the format of zlib, not compressed.
fn stored(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("short");
    [&[0x78, 0x01, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), data, &[0; 4]].concat()
}

/// An object stream of one object.
fn objects(entries: &str, object: &str) -> Vec<u8> {
    let data = format!("7 0 {object}");
    stream(&format!("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode {entries}"), &stored(data.as_bytes()))
}

/// A document with one more object.
fn with(object: &[u8]) -> Vec<u8> {
    document(&[b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>", object])
}

/// A document whose third object runs when it is opened.
fn opened(objects: &[&[u8]]) -> Vec<u8> {
    let start: [&[u8]; 2] =
        [b"<< /Type /Catalog /Pages 2 0 R /OpenAction 3 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"];
    document(&[&start[..], objects].concat())
}

/// Documents that must be refused.
pub fn active_documents() -> Vec<Hostile> {
    let action = |text: &str| with(text.as_bytes());
    let script = "<< /S /JavaScript /JS (app.alert(1)) >>";
    let address: &[u8] = b"<< /S /URI /URI (http://a.b) >>";
    let filters =
        format!("<< /Type /ObjStm /First 4 /Filter [{}] >>\nstream\n", "/FlateDecode ".repeat(1000));
    let files: Vec<(&'static str, Vec<u8>, &'static str)> = vec![
        ("a script", action(script), "JavaScript"),
        (
            "a script with an escaped name",
            action("<< /S /J#61vaScript /J#53 (app.alert(1)) >>"),
            "JavaScript",
        ),
        ("a script whose type is elsewhere", action("<< /S 4 0 R /JS <6170702E616C657274> >>"), "JavaScript"),
        ("a script on opening", action(&format!("<< /OpenAction {script} >>")), "JavaScript"),
        ("an address on opening", action("<< /OpenAction << /S /URI /URI (http://a.b) >> >>"), "on opening"),
        ("an address on an event", action("<< /AA << /O 4 0 R >> >>"), "actions on events"),
        ("an address on opening, elsewhere", opened(&[b"<< /S /URI /URI (http://a.b) >>"]), "on opening"),
        (
            "an address on opening, elsewhere, with escaped names",
            document(&[b"<< /Op#65nAction 2 0 R >>", b"<< /#53 /UR#49 /U#52I (http://a.b) >>"]),
            "on opening",
        ),
        ("an address on opening without blanks", document(&[b"<</OpenAction 2 0R>>", address]), "on opening"),
        ("a dialog on opening, elsewhere", opened(&[b"<< /S /Named /N /Print >>"]), "on opening"),
        ("an action on opening of a type elsewhere", opened(&[b"<< /S 4 0 R /D (x) >>"]), "on opening"),
        ("a reference to a reference on opening", opened(&[b"4 0 R", address]), "on opening"),
        ("an address behind a jump", opened(&[b"<< /S /GoTo /D (a) /Next 4 0 R >>", address]), "on opening"),
        (
            "an address behind two jumps",
            opened(&[b"<< /S /GoTo /Next [<< /S /GoTo >> 5 0 R] >>", b"null", address]),
            "on opening",
        ),
        (
            "an address behind a jump on opening",
            document(&[b"<< /OpenAction << /S /GoTo /D (a) /Next [2 0 R] >> >>", address]),
            "on opening",
        ),
        (
            "an address on opening in an update",
            {
                let file = opened(&[b"<< /S /GoTo /D (a) >>"]);
                [&file[..], b"3 0 obj ", address, b" endobj\nstartxref\n9\n%%EOF\n"].concat()
            },
            "on opening",
        ),
        (
            "an address on opening whose number begins within another",
            opened(&[b"null endobj 9993 0 obj << /S /URI /URI (http://a.b) >>"]),
            "on opening",
        ),
        (
            "an address on opening whose number is before a comment",
            opened(&[b"null endobj 3 % here\n0 obj << /S /URI /URI (http://a.b) >>"]),
            "on opening",
        ),
        (
            "an address on opening in an object stream",
            document(&[b"<< /OpenAction 7 0 R >>", &objects("", "<< /S /URI /URI (http://a.b) >>")]),
            "on opening",
        ),
        (
            "an action on opening in an object stream, an address outside",
            document(&[address, &objects("", "<< /OpenAction 1 0 R >>")]),
            "on opening",
        ),
        (
            "events elsewhere",
            document(&[b"<< /AA 2 0 R >>", b"<< /O 3 0 R >>", address]),
            "actions on events",
        ),
        (
            "events in an object stream",
            document(&[b"<< /AA 7 0 R >>", &objects("", "<< /WC << /S /URI /URI (http://a.b) >> >>")]),
            "actions on events",
        ),
        ("an event behind another key", action("<< /AA << /Foo 1 /O 4 0 R >> >>"), "actions on events"),
        ("a file elsewhere", document(&[b"<< /EF 2 0 R >>", b"<< /UF 3 0 R >>"]), "embedded files"),
        ("a file behind another key", action("<< /EF << /Foo 1 /F 4 0 R >> >>"), "embedded files"),
        (
            "an object stream whose beginning is elsewhere",
            with(&stream("/Type /ObjStm /N 1 /First 9 0 R /Filter /FlateDecode", &stored(b"7 0 null"))),
            "can't be read",
        ),
        ("an object stream of two beginnings", with(&objects("/First 9", "null")), "can't be read"),
        ("a command", action("<< /S /Launch /F (cmd.exe) >>"), "commands to other programs"),
        ("an embedded file", with(&stream("/Type /EmbeddedFile", b"MZ")), "embedded files"),
        ("a list of files", action("<< /Names << /EmbeddedFiles 4 0 R >> >>"), "embedded files"),
        ("a file without a type", action("<< /F (a.exe) /EF << /F 4 0 R >> >>"), "embedded files"),
        ("an attachment", action("<< /Subtype /FileAttachment /FS 4 0 R >>"), "embedded files"),
        ("rich media", action("<< /Subtype /RichMedia >>"), "rich media"),
        ("a film", action("<< /Subtype /Movie >>"), "rich media"),
        ("an XFA form", action("<< /AcroForm << /XFA 4 0 R >> >>"), "an XFA form"),
        ("a form that sends data", action("<< /S /SubmitForm /F (http://a.b) >>"), "sends data"),
        ("a form that reads a file", action("<< /S /ImportData /F (a.fdf) >>"), "reads files"),
        ("a link into another file", action("<< /S /GoToR /F (//evil/share) >>"), "other files"),
        ("a script in an object stream", with(&objects("", script)), "JavaScript"),
        ("a script in a text of an object stream", with(&objects("", &format!("({script})"))), "JavaScript"),
        (
            "an object stream with an escaped type",
            {
                let file = with(&objects("", script));
                replaced(&file, b"/ObjStm", b"/#4fbjStm")
            },
            "JavaScript",
        ),
        (
            "an object stream without a filter",
            { with(&stream("/Type /ObjStm /N 1 /First 4", format!("7 0 {script}").as_bytes())) },
            "JavaScript",
        ),
        ("an object stream of two filters", with(&objects("/DecodeParms 5 0 R", "<< >>")), "can't be read"),
        (
            "an object stream of a thousand filters",
            with(&[filters.as_bytes(), b"\nendstream"].concat()),
            "can't be read",
        ),
        (
            "an object stream whose filter is elsewhere",
            { with(&stream("/Type /ObjStm /First 4 /Filter 9 0 R", b"x")) },
            "can't be read",
        ),
        ("a script within a text", with(format!("(\n9 0 obj {script} endobj\n)").as_bytes()), "JavaScript"),
        ("a script in a comment", with(format!("% 9 0 obj {script} endobj\nnull").as_bytes()), "JavaScript"),
        (
            "a script in another stream",
            { with(&stream("", format!("9 0 obj {script} endobj").as_bytes())) },
            "JavaScript",
        ),
        (
            "an encrypted document",
            action("<< >> endobj trailer << /Encrypt 9 0 R >> 5 0 obj null"),
            "is encrypted",
        ),
        (
            "an object stream of 64 MB",
            with(&stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &compressed(8000, 8000))),
            "too complex to decode",
        ),
        (
            "eight object streams of 12 MB",
            {
                let part =
                    stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &compressed(4000, 3000));
                document(&std::iter::repeat_n(&part[..], 8).collect::<Vec<_>>())
            },
            "too complex to decode",
        ),
        ("200,000 objects without an end", with(&b"1 0 obj<<".repeat(200_000)), "too complex to decode"),
        (
            "a damaged object stream",
            { with(&stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", b"\x78\x01\x07garbage")) },
            "is damaged",
        ),
    ];
    let hostile = |(what, bytes, refusal)| Hostile {
        what,
        name: "report.pdf",
        declared: "application/pdf",
        bytes,
        refusal,
    };
    files.into_iter().map(hostile).collect()
}

fn replaced(file: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = file.windows(old.len()).position(|part| part == old).expect("it is there");
    [&file[..at], new, &file[at + old.len()..]].concat()
}

/// Documents without active content.
pub fn passive_documents() -> Vec<Vec<u8>> {
    let catalog = "<< /OpenAction << /S /GoTo /D [2 0 R /Fit] >> /Names << /Dests 4 0 R >> >>";
    let link = b"<< /Subtype /Link /A << /S /URI /URI (https://example.com) >> >>";
    vec![
        pdf(),
        opened(&[b"<< /S /GoTo /D [4 0 R /Fit] >>", b"<< /Type /Page /Tabs /S /Annots [5 0 R] >>", link]),
        opened(&[b"[4 0 R /Fit]", b"<< /Tabs /S /Annots 5 0 R >>", b"[<< /A 6 0 R >>]", b"<< /S /URI >>"]),
        opened(&[b"<< /S /GoTo /D 4 0 R >>", b"[5 0 R /Fit]", b"<< /Annots [6 0 R] >>", link]),
        document(&[b"<< /OpenAction null /Outlines 2 0 R >>", b"<< /Next 3 0 R >>", link]),
        document(&[
            b"<< /Font << /AA 2 0 R /EF 3 0 R >> >>",
            b"<< /Type /Font /CharProcs << /C 4 0 R /D 5 0 R >> /FirstChar 0 >>",
            b"<< /Type /Font /BaseFont /F /FirstChar 0 >>",
        ]),
        document(&[b"<< /ExtGState << /AA << /D [[3] 0] /ca 1 >> /EF 2 0 R >> >>", b"<< /CA 1 >>"]),
        document(&[b"<< /OpenAction 7 0 R >>", &objects("", "<< /S /GoTo /D (a) >>"), link]),
        with(b"<< /OpenAction [2 0 R /FitH null] /PageMode /UseOutlines >>"),
        with(b"<< /OpenAction 9 0 R /Outlines << /First 4 0 R >> >>"),
        with(catalog.as_bytes()),
        with(b"<< /S /URI /URI (https://example.com/JavaScript) >>"),
        with(b"<< /Title (How to write /JavaScript \\) and /Launch) /JS 4 0 R >>"),
        with(b"<< /Font << /AA << /Type /Font >> /EF 5 0 R /JS 6 0 R >> >>"),
        with(&objects("", catalog)),
        with(&stream("/Filter [/ASCII85Decode /FlateDecode] /DecodeParms null", b"BT (/JavaScript) Tj ET")),
    ]
}

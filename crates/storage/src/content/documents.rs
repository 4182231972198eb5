//! Active content of PDF documents: scripts, commands, embedded files.
//!
//! A reader reaches every object by a position in the file, where its number and `obj` stand, or by
//! its place in an object stream. So this scan reads the tokens behind every `obj` and `trailer`,
//! wherever they stand, and the names in every object stream. It resolves no references and trusts
//! no table.

use std::io::Read;

use aho_corasick::AhoCorasick;
use flate2::bufread::DeflateDecoder;

use super::{
    error::{ContentError, Refusal},
    limits::{MAX_INFLATED, MAX_OBJECT_STREAM},
    meter::Meter,
};

type ScanResult<T = ()> = Result<T, ContentError>;

/// Names that only active content has, after the resolution of escapes.
const ACTIVE: &[(&[u8], &str)] = &[
    (b"JavaScript", "JavaScript"),
    (b"Launch", "commands to other programs"),
    (b"EmbeddedFile", "embedded files"),
    (b"EmbeddedFiles", "embedded files"),
    (b"FileAttachment", "embedded files"),
    (b"RichMedia", "rich media"),
    (b"RichMediaExecute", "rich media"),
    (b"Rendition", "rich media"),
    (b"Movie", "rich media"),
    (b"XFA", "an XFA form"),
    (b"SubmitForm", "a form that sends data"),
    (b"ImportData", "a form that reads files"),
    (b"GoToE", "links into other files"),
    (b"GoToR", "links into other files"),
];

/// Names of events in dictionaries of additional actions, whose own name is too short to be
/// unambiguous.
const EVENTS: &[&[u8]] = &[
    b"E", b"X", b"D", b"U", b"Fo", b"Bl", b"PO", b"PC", b"PV", b"PI", b"O", b"C", b"K", b"F", b"V", b"WC",
    b"WS", b"DS", b"WP", b"DP",
];

/// Keys of dictionaries of embedded files.
const PLATFORMS: &[&[u8]] = &[b"F", b"UF", b"DOS", b"Mac", b"Unix"];

const FLATE: &[&[u8]] = &[b"FlateDecode", b"Fl"];

/// Names that make the data of an object stream unreadable for this scan.
const OTHER_FILTERS: &[&[u8]] = &[
    b"ASCIIHexDecode",
    b"AHx",
    b"ASCII85Decode",
    b"A85",
    b"LZWDecode",
    b"LZW",
    b"RunLengthDecode",
    b"RL",
    b"CCITTFaxDecode",
    b"CCF",
    b"JBIG2Decode",
    b"DCTDecode",
    b"DCT",
    b"JPXDecode",
    b"Crypt",
    b"DecodeParms",
    b"DP",
    b"FFilter",
];

/// Objects between two checks of the limits.
const CHECK_INTERVAL: usize = 1024;

const fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0C | b'\r' | b' ')
}

const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'a> {
    Name(Vec<u8>),
    Open,
    Close,
    Text,
    Word(&'a [u8]),
    Other,
}

/// The tokens of a part of a file.
struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    fn byte(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn advance(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    /// Takes the bytes up to the first that meets the condition.
    fn until(&mut self, ends: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().position(|b| ends(*b)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn name(&mut self) -> Vec<u8> {
        self.advance(1);
        let raw = self.until(|b| is_space(b) || is_delimiter(b));
        let digit = |b: Option<&u8>| b.and_then(|b| char::from(*b).to_digit(16));
        let (mut name, mut at) = (Vec::new(), 0);
        while let Some(byte) = raw.get(at) {
            let escape = digit(raw.get(at + 1)).zip(digit(raw.get(at + 2))).filter(|_| *byte == b'#');
            let escaped = escape.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            name.push(escaped.unwrap_or(*byte));
            at += if escaped.is_some() { 3 } else { 1 };
        }
        name
    }

    /// Skips a text in brackets, which may be nested or escaped.
    fn text(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            self.advance(if byte == b'\\' { 2 } else { 1 });
            match byte {
                b'(' => depth += 1,
                b')' if depth <= 1 => return,
                b')' => depth -= 1,
                _ => {}
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.until(|b| !is_space(b));
            return Some(match self.byte()? {
                b'%' => {
                    self.until(|b| matches!(b, b'\r' | b'\n'));
                    continue;
                }
                b'/' => Token::Name(self.name()),
                b'(' => {
                    self.text();
                    Token::Text
                }
                b'<' if self.rest.starts_with(b"<<") => {
                    self.advance(2);
                    Token::Open
                }
                b'>' if self.rest.starts_with(b">>") => {
                    self.advance(2);
                    Token::Close
                }
                b'<' => {
                    self.until(|b| b == b'>');
                    self.advance(1);
                    Token::Text
                }
                b if is_delimiter(b) => {
                    self.advance(1);
                    Token::Other
                }
                _ => Token::Word(self.until(|b| is_space(b) || is_delimiter(b))),
            });
        }
    }
}

/// Refuses a name that only active content has.
fn passive(name: &[u8]) -> Result<(), Refusal> {
    match ACTIVE.iter().find(|(active, _)| *active == name) {
        Some((_, content)) => Err(Refusal::Active(content)),
        None => Ok(()),
    }
}

/// Meaning of the tokens so far for the next one.
#[derive(Default)]
struct Context {
    /// The last name, and whether a dictionary begins behind it.
    last: Option<(Vec<u8>, bool)>,
    depth: usize,
    /// Depth of the action that runs when the document is opened.
    opening: Option<usize>,
}

impl Context {
    fn check(&mut self, token: &Token<'_>) -> Result<(), Refusal> {
        let (last, is_open) = self.last.take().unwrap_or_default();
        match token {
            Token::Name(name) => {
                passive(name)?;
                match last.as_slice() {
                    b"AA" if is_open && EVENTS.contains(&name.as_slice()) => {
                        return Err(Refusal::Active("actions on events"));
                    }
                    b"EF" if is_open && PLATFORMS.contains(&name.as_slice()) => {
                        return Err(Refusal::Active("embedded files"));
                    }
                    // A jump to a page is the only action that many programs write.
                    b"S" if self.opening.is_some() && !is_open && name != b"GoTo" => {
                        return Err(Refusal::Active("an action on opening"));
                    }
                    _ => {}
                }
                self.last = Some((name.clone(), false));
            }
            Token::Open => {
                self.depth += 1;
                if last == b"OpenAction" {
                    self.opening = Some(self.depth);
                }
                self.last = Some((last, true));
            }
            Token::Close => {
                if self.opening == Some(self.depth) {
                    self.opening = None;
                }
                self.depth = self.depth.saturating_sub(1);
            }
            Token::Text if last == b"JS" => return Err(Refusal::Active("JavaScript")),
            Token::Text | Token::Word(_) | Token::Other => {}
        }
        Ok(())
    }
}

/// How the data of a stream is stored, by the names in its dictionary.
#[derive(Debug, Default)]
struct Dictionary {
    /// Only object streams have a position of their first object.
    has_objects: bool,
    filters: usize,
    inflates: usize,
    is_unreadable: bool,
}

impl Dictionary {
    fn note(&mut self, name: &[u8]) {
        self.has_objects |= matches!(name, b"ObjStm" | b"First");
        self.filters += usize::from(name == b"Filter");
        self.inflates += usize::from(FLATE.contains(&name));
        self.is_unreadable |= OTHER_FILTERS.contains(&name);
    }
}

/// Work of a scan.
struct Scan<'a> {
    meter: &'a Meter,
    /// Bytes that may still be read in objects, which may overlap.
    readable: usize,
    /// Bytes that may still be decompressed.
    inflatable: u64,
}

impl Scan<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.readable = self.readable.checked_sub(bytes).ok_or(Refusal::TooComplex)?;
        Ok(())
    }

    /// Reads an object to its end or to the beginning of its stream.
    fn object(&mut self, data: &[u8]) -> ScanResult {
        let mut tokens = Tokens { rest: data };
        let (mut context, mut dictionary) = (Context::default(), Dictionary::default());
        let mut read = 0;
        while let Some(token) = tokens.next() {
            let length = data.len() - tokens.rest.len();
            self.spend(length - read)?;
            read = length;
            context.check(&token)?;
            match token {
                Token::Name(name) if name == b"Encrypt" => return Err(Refusal::Encrypted.into()),
                Token::Name(name) => dictionary.note(&name),
                Token::Word(b"stream") if dictionary.has_objects => {
                    return self.stream(tokens.rest, &dictionary);
                }
                Token::Word(b"endobj" | b"stream" | b"endstream" | b"startxref") => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads the objects in a stream.
    fn stream(&mut self, data: &[u8], dictionary: &Dictionary) -> ScanResult {
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        match dictionary {
            Dictionary { filters: 1, inflates: 1, is_unreadable: false, .. } => {
                let inflated = self.inflate(data)?;
                self.objects(&inflated)
            }
            Dictionary { filters: 0, inflates: 0, is_unreadable: false, .. } => {
                let end = data.windows(9).position(|part| part == b"endstream").unwrap_or(data.len());
                self.spend(end)?;
                self.objects(data.get(..end).unwrap_or_default())
            }
            _ => Err(Refusal::Active("objects that can't be read").into()),
        }
    }

    /// Decompresses a stream with its two bytes of header. Its checksum doesn't matter, as for
    /// readers.
    fn inflate(&mut self, data: &[u8]) -> ScanResult<Vec<u8>> {
        let compressed = data.get(2..).filter(|_| data.first().is_some_and(|method| method & 15 == 8));
        let mut decoder = DeflateDecoder::new(compressed.ok_or(Refusal::Damaged)?);
        let limit = MAX_OBJECT_STREAM.min(self.inflatable);
        let mut inflated = Vec::new();
        decoder.by_ref().take(limit + 1).read_to_end(&mut inflated)?;
        let length = inflated.len() as u64;
        if length > limit {
            return Err(Refusal::TooComplex.into());
        }
        self.inflatable -= length;
        Ok(inflated)
    }

    /// Reads the objects of an object stream. An object may begin within another one, so names in
    /// texts count, too.
    fn objects(&mut self, data: &[u8]) -> ScanResult {
        self.meter.check()?;
        for (at, byte) in data.iter().enumerate() {
            if *byte == b'/' {
                let rest = data.get(at..).unwrap_or_default();
                passive(&Tokens { rest: rest.get(..128).unwrap_or(rest) }.name())?;
            }
        }
        let mut context = Context::default();
        for token in (Tokens { rest: data }) {
            context.check(&token)?;
        }
        Ok(())
    }
}

/// Refuses a document with active content, and one that is encrypted or takes too much work to
/// read.
pub(super) fn check(data: &[u8], meter: &Meter) -> ScanResult {
    let starts = AhoCorasick::new(["obj", "trailer"]).map_err(std::io::Error::other)?;
    let mut scan = Scan {
        meter,
        readable: data.len().saturating_mul(4).saturating_add(1 << 20),
        inflatable: MAX_INFLATED,
    };
    for (n, start) in starts.find_iter(data).enumerate() {
        if n % CHECK_INTERVAL == 0 {
            meter.check()?;
        }
        let before = data.get(..start.start()).unwrap_or_default();
        // An object begins with its number and generation.
        let is_start = start.pattern().as_usize() == 1
            || before.iter().rev().find(|b| !is_space(**b)).is_some_and(u8::is_ascii_digit);
        if is_start {
            scan.object(data.get(start.end()..).unwrap_or_default())?;
        }
    }
    Ok(())
}

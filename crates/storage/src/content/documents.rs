//! Active content of PDF documents: scripts, commands, embedded files.
//!
//! A reader reaches every object by a position in the file, where its number and `obj` stand, or by
//! its place in an object stream. So this scan reads the tokens behind every `obj` and `trailer`,
//! wherever they stand, and the names and objects in every object stream. It trusts no table: a
//! reference may mean any of the objects with its number.

mod actions;
mod tokens;

use std::io::Read;

use aho_corasick::AhoCorasick;
use flate2::bufread::DeflateDecoder;

use self::{
    actions::{Actions, Context, passive},
    tokens::{Token, Tokens, is_space},
};
use super::{
    error::{ContentError, Refusal},
    limits::{MAX_INFLATED, MAX_OBJECT_STREAM},
    meter::Meter,
};

type ScanResult<T = ()> = Result<T, ContentError>;

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

/// How the data of a stream is stored, by the names in its dictionary.
#[derive(Debug, Default)]
struct Dictionary {
    /// Only object streams have a position of their first object.
    has_objects: bool,
    filters: usize,
    inflates: usize,
    is_unreadable: bool,
    /// Position of the first object.
    first: Option<usize>,
}

impl Dictionary {
    /// Notes a word of the position of the first object, behind these many others: it is no
    /// reference. Of two positions, a reader may take either.
    fn begin(&mut self, words: Option<usize>, word: &[u8]) {
        let word = std::str::from_utf8(word).ok().filter(|_| words == Some(0));
        let position = word.and_then(|digits| digits.parse().ok());
        self.is_unreadable |= position.is_none() || self.first.is_some_and(|first| Some(first) != position);
        self.first = position;
    }

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
    actions: Actions,
}

impl Scan<'_> {
    fn spend(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.readable = self.readable.checked_sub(bytes).ok_or(Refusal::TooComplex)?;
        Ok(())
    }

    /// Reads an object to its end or to the beginning of its stream. It may have any of the
    /// numbers.
    fn object(&mut self, numbers: &[Option<u32>], data: &[u8]) -> ScanResult {
        let mut tokens = Tokens { rest: data };
        let (mut context, mut dictionary) = (Context::default(), Dictionary::default());
        let (mut read, mut behind_first) = (0, None);
        while let Some(token) = tokens.next() {
            let length = data.len() - tokens.rest.len();
            self.spend(length - read)?;
            read = length;
            match &token {
                Token::Word(b"stream") if dictionary.has_objects => {
                    self.stream(tokens.rest, &dictionary)?;
                    break;
                }
                Token::Word(b"endobj" | b"stream" | b"endstream" | b"startxref") => break,
                Token::Word(word) if behind_first.is_some() => dictionary.begin(behind_first, word),
                Token::Name(name) if name == b"Encrypt" => return Err(Refusal::Encrypted.into()),
                Token::Name(name) => dictionary.note(name),
                _ => {}
            }
            behind_first = match &token {
                Token::Name(name) if name == b"First" => Some(0),
                Token::Word(_) => behind_first.map(|words| words + 1),
                _ => None,
            };
            context.read(&token, &mut self.actions)?;
        }
        for number in numbers {
            self.actions.note(*number, context.meaning());
        }
        Ok(())
    }

    /// Reads the objects in a stream.
    fn stream(&mut self, data: &[u8], dictionary: &Dictionary) -> ScanResult {
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        match dictionary {
            Dictionary { filters: 1, inflates: 1, is_unreadable: false, first: Some(first), .. } => {
                let inflated = self.inflate(data)?;
                self.readable = self.readable.saturating_add(inflated.len().saturating_mul(4));
                self.objects(&inflated, *first)
            }
            Dictionary { filters: 0, inflates: 0, is_unreadable: false, first: Some(first), .. } => {
                let end = data.windows(9).position(|part| part == b"endstream").unwrap_or(data.len());
                self.spend(end)?;
                self.objects(data.get(..end).unwrap_or_default(), *first)
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
    fn objects(&mut self, data: &[u8], first: usize) -> ScanResult {
        self.meter.check()?;
        for (at, byte) in data.iter().enumerate() {
            if *byte == b'/' {
                let rest = data.get(at..).unwrap_or_default();
                passive(&Tokens { rest: rest.get(..128).unwrap_or(rest) }.name())?;
            }
        }
        let mut context = Context::default();
        for token in (Tokens { rest: data }) {
            context.read(&token, &mut self.actions)?;
        }
        // Pairs of numbers and positions. Readers take as many as the dictionary says, also from
        // behind the first position; what looks like a pair there is none, and does no harm.
        let mut numbers = Tokens { rest: data }.map_while(|token| match token {
            Token::Word(word) => std::str::from_utf8(word).ok()?.parse::<u32>().ok(),
            _ => None,
        });
        let mut read = 0;
        while let Some((number, position)) = numbers.next().zip(numbers.next()) {
            if read % CHECK_INTERVAL == 0 {
                self.meter.check()?;
            }
            read += 1;
            let start = usize::try_from(position).unwrap_or(usize::MAX).saturating_add(first);
            self.numbered(number, data.get(start..).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Reads an object in a stream to its end.
    fn numbered(&mut self, number: u32, data: &[u8]) -> ScanResult {
        let mut tokens = Tokens { rest: data };
        let (mut context, mut read) = (Context::default(), 0);
        while !context.is_complete() {
            let Some(token) = tokens.next() else { break };
            let length = data.len() - tokens.rest.len();
            self.spend(length - read)?;
            read = length;
            context.read(&token, &mut self.actions)?;
        }
        self.actions.note(Some(number), context.meaning());
        Ok(())
    }
}

/// The numbers of the object that begins behind this part of the file: a reader may begin at any
/// digit of the number. Behind a comment the number is unknown.
fn numbers(before: &[u8]) -> Vec<Option<u32>> {
    let count = |text: &[u8], is: fn(u8) -> bool| text.iter().rev().take_while(|b| is(**b)).count();
    let without = |text: &mut &[u8], is| *text = text.get(..text.len() - count(text, is)).unwrap_or_default();
    let is_digit = |b: u8| b.is_ascii_digit();
    let mut number = before;
    without(&mut number, is_space);
    without(&mut number, is_digit);
    without(&mut number, is_space);
    let found: Vec<_> = (number.len() - count(number, is_digit).min(10)..number.len())
        .filter_map(|start| std::str::from_utf8(number.get(start..)?).ok()?.parse().ok())
        .map(Some)
        .collect();
    if found.is_empty() { vec![None] } else { found }
}

/// Refuses a document with active content, and one that is encrypted or takes too much work to
/// read.
pub(super) fn check(data: &[u8], meter: &Meter) -> ScanResult {
    let starts = AhoCorasick::new(["obj", "trailer"]).map_err(std::io::Error::other)?;
    let mut scan = Scan {
        meter,
        readable: data.len().saturating_mul(4).saturating_add(1 << 20),
        inflatable: MAX_INFLATED,
        actions: Actions::default(),
    };
    for (n, start) in starts.find_iter(data).enumerate() {
        if n % CHECK_INTERVAL == 0 {
            meter.check()?;
        }
        let before = data.get(..start.start()).unwrap_or_default();
        let is_trailer = start.pattern().as_usize() == 1;
        // An object begins with its number and generation.
        let is_object = before.iter().rev().find(|b| !is_space(**b)).is_some_and(u8::is_ascii_digit);
        let numbers = if is_object && !is_trailer { numbers(before) } else { Vec::new() };
        if is_trailer || is_object {
            scan.object(&numbers, data.get(start.end()..).unwrap_or_default())?;
        }
    }
    Ok(scan.actions.check()?)
}
